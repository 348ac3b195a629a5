package delivery

import (
	"cmp"
	"context"
	"slices"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/lanes"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/rows"
	"github.com/gorm-signals/signals/internal/txn"
)

// ended holds the actions of a transaction that has ended, sorted by their outcome.
type ended struct {
	rolledBack, committed, unknown []txn.Item[any]
	undone                         []txn.Item[any] // actions of a failed statement outside any transaction
	cause                          error           // why the transaction was rolled back, if the program did not ask for it
	held                           pool.Held
}

// end makes all calls that waited for the end of a transaction. It puts calls on lanes first: the other calls may take long, and may write the same
// rows.
func (d delivery) end(e ended) {
	if p := d.toLanes(e); p != nil {
		defer p.wait()
	}
	d.pass(e)
}

// pass makes the calls of one pass. If a receiver ends its goroutine, pass makes the other calls before the goroutine ends.
func (d delivery) pass(e ended) {
	defer d.failures(e)
	if len(e.rolledBack) > 0 {
		defer d.commit(e.committed)
		d.rollback(e.rolledBack)
		return
	}
	d.commit(e.committed)
}

// toLanes puts calls on lanes, in the places that the transaction holds there. It returns nil if there are none.
func (d delivery) toLanes(e ended) *puts {
	if e.held != nil {
		defer e.held.Release()
	}
	first := cmp.Or(laned(e.rolledBack), laned(e.committed), laned(e.unknown), laned(e.undone))
	if first == nil {
		return nil
	}
	d.puts = &puts{ctx: first.Context}
	d.puts.held, _ = e.held.(held)
	d.pass(e)
	return d.puts
}

// laned returns the frame of the first send with a receiver on a lane, nil if there is none.
func laned(actions []txn.Item[any]) *dispatch.Frame {
	for _, it := range actions {
		if f, entries := waitingIn(it.Action); slices.ContainsFunc(entries, onLane) {
			return f
		}
	}
	return nil
}

func onLane(e *dispatch.Entry) bool { return e.Lane != nil }

// waitingIn returns the receivers that wait in an action, and the frame of its send.
func waitingIn(action any) (*dispatch.Frame, []*dispatch.Entry) {
	switch a := action.(type) {
	case *Deferred:
		return &a.frame, a.frame.Plan.Deferred[a.frame.Kind]
	case *Sent:
		return &a.frame, a.Entries
	}
	return nil, nil
}

// keysIn returns the rows of an action as keys of lines.
func (t Transactions) keysIn(action any) []lanes.Key {
	switch a := action.(type) {
	case *Deferred:
		return keysOf(t.Registry, &a.frame, a.rows)
	case *Sent:
		return a.keys()
	}
	return nil
}

// held is the places that a transaction holds on lanes while it commits. As soon as the database has committed, a later transaction can write the
// same rows, and its calls must come later.
type held []heldOn

type heldOn struct {
	lane *lanes.Lane
	hold *lanes.Hold
}

// Release gives the places up.
func (h held) Release() {
	for _, on := range h {
		on.hold.Release()
	}
}

// on returns the places on a lane.
func (h held) on(l *lanes.Lane) *lanes.Hold {
	for _, on := range h {
		if on.lane == l {
			return on.hold
		}
	}
	return nil
}

// commits holds places for the actions that wait for a commit. It holds all places on a lane at once, so that no two transactions wait for each
// other.
func (t Transactions) commits(tx *pool.Tx) pool.Held {
	if !tx.Queue.Any(func(action any) bool { _, entries := waitingIn(action); return slices.ContainsFunc(entries, onLane) }) {
		return nil
	}
	var order []*lanes.Lane
	keys := map[*lanes.Lane][]lanes.Key{}
	for _, it := range tx.Queue.Since(0) {
		_, entries := waitingIn(it.Action)
		for _, e := range entries {
			if e.Lane == nil || e.Phase != dispatch.AfterCommit {
				continue
			}
			if keys[e.Lane] == nil {
				order = append(order, e.Lane)
			}
			keys[e.Lane] = append(keys[e.Lane], t.keysIn(it.Action)...)
		}
	}
	var h held
	for _, l := range order {
		h = append(h, heldOn{l, l.Hold(keys[l])})
	}
	return h
}

