package signals

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

// deferred is one send of a write whose receivers wait for the end of the transaction. Its rows are snapshots.
type deferred struct {
	w     *write
	kind  kind
	frame frame
	table string // as the statement named it: GORM reuses statements
	rows  []row
	one   [1]row // what rows points to when there is one
}

// prepare refuses a write whose deferred receivers could not be kept.
func (w *write) prepare(k kind) error {
	if len(w.plan.deferred[k]) == 0 && !w.plan.net {
		return nil
	}
	tx, inTransaction := pool.Find(w.stmt.ConnPool)
	if inTransaction && tx == nil && w.reg.Untracked == Refuse {
		return ErrUntracked
	}
	return nil
}

// queue takes a snapshot of the rows for the receivers that wait, and puts it where they will be called from.
func (w *write) queue(k kind) error {
	if len(w.plan.deferred[k]) == 0 && !w.plan.net {
		return nil
	}
	d := w.snapshot(k)
	if len(d.rows) == 0 {
		return nil
	}
	tx, inTransaction := pool.Find(w.stmt.ConnPool)
	switch {
	case tx != nil:
		if slices.ContainsFunc(w.plan.deferred[k], func(e *entry) bool { return e.phase == afterRollback }) {
			tx.Watch()
		}
		return tx.Queue.Add(d)
	case inTransaction && w.reg.Untracked == Drop:
		return nil
	}
	w.waiting = append(w.waiting, d)
	return d.send(beforeCommit)
}

// snapshot copies the rows, so that what the caller does to its structs until the end changes no event.
func (w *write) snapshot(k kind) *deferred {
	d := &w.after
	if d.w != nil {
		d = &deferred{}
	}
	d.w, d.kind = w, k
	d.frame = w.post
	d.table = w.stmt.Table
	d.rows = d.one[:0]
	if len(w.rows) > 1 {
		d.rows = make([]row, 0, len(w.rows))
	}
	for i := range w.rows {
		if r := w.rows[i]; !r.silent {
			r.instance = w.model.Clone(w.stmt.Context, r.value()).Interface()
			d.rows = append(d.rows, r)
		}
	}
	return d
}

// finish runs what a statement outside any transaction has kept back, once it has succeeded.
func (w *write) finish() {
	if len(w.waiting) == 0 || w.db.Error != nil {
		return
	}
	actions := make([]txn.Item[any], len(w.waiting))
	for i, d := range w.waiting {
		actions[i] = txn.Item[any]{Seq: i, Action: d}
	}
	w.waiting = nil
	w.reg.deliver(actions, nil)
}

// send calls the receivers of a phase in which errors still count.
func (d *deferred) send(p phase) error {
	entries := d.entries(p)
	return d.w.reg.call(entries, &d.frame, d.rows)
}

func (d *deferred) entries(p phase) []*entry {
	all := d.w.plan.deferred[d.kind]
	if !slices.ContainsFunc(all, func(e *entry) bool { return e.phase == p }) {
		return nil
	}
	var entries []*entry
	for _, e := range all {
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
	f.outside = true
	f.pool = outside
}

// beforeCommit runs the BeforeCommit receivers of a transaction, and those of what they write, right before its COMMIT.
func (r *registry) beforeCommit(tx *pool.Tx) error {
	for {
		action, ok := tx.Queue.Next()
		if !ok {
			return nil
		}
		if d, isSend := action.(*deferred); isSend {
			if err := d.send(beforeCommit); err != nil {
				return err
			}
		}
	}
}

// transactionEnded runs what waited for the end of a transaction.
func (r *registry) transactionEnded(tx *pool.Tx, end pool.End) {
	switch end.Outcome {
	case txn.Committed:
		r.undo(end.Cut, tx.Outside)
		r.deliver(end.Waiting, tx.Outside)
	case txn.RolledBack:
		all := append(slices.Clone(end.Waiting), end.Cut...)
		slices.SortFunc(all, func(a, b txn.Item[any]) int { return a.Seq - b.Seq })
		r.undo(all, tx.Outside)
	default:
		if n := len(end.Waiting) + len(end.Cut); n > 0 {
			r.handle(context.Background(), fmt.Errorf("%w, for which %d receivers and functions waited: %w", ErrOutcomeUnknown, n, end.Cause))
		}
	}
}

// undo calls rollback functions and AfterRollback receivers, the last one first.
func (r *registry) undo(actions []txn.Item[any], outside gorm.ConnPool) {
	for _, it := range slices.Backward(actions) {
		switch a := it.Action.(type) {
		case *call:
			if a.on == afterRollback {
				r.run(a)
			}
		case *deferred:
			entries := a.entries(afterRollback)
			if len(entries) == 0 {
				continue
			}
			a.frame.leave(outside)
			for i := range slices.Backward(a.rows) {
				for _, e := range slices.Backward(entries) {
					r.sendOne(e, &a.frame, a.rows[i:i+1])
				}
			}
		}
	}
}

// deliver calls commit functions and AfterCommit receivers in the order in which they were queued.
func (r *registry) deliver(actions []txn.Item[any], outside gorm.ConnPool) {
	var net *netRows
	var batches map[*entry][]row
	for i, it := range actions {
		switch a := it.Action.(type) {
		case *call:
			if a.on == afterCommit {
				r.run(a)
			}
		case *deferred:
			a.frame.leave(outside)
			if a.w.plan.net && net == nil {
				net = fold(actions)
			}
			for _, e := range a.w.plan.deferred[a.kind] {
				switch {
				case e.phase != afterCommit || e.net:
				case e.batch == nil:
					for i := range a.rows {
						r.sendOne(e, &a.frame, a.rows[i:i+1])
					}
				default:
					if _, sent := batches[e]; sent {
						continue
					}
					if batches == nil {
						batches = map[*entry][]row{}
					}
					batches[e] = rowsFor(e, actions[i:])
					r.sendOne(e, &a.frame, batches[e])
				}
			}
			if net != nil {
				net.deliver(r, a)
			}
		}
	}
	if net != nil {
		net.deliverBatches(r)
	}
}

// rowsFor gathers what a batch receiver hears of a transaction.
func rowsFor(e *entry, actions []txn.Item[any]) []row {
	var all []row
	for _, it := range actions {
		if d, ok := it.Action.(*deferred); ok && slices.Contains(d.w.plan.deferred[d.kind], e) {
			all = append(all, d.rows...)
		}
	}
	return all
}

// sendOne calls a deferred receiver, hands its error on, and then runs what it queued outside any transaction.
func (r *registry) sendOne(e *entry, f *frame, rows []row) {
	if err := r.call([]*entry{e}, f, rows); err != nil {
		r.handle(f, err)
	}
	for len(f.later) > 0 {
		next := f.later[0]
		f.later = f.later[1:]
		r.run(next)
	}
}

func (r *registry) run(c *call) {
	if err := c.run(); err != nil {
		r.handle(c.ctx, err)
	}
}

// handle tells of an error that can no longer abort anything.
func (r *registry) handle(ctx context.Context, err error) {
	defer func() { _ = recover() }() //nolint:errcheck // a handler that panics has had its chance
	if r.ErrorHandler != nil {
		r.ErrorHandler(ctx, err)
		return
	}
	r.db.Logger.Error(ctx, "signals: after the end of a transaction: %v", err)
}
