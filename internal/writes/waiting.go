package writes

import (
	"cmp"
	"context"
	"fmt"

	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/pool"
)

// prepare refuses a write if nobody could call its waiting receivers at the end.
func (w *write) prepare(k dispatch.Kind) error { return delivery.Possible(w.plan, k, w.stmt.ConnPool) }

// queue takes a snapshot of the rows for waiting receivers. The transaction keeps it, or the write if there is no transaction.
func (w *write) queue(k dispatch.Kind) error {
	if !w.plan.Waits(k) {
		return nil
	}
	d := &delivery.Deferred{}
	d.Take(k, &w.post, w.stmt, w.facts, w.rows)
	w.note(k, d)
	forStatement, err := d.Queue(w.stmt.ConnPool)
	if forStatement {
		w.waiting = append(w.waiting, d)
	}
	return err
}

// finish calls the receivers that wait for the end of a statement outside any transaction.
func (w *write) finish(succeeded bool) {
	if !succeeded && w.unanswered() {
		return
	}
	if w.fallible != nil {
		delivery.Finish(w.fallible.lost, false)
	}
	delivery.Finish(w.waiting, succeeded)
}

// unanswered reports whether nobody knows the outcome of a statement outside any transaction: it was sent, and the database has not refused it. Then
// the error handler gets ErrOutcomeUnknown.
func (w *write) unanswered() bool {
	if w.tx != nil || len(w.waiting) > 0 || !w.plan.Waits(w.post.Kind) || w.stmt.SQL.Len() == 0 {
		return false
	}
	answer := cmp.Or(w.answer, w.db.Error)
	if _, inTransaction := pool.Find(w.stmt.ConnPool); inTransaction || w.reg.Pools.Refused(answer) {
		return false
	}
	w.reg.Handle(context.WithoutCancel(w.stmt.Context), fmt.Errorf("%w: %w", fault.ErrOutcomeUnknown, answer))
	return true
}