// keysOf returns the rows of a send as keys of lines. Rows without a primary key have no order, and so no key.
func keysOf(reg *dispatch.Registry, f *dispatch.Frame, sent []change.Row) []lanes.Key {
	keys := make([]lanes.Key, 0, len(sent))
	for i := range sent {
		if key, set := sent[i].Facts.Model.KeyOf(f, sent[i].Value()); set {
			keys = append(keys, lanes.Key{Of: reg, Table: sent[i].Facts.Table, Row: rows.Identity(key)})
		}
	}
	return keys
}

// puts is what the end of a transaction has put on lanes.
type puts struct {
	ctx   context.Context //nolint:containedctx // of one of the writes, as it was before the end
	held  held
	lanes []*lanes.Lane
	frame *dispatch.Frame // frame of one of the calls
}

// wait waits until the queues of the lanes have room, or until the write's context ends. A write on a lane, within a transaction or in db.Connection
// does not wait: the lane may need its worker, its locks or its connection.
func (p *puts) wait() {
	for _, l := range p.lanes {
		if l.Full() && !lanes.On(p.frame) && !p.frame.Holds() {
			l.Room(p.ctx)
		}
	}
}

// put puts the call of a receiver on its lane, if the receiver wants one of the rows.
func (d delivery) put(e *dispatch.Entry, f *dispatch.Frame, sent []change.Row) {
	defer func() {
		if v := recover(); v != nil { // the panic of a type that the model uses
			d.handle(f, e.Recover(v))
		}
	}()
	c := &laneCall{reg: d.reg, handle: d.handle, entry: e, frame: *f}
	c.frame.Apart()
	if c.frame.Ended = &c.ended; e.Lane.Handle != nil {
		c.handle = e.Lane.Handle
	}
	if c.rows = c.one[:0]; len(sent) > 1 {
		c.rows = make([]change.Row, 0, len(sent))
	}
	for i := range sent {
		if r := sent[i]; f.Reaches(e, &r) {
			r.Instance = r.Facts.Model.Clone(f, r.Value()).Interface() // a copy, because other receivers get the row at the same time
			c.rows = append(c.rows, r)
		}
	}
	if len(c.rows) == 0 {
		return
	}
	d.puts.add(e.Lane, f)
	e.Lane.Put(c, keysOf(d.reg, f, c.rows), d.puts.held.on(e.Lane))
}

func (p *puts) add(l *lanes.Lane, f *dispatch.Frame) {
	p.frame = f
	if slices.Contains(p.lanes, l) {
		return
	}
	p.lanes = append(p.lanes, l)
}

// laneCall is a call of a receiver of a model on a lane.
type laneCall struct {
	reg    *dispatch.Registry
	handle func(ctx context.Context, err error)
	entry  *dispatch.Entry
	frame  dispatch.Frame
	ended  dispatch.Ended
	rows   []change.Row
	one    [1]change.Row // array of rows, if there is one row
}

// Context returns the context of the write.
func (c *laneCall) Context() context.Context { return c.frame.Context }

// Run calls the receiver.
func (c *laneCall) Run(ctx context.Context) error {
	c.frame.Context = ctx //nolint:fatcontext // a frame of its own for each call
	var failed error
	d := delivery{reg: c.reg, handle: func(ctx context.Context, err error) {
		failed = err
		c.report(ctx, err)
	}}
	d.send(c.entry, &c.frame, c.rows)
	return failed
}

// Refuse reports a call that is not made.
func (c *laneCall) Refuse(err error) { c.report(&c.frame, c.entry.Failure(err)) }

// report passes an error to the handler, with the rows of the call.
func (c *laneCall) report(ctx context.Context, err error) {
	o := c.frame.Observation(dispatch.Calling, c.entry.Phase, c.rows)
	o.Receiver = c.entry
	c.handle(ctx, c.reg.Errors.OnLane(o, err))
}
