package delivery

import (
	"context"
	"log/slog"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/lanes"
	"github.com/gorm-signals/signals/internal/rows"
)

// keys returns the event's key on lanes.
func (s *Sent) keys() []lanes.Key {
	if len(s.Key) == 0 {
		return nil
	}
	return []lanes.Key{{Of: s.Of, Row: rows.Identity(s.Key)}}
}

// handlerOf returns the handler for errors of a receiver on a lane: the lane's, the one of the frame's database, or else one that logs.
func handlerOf(e *dispatch.Entry, f *dispatch.Frame) func(context.Context, error) {
	switch {
	case e.Lane.Handle != nil:
		return e.Lane.Handle
	case f.Plan != nil:
		return f.Plan.Reg.Handle
	}
	return func(ctx context.Context, err error) {
		slog.Default().LogAttrs(ctx, slog.LevelError, "signals: a receiver on a lane", slog.Any("error", err))
	}
}

// putSent puts the call of a receiver on its lane.
func (d delivery) putSent(e *dispatch.Entry, s *Sent, events []*Sent) {
	c := &sentCall{reg: d.reg, sent: s, entry: e, events: events, frame: s.frame, handle: d.handle}
	if c.frame.Ended = &c.ended; e.Lane.Handle != nil {
		c.handle = e.Lane.Handle
	}
	var keys []lanes.Key
	for _, sent := range events {
		keys = append(keys, sent.keys()...)
	}
	d.puts.add(e.Lane, &s.frame)
	e.Lane.Put(c, keys, d.puts.held.on(e.Lane))
}

// sentCall is a call of a receiver of a custom signal on a lane.
type sentCall struct {
	reg    *dispatch.Registry // nil if the event was sent in no transaction
	sent   *Sent
	entry  *dispatch.Entry
	events []*Sent
	frame  dispatch.Frame
	ended  dispatch.Ended
	handle func(ctx context.Context, err error)
}

// Context returns the context that the event was sent with.
func (c *sentCall) Context() context.Context { return c.frame.Context }

// Run calls the receiver.
func (c *sentCall) Run(ctx context.Context) (err error) {
	c.frame.Context = ctx //nolint:fatcontext // a frame of its own for each call
	err = c.entry.Failure(fault.ErrGoexit)
	defer func() {
		if err != nil {
			c.report(&c.frame, err)
		}
		if c.reg != nil {
			delivery{reg: c.reg, handle: c.report}.later(&c.frame)
		}
	}()
	err = c.sent.call(&c.frame, c.entry, c.events)
	return err
}

// Refuse reports a call that is not made.
func (c *sentCall) Refuse(err error) { c.report(&c.frame, c.entry.Failure(err)) }

func (c *sentCall) report(ctx context.Context, err error) {
	o := c.sent.observation(dispatch.Calling, c.entry.Phase, len(c.events))
	o.Receiver = c.entry
	c.handle(ctx, c.entry.Errors.OnLane(o, err))
}
