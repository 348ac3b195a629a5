package signals

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

// delivery runs what waited for the end of a transaction.
type delivery struct {
	reg     *registry
	outside gorm.ConnPool                        // where receivers get their sessions; nil means the database's own pool
	handle  func(ctx context.Context, err error) // told of every error
	turn    func()                               // runs what a receiver or a function has queued; nil when that is no part of it
}

// transactionEnded is called when a transaction has ended and its connection is back in the pool.
func (r *registry) transactionEnded(tx *pool.Tx, end pool.End) {
	if len(end.Waiting)+len(end.Cut) == 0 {
		return
	}
	d := delivery{reg: r, outside: tx.Outside, handle: r.failed}
	switch end.Outcome {
	case txn.Committed:
		d.rollback(end.Cut)
		d.commit(end.Waiting)
	case txn.RolledBack:
		all := append(slices.Clone(end.Waiting), end.Cut...)
		slices.SortFunc(all, func(a, b txn.Item[any]) int { return a.Seq - b.Seq })
		d.rollback(all)
	default:
		n := len(end.Waiting) + len(end.Cut)
		waited(end.Waiting, ErrOutcomeUnknown)
		waited(end.Cut, ErrOutcomeUnknown)
		r.handle(context.Background(), fmt.Errorf("%w (%d sends and functions waited for it): %w", ErrOutcomeUnknown, n, end.Cause))
	}
}

// waited tells the observer of sends that wait no more.
func waited(actions []txn.Item[any], err error) {
	for _, it := range actions {
		if d, ok := it.Action.(*deferred); ok {
			d.waited(err)
		}
	}
}

// rollback calls rollback functions and AfterRollback receivers, the last one first.
func (d delivery) rollback(actions []txn.Item[any]) {
	waited(actions, ErrRolledBack)
	for _, it := range slices.Backward(actions) {
		switch a := it.Action.(type) {
		case *call:
			if a.on == afterRollback {
				d.run(a)
			}
		case *deferred:
			entries := a.entries(afterRollback)
			if len(entries) == 0 {
				continue
			}
			a.frame.leave(d.outside, a.table)
			for i := range slices.Backward(a.rows) {
				for _, e := range slices.Backward(entries) {
					d.send(e, &a.frame, a.rows[i:i+1])
				}
			}
		}
	}
}

// commit calls commit functions and AfterCommit receivers in the order in which they were queued.
func (d delivery) commit(actions []txn.Item[any]) {
	waited(actions, nil)
	var net *netRows
	var batches map[*entry]bool
	for i, it := range actions {
		switch a := it.Action.(type) {
		case *call:
			if a.on == afterCommit {
				d.run(a)
			}
		case *deferred:
			a.frame.leave(d.outside, a.table)
			for _, e := range a.w.plan.deferred[a.kind] {
				d.single(e, a, actions[i:], &batches)
			}
			if a.w.plan.net {
				if net == nil {
					net = fold(actions)
				}
				net.deliver(d, a)
			}
		}
	}
	if net != nil {
		net.deliverBatches(d)
	}
}

// single calls one AfterCommit receiver for the rows of one send. A batch receiver gets all rows of the transaction when
// the first ones have their turn.
func (d delivery) single(e *entry, a *deferred, rest []txn.Item[any], batches *map[*entry]bool) {
	switch {
	case e.phase != afterCommit || e.net || (*batches)[e]:
	case e.batch == nil:
		for i := range a.rows {
			d.send(e, &a.frame, a.rows[i:i+1])
		}
	default:
		if *batches == nil {
			*batches = map[*entry]bool{}
		}
		(*batches)[e] = true
		d.send(e, &a.frame, rowsFor(e, rest))
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

// send calls a deferred receiver, hands its error on, and then runs what it queued outside any transaction.
func (d delivery) send(e *entry, f *frame, rows []row) {
	if err := d.reg.call([]*entry{e}, f, rows); err != nil {
		d.handle(f, err)
	}
	for f.ended != nil && len(f.ended.later) > 0 {
		next := f.ended.later[0]
		f.ended.later = f.ended.later[1:]
		d.run(next)
	}
	if d.turn != nil {
		d.turn()
	}
}

func (d delivery) run(c *call) {
	if err := c.run(); err != nil {
		d.handle(c.ctx, err)
	}
	if d.turn != nil {
		d.turn()
	}
}

// handle tells of an error that can no longer abort anything.
func (r *registry) handle(ctx context.Context, err error) {
	defer func() { _ = recover() }() // a handler that panics has had its chance
	if r.ErrorHandler != nil {
		r.ErrorHandler(ctx, err)
		return
	}
	r.db.Logger.Error(ctx, "signals: after the end of a transaction: %v", err)
}
