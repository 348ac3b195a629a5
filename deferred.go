package signals

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

// deferred is one send of a write whose receivers wait for the end of the transaction. Its rows are snapshots.
type deferred struct {
	reg      *registry
	kind     kind
	frame    frame
	facts    change.Facts
	settings settings // GORM reuses statements
	rows     []change.Row
	one      [1]change.Row // what rows points to when there is one

	waiting context.Context //nolint:containedctx // what the observer made of the beginning; nil when it is not told
}

// waits reports whether a signal has receivers that wait, or counts for one that wants net events.
func (p *plan) waits(k kind) bool { return len(p.deferred[k]) > 0 || (p.net && k != m2mChanged) }

// prepare refuses a write whose deferred receivers could not be kept.
func (w *write) prepare(k kind) error {
	if !w.plan.waits(k) {
		return nil
	}
	tx, inTransaction := pool.Find(w.stmt.ConnPool)
	switch {
	case tx != nil && tx.Adopted() && w.reg.Untracked == Refuse && w.plan.waitsFor(k, beforeCommit):
		return fault.ErrUntracked
	case inTransaction && tx == nil && w.reg.Untracked == Refuse:
		return w.reg.untracked(w.stmt.ConnPool)
	}
	return nil
}

// waitsFor reports whether a signal has receivers of a phase.
func (p *plan) waitsFor(k kind, in phase) bool {
	return slices.ContainsFunc(p.deferred[k], func(e *entry) bool { return e.phase == in })
}

// untracked says why the end of a transaction cannot be seen.
func (r *registry) untracked(current gorm.ConnPool) error {
	if r.Tracking == TrackAll && pool.Foreign(current) {
		return fault.ErrForeignPool
	}
	return fault.ErrUntracked
}

// queue takes a snapshot of the rows for the receivers that wait, and puts it where they will be called from.
func (w *write) queue(k kind) error {
	if !w.plan.waits(k) {
		return nil
	}
	d := w.snapshot(k)
	if len(d.rows) == 0 {
		return nil
	}
	tx, inTransaction := pool.Find(w.stmt.ConnPool)
	switch {
	case tx != nil:
		if w.plan.waitsFor(k, afterRollback) || w.reg.Observer != nil {
			tx.Watch()
		}
		d.wait()
		err := tx.Add(d)
		if err == nil && tx.Adopted() {
			err = d.sendBeforeCommit() // as the policy says that let the write pass
		}
		if err != nil {
			d.waited(err)
		}
		return err
	case inTransaction && w.reg.Untracked == Drop:
		return nil
	}
	d.wait()
	w.waiting = append(w.waiting, d)
	return d.sendBeforeCommit()
}

// snapshot copies the rows, so that what the caller does to its structs until the end changes no event.
func (w *write) snapshot(k kind) *deferred {
	d := w.after
	if d == nil || d.reg != nil {
		d = &deferred{}
	}
	d.reg, d.kind, d.facts = w.reg, k, w.facts.Lasting()
	d.frame = w.post
	d.frame.detach(w.stmt, &d.settings)
	d.rows = d.one[:0]
	if len(w.rows) > 1 {
		d.rows = make([]change.Row, 0, len(w.rows))
	}
	for i := range w.rows {
		if !w.rows[i].Silent {
			d.rows = append(d.rows, w.rows[i])
			r := &d.rows[len(d.rows)-1]
			r.Facts, r.Instance = &d.facts, r.Snapshot(w.stmt.Context)
		}
	}
	return d
}

// finish runs what a statement outside any transaction has kept back, once it has succeeded.
func (w *write) finish(succeeded bool) {
	if !succeeded {
		w.unanswered()
		for _, d := range w.waiting {
			d.waited(fault.ErrRolledBack)
		}
		return
	}
	if len(w.waiting) == 0 {
		return
	}
	actions := make([]txn.Item[any], len(w.waiting))
	for i, d := range w.waiting {
		actions[i] = txn.Item[any]{Seq: i, Action: d}
	}
	w.waiting = nil
	delivery{reg: w.reg, handle: w.reg.failed}.commit(actions)
}

// unanswered tells that nobody knows what became of a statement outside any transaction: it was sent, and the database has not said
// that it refused it.
func (w *write) unanswered() {
	if w.tx != nil || len(w.waiting) > 0 || !w.plan.waits(w.post.kind) || w.stmt.SQL.Len() == 0 {
		return
	}
	answer := cmp.Or(w.answer, w.db.Error)
	if _, inTransaction := pool.Find(w.stmt.ConnPool); inTransaction || w.reg.pools.Refused(answer) {
		return
	}
	w.reg.handle(context.WithoutCancel(w.stmt.Context), fmt.Errorf("%w: %w", fault.ErrOutcomeUnknown, answer))
}

// sendBeforeCommit calls the receivers of the phase in which errors still count.
func (d *deferred) sendBeforeCommit() error {
	entries := d.entries(beforeCommit)
	if len(entries) == 0 {
		return nil
	}
	f := d.frame // d's own leaves the transaction when that has ended
	return d.reg.call(entries, &f, d.rows)
}

func (d *deferred) entries(p phase) []*entry {
	var entries []*entry
	for _, e := range d.frame.plan.deferred[d.kind] {
		if e.phase == p {
			entries = append(entries, e)
		}
	}
	return entries
}

// leave makes the frame one that outlives its transaction: the context keeps its values without its cancellation, and
// sessions are outside. A nil pool is the database's own.
func (f *frame) leave(outside gorm.ConnPool) {
	if f.Done() != nil {
		f.Context = context.WithoutCancel(f.Context)
	}
	f.ended = &ended{pool: outside}
}

// beforeCommit runs the BeforeCommit receivers of a transaction, and those of what they write, right before its COMMIT.
func (r *registry) beforeCommit(tx *pool.Tx) error {
	for {
		action, ok := tx.Queue.Next()
		if !ok {
			return nil
		}
		if d, isSend := action.(*deferred); isSend {
			if err := d.sendBeforeCommit(); err != nil {
				return err
			}
		}
	}
}
