package delivery

import (
	"context"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/pool"
)

// captured lists and runs what waits for a commit, for tests that roll their transaction back.
type captured struct{ reg *dispatch.Registry }

// Run runs the actions that were queued after a place, in the transaction itself: first the BeforeCommit receivers, then everything that waits for
// the commit. If a receiver or function queues more, this runs when it returns: outside a transaction, its own write would have committed by then.
func (c captured) Run(tx *pool.Tx, place int, failed func(before bool, err error)) {
	if !c.before(tx, place, failed) {
		return
	}
	d := delivery{reg: c.reg, outside: tx, inline: true, handle: func(_ context.Context, err error) { failed(false, err) }}
	actions := tx.Queue.Take(place)
	place = tx.Queue.Last()
	d.turn = func() { c.Run(tx, place, failed) }
	d.commit(actions)
}

// before runs the BeforeCommit receivers of actions that were queued after a place, including those of their own writes. If one fails, a COMMIT would
// roll back, so nothing else waits any more.
func (c captured) before(tx *pool.Tx, place int, failed func(before bool, err error)) bool {
	for next := place; ; {
		actions := tx.Queue.Since(next)
		if len(actions) == 0 {
			return true
		}
		next = int(actions[0].Seq)
		waits, isSend := actions[0].Action.(interface{ sendBeforeCommit() error })
		if !isSend {
			continue
		}
		if err := waits.sendBeforeCommit(); err != nil {
			waited(tx.Queue.Take(place), fault.ErrRolledBack)
			failed(true, err)
			return false
		}
	}
}

// List describes the actions that were queued after a place: one line for each row and receiver, and one for each function.
func (c captured) List(tx *pool.Tx, place int) []string {
	actions := tx.Queue.Since(place)
	var before, after []string
	var net *netRows
	for _, it := range actions {
		switch a := it.Action.(type) {
		case *dispatch.Queued:
			if a.On == dispatch.AfterCommit {
				after = append(after, "function queued at "+a.At.String())
			}
		case *Sent:
			before = append(before, a.list(dispatch.BeforeCommit)...)
			after = append(after, a.list(dispatch.AfterCommit)...)
		case *Deferred:
			before = append(before, a.list(dispatch.BeforeCommit)...)
			after = append(after, a.list(dispatch.AfterCommit)...)
			if a.frame.Plan.Net {
				if net == nil {
					net = fold(actions)
				}
				after = append(after, net.list(a)...)
			}
		}
	}
	for i := range before {
		before[i] += " before the commit"
	}
	return append(before, after...)
}

// list describes the calls of a phase, except those of net receivers.
func (d *Deferred) list(p dispatch.Phase) (lines []string) {
	entries := d.entries(p)
	for i := range d.rows {
		for _, e := range entries {
			if !e.Net && d.frame.Reaches(e, &d.rows[i]) {
				lines = append(lines, d.describe(e))
			}
		}
	}
	return lines
}

// list describes the calls of a phase.
func (s *Sent) list(p dispatch.Phase) (lines []string) {
	for _, e := range s.entries(p) {
		lines = append(lines, s.Signal+" to "+e.Info.Name())
	}
	return lines
}

// list describes the calls of net receivers for the rows whose last write was this send.
func (n *netRows) list(d *Deferred) (lines []string) {
	for _, known := range n.last[d] {
		k, row := known.event(d)
		if row == nil {
			continue
		}
		for _, e := range d.frame.Plan.Deferred[k] {
			if e.Phase == dispatch.AfterCommit && e.Net && d.frame.Reaches(e, row) {
				lines = append(lines, d.describe(e))
			}
		}
	}
	return lines
}

func (d *Deferred) describe(e *dispatch.Entry) string {
	return e.Kind.String() + " " + d.frame.Plan.Sender + " to " + e.Info.Name()
}
