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
	written bool // the statement has run, so its changes may still be committed
	lost    bool // only AfterFailure receivers get the send
	unsent  bool // and AfterRollback receivers: a receiver of a send by hand has failed
}

// Fail notes that the call of the send has failed. written says that its statement has run all the same.
func (d *Deferred) Fail(err error, written bool) {
	d.rest().failure.CompareAndSwap(nil, &failure{err: err, written: written})
}

// lost reports whether only AfterFailure receivers get the send.
func (d *Deferred) lost() bool {
	f := d.failed()
	return f != nil && f.lost
}

// QueueLost adds a send that only AfterFailure receivers get, because the call has failed. If the write runs outside any transaction, it reports that
// the send waits for the end of the statement.
func (d *Deferred) QueueLost(current gorm.ConnPool, err error, written bool) (forStatement bool) {
	return d.queueFailed(current, &failure{err: err, written: written, lost: true})
}

// QueueUnsent adds a send by hand to its transaction although one of its receivers has failed: AfterRollback and AfterFailure receivers still wait.
func (d *Deferred) QueueUnsent(current gorm.ConnPool, err error) {
	d.queueFailed(current, &failure{err: err, written: true, lost: true, unsent: true})
}

func (d *Deferred) queueFailed(current gorm.ConnPool, f *failure) (forStatement bool) {
	d.rest().failure.Store(f)
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
	case inTransaction && pool.Nil(current): // the transaction could not be begun
		return true
	}
	return !inTransaction || (d.reg().Untracked != dispatch.Drop && d.reg().Untracked != dispatch.Refuse)
}

// failures calls the AfterFailure receivers: of statements that have failed, and of transactions that were rolled back although the program did not
// ask for it.
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

// failed calls the AfterFailure receivers of the sends for which why returns an error.
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
