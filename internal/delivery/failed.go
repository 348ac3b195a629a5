package delivery

import (
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

// failure is why a write has failed.
type failure struct {
	err     error
	written bool // the database has run the statement: what it has done may still be committed
	lost    bool // nobody is to hear of the send but of its failure
}

// Fail says that the call that the send belongs to has failed. Written says that the database has run its statement all the same.
func (d *Deferred) Fail(err error, written bool) {
	d.rest().failure.CompareAndSwap(nil, &failure{err: err, written: written})
}

// lost reports whether nobody is to hear of the send but of its failure.
func (d *Deferred) lost() bool {
	f := d.failed()
	return f != nil && f.lost
}

// QueueLost says that the call has failed without having been told, and puts the send where it will be called from. It reports whether that is the end of the
// statement, because it runs outside any transaction.
func (d *Deferred) QueueLost(current gorm.ConnPool, err error, written bool) (forStatement bool) {
	d.rest().failure.Store(&failure{err, written, true})
	if len(d.rows) == 0 {
		return false
	}
	tx, inTransaction := pool.Find(current)
	switch {
	case tx != nil:
		tx.Watch()
		if tx.Add(d) == nil {
			return false
		}
		reg := d.reg() // the transaction has ended by itself
		delivery{reg: reg, outside: tx.Outside, handle: reg.Handle}.end(ended{undone: []txn.Item[any]{{Action: d}}})
		return false
	case inTransaction && pool.Nil(current): // it could not be begun
		return true
	}
	return !inTransaction || (d.reg().Untracked != dispatch.Drop && d.reg().Untracked != dispatch.Refuse)
}

// failures calls the receivers that hear of failed writes: those of statements that have failed, and those whose transaction was rolled back
// although the program has not asked for it.
func (d delivery) failures(e ended) {
	d.failed(e.rolledBack, func(a *Deferred, it txn.Item[any]) error {
		switch f := a.failed(); {
		case f != nil:
			return f.err
		case it.Cut:
			return nil
		}
		return e.cause
	})
	d.failed(e.undone, func(a *Deferred, _ txn.Item[any]) error {
		if f := a.failed(); f != nil {
			return f.err
		}
		return nil
	})
	unwritten := func(a *Deferred, _ txn.Item[any]) error {
		if f := a.failed(); f != nil && !f.written {
			return f.err
		}
		return nil
	}
	d.failed(e.committed, unwritten)
	d.failed(e.unknown, unwritten)
}

// failed calls the receivers of those sends for which why has an error.
func (d delivery) failed(actions []txn.Item[any], why func(a *Deferred, it txn.Item[any]) error) {
	every(0, len(actions), func(i int) {
		a, ok := actions[i].Action.(*Deferred)
		if !ok {
			return
		}
		entries := a.entries(dispatch.AfterFailure)
		if len(entries) == 0 {
			return
		}
		err := why(a, actions[i])
		if err == nil {
			return
		}
		f := a.frame
		f.Leave(d.outside, &dispatch.Ended{})
		f.Fail(err)
		every(0, len(entries), func(j int) {
			switch e := entries[j]; {
			case !d.takes(e):
			case e.Batch != nil:
				d.send(e, &f, a.rows)
			default:
				every(0, len(a.rows), func(k int) { d.send(e, &f, a.rows[k:k+1]) })
			}
		})
	})
}
