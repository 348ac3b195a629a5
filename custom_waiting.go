package signals

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"slices"
	"unsafe"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

// sendIn sends an event in the transaction of a session. event is a pointer to it.
func (c *channel) sendIn(tx *gorm.DB, event any) error {
	reg := registryOf(tx)
	if reg == nil {
		return fault.ErrNotInstalled
	}
	e := reflect.ValueOf(event)
	if c.reg != nil {
		return c.sendRowIn(tx, reg, c.given(e.UnsafePointer()))
	}
	f := dispatch.Within(background(tx.Statement.Context), reg, tx.Statement.ConnPool)
	answers, err := c.respondCustom(f, f, e, dispatch.UntilError)
	switch {
	case errors.Is(err, gorm.ErrInvalidTransaction):
		return errors.Join(tx.Error, err)
	case err != nil:
		return err
	}
	return errorOf(answers)
}

// errorOf returns the errors of answers: one as it is, several joined.
func errorOf(answers []dispatch.Answer) error {
	var failed []error
	for _, a := range answers {
		if a.Err != nil {
			failed = append(failed, a.Err)
		}
	}
	if len(failed) == 1 {
		return failed[0]
	}
	return errors.Join(failed...)
}

// respondCustom sends an event of a custom signal. in is the frame of SendIn. It is nil for a plain send, which belongs to the transaction of its
// context, if there is one.
func (c *channel) respondCustom(ctx context.Context, in *dispatch.Frame, event reflect.Value, w dispatch.Way) (answers []dispatch.Answer, err error) {
	snapshot := c.calls.Load()
	if snapshot == nil {
		return []dispatch.Answer{}, nil
	}
	waiting := called(ctx, snapshot.waiting)
	if len(waiting) == 0 {
		return c.respondNow(ctx, snapshot, event, w), nil
	}
	s := &delivery.Sent{
		Signal: c.Name, Of: c, Entries: waiting, Event: event.Interface(), Key: keyOf(event), Observer: snapshot.observer,
		Call: c.callWaiting, Several: func(e *dispatch.Entry) bool { return receiverOf(e).several },
		Seen: func(pointer any) any { return reflect.ValueOf(pointer).Elem().Interface() },
	}
	atOnce, err := queue(ctx, in, s)
	if err != nil {
		return nil, err
	}
	succeeded := false
	defer func() {
		if !succeeded { // also if a receiver ends its goroutine
			s.Fail()
		}
	}()
	answers = c.respondNow(ctx, snapshot, event, w)
	if succeeded = w != dispatch.UntilError || dispatch.FirstError(answers) == nil; succeeded && atOnce {
		answers = append(answers, s.AtOnce(ctx)...)
	}
	return answers, nil
}

// queue makes a send wait for the end of its transaction. If there is none, it reports that the receivers have to be called at once.
func queue(ctx context.Context, in *dispatch.Frame, s *delivery.Sent) (atOnce bool, err error) {
	if in != nil {
		_, current := in.Place()
		return s.Queue(current, in)
	}
	reg, current := dispatch.FrameOf(ctx).Place()
	if reg == nil {
		return true, nil
	}
	if atOnce, err = s.Queue(current, dispatch.Within(ctx, reg, current)); errors.Is(err, sql.ErrTxDone) {
		return true, nil // a receiver kept its context beyond the transaction
	}
	return atOnce, err
}

// called returns the receivers that the context does not mute.
func called(ctx context.Context, entries []*dispatch.Entry) []*dispatch.Entry {
	f := dispatch.FrameOf(ctx)
	switch {
	case f == nil:
		return entries
	case f.MuteAll:
		return nil
	}
	return slices.DeleteFunc(slices.Clone(entries), func(e *dispatch.Entry) bool { return !f.Unmuted(e.UID) })
}

// callWaiting calls a receiver with the events that the pointers point to.
func (c *channel) callWaiting(ctx context.Context, e *dispatch.Entry, pointers []any) error {
	r := receiverOf(e)
	switch {
	case !r.several:
		return c.caller(reflect.ValueOf(pointers[0]))(ctx, r)
	case c.batch != nil:
		events := make([]unsafe.Pointer, len(pointers))
		for i, p := range pointers {
			events[i] = reflect.ValueOf(p).UnsafePointer()
		}
		return c.batch(ctx, r, events)
	}
	events := reflect.MakeSlice(reflect.SliceOf(reflect.TypeOf(pointers[0]).Elem()), 0, len(pointers))
	for _, p := range pointers {
		events = reflect.Append(events, reflect.ValueOf(p).Elem())
	}
	return callReflected(ctx, r, events)
}

// keyOf returns the result of the event's method Key, nil if it has no such method. event is a pointer to the event.
func keyOf(event reflect.Value) []any {
	keyed, ok := reflect.TypeAssert[interface{ Key() any }](event.Elem())
	if !ok {
		if keyed, ok = reflect.TypeAssert[interface{ Key() any }](event); !ok {
			return nil
		}
	}
	if key := keyed.Key(); key != nil {
		return []any{key}
	}
	return nil
}

// sendRowIn sends an event of a model by hand, in the transaction of a session.
func (c *channel) sendRowIn(tx *gorm.DB, reg *dispatch.Registry, g given) error {
	if reg != c.reg {
		return errors.New("signals: SendIn got a session of another database than that of the signal: use one that comes from the same gorm.Open")
	}
	s, err := c.byHand(background(tx.Statement.Context), g)
	if err != nil || s.plan == nil {
		return err
	}
	s.frame.Open(background(tx.Statement.Context), tx, c.Kind, s.plan)
	if err = delivery.Possible(s.plan, c.Kind, tx.Statement.ConnPool); err != nil {
		return err
	}
	failed := c.reg.Send(s.plan, c.Kind, &s.frame, s.rows[:])
	if !s.plan.Waits(c.Kind) {
		return failed
	}
	d := &delivery.Deferred{}
	d.Take(c.Kind, &s.frame, tx.Statement, &s.facts, s.rows[:])
	if failed != nil {
		d.QueueUnsent(tx.Statement.ConnPool, failed)
		return failed
	}
	atOnce, err := d.Queue(tx.Statement.ConnPool)
	if err == nil && atOnce {
		delivery.Finish([]*delivery.Deferred{d}, true)
	}
	return err
}
