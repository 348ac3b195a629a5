package delivery

import (
	"context"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

// Deferred is one send of a write whose receivers wait for the end of the transaction. Its rows are snapshots.
type Deferred struct {
	frame    dispatch.Frame
	facts    change.Facts
	settings dispatch.Settings
	ended    dispatch.Ended
	rows     []change.Row
	one      [1]change.Row // array of rows, if there is one row

	seldom atomic.Pointer[seldom] // state that few sends have
}

// seldom holds state that few sends have. It is allocated separately, because a transaction may hold many sends.
type seldom struct {
	waiting *context.Context        // context that the observer has made for the wait; nil if it has seen none
	failure atomic.Pointer[failure] // why the write has failed; nil if it has not
}

// rest returns the state that few sends have, and allocates it at the first call.
func (d *Deferred) rest() *seldom {
	if s := d.seldom.Load(); s != nil {
		return s
	}
	d.seldom.CompareAndSwap(nil, &seldom{})
	return d.seldom.Load()
}

// failed returns why the write has failed, nil if it has not.
func (d *Deferred) failed() *failure {
	if s := d.seldom.Load(); s != nil {
		return s.failure.Load()
	}
	return nil
}

func (d *Deferred) reg() *dispatch.Registry { return d.frame.Plan.Reg }

// leave lets the frame outlive its transaction, which has ended.
func (d *Deferred) leave(outside gorm.ConnPool) { d.frame.Leave(outside, &d.ended) }

// Take copies the rows of a write, so that later changes of the caller's structs do not change the events.
func (d *Deferred) Take(k dispatch.Kind, of *dispatch.Frame, stmt *gorm.Statement, facts *change.Facts, rows []change.Row) {
	d.frame, d.facts = *of, facts.Lasting()
	d.frame.Kind = k
	d.frame.Detach(stmt, &d.settings)
	d.rows = d.one[:0]
	if len(rows) > 1 {
		d.rows = make([]change.Row, 0, len(rows))
	}
	for i := range rows {
		if !rows[i].Silent {
			d.rows = append(d.rows, rows[i])
			r := &d.rows[len(d.rows)-1]
			r.Facts, r.Instance = &d.facts, r.Snapshot(stmt.Context)
		}
	}
}

// Possible returns an error if receivers of the write have to wait for a transaction whose end the plugin cannot see.
func Possible(p *dispatch.Plan, k dispatch.Kind, current gorm.ConnPool) error {
	if !p.Waits(k) {
		return nil
	}
	tx, inTransaction := pool.Find(current)
	switch {
	case tx != nil && tx.Adopted() && p.Reg.Untracked == dispatch.Refuse && p.WaitsFor(k, dispatch.BeforeCommit):
		return fault.ErrUntracked
	case inTransaction && tx == nil && p.Reg.Untracked == dispatch.Refuse:
		return untracked(p.Reg, current)
	}
	return nil
}

// untracked returns the error that says why the plugin cannot see the end of a transaction.
func untracked(r *dispatch.Registry, current gorm.ConnPool) error {
	if !r.Explicit && pool.Foreign(current) {
		return fault.ErrForeignPool
	}
	return fault.ErrUntracked
}

// Queue adds the send to its transaction. If the write runs outside any transaction, Queue reports that the send waits for the end of the statement.
func (d *Deferred) Queue(current gorm.ConnPool) (forStatement bool, err error) {
	if len(d.rows) == 0 {
		return false, nil
	}
	tx, inTransaction := pool.Find(current)
	switch {
	case tx != nil:
		if d.frame.Plan.WaitsFor(d.frame.Kind, dispatch.AfterRollback) || d.reg().Observer != nil {
			tx.Watch()
		}
		d.wait()
		err = tx.Add(d)
		if err == nil && tx.Adopted() {
			err = d.sendBeforeCommit() // the policy has let the write pass, and nobody sees the COMMIT
		}
		if err != nil {
			d.waited(err)
		}
		return false, err
	case inTransaction && d.reg().Untracked == dispatch.Drop:
		return false, nil
	}
	d.wait()
	return true, d.sendBeforeCommit()
}

// Finish calls the receivers that waited for the end of a statement outside any transaction: those of AfterCommit if it has succeeded, otherwise
// those of AfterFailure.
func Finish(waiting []*Deferred, succeeded bool) {
	if len(waiting) == 0 {
		return
	}
	actions := make([]txn.Item[any], len(waiting))
	for i, d := range waiting {
		actions[i] = txn.Item[any]{Action: d}
	}
	reg := waiting[0].reg()
	d := delivery{reg: reg, handle: reg.Handle}
	if succeeded {
		d.end(ended{committed: actions})
		return
	}
	waited(actions, fault.ErrRolledBack)
	d.end(ended{undone: actions})
}

// sendBeforeCommit calls the BeforeCommit receivers, whose errors fail the commit.
func (d *Deferred) sendBeforeCommit() error {
	entries := d.entries(dispatch.BeforeCommit)
	if len(entries) == 0 || d.lost() {
		return nil
	}
	f := d.frame // a copy: receivers may keep it, and d's own frame leaves the transaction later
	return d.reg().Call(entries, &f, d.rows)
}

func (d *Deferred) entries(p dispatch.Phase) []*dispatch.Entry {
	var entries []*dispatch.Entry
	for _, e := range d.frame.Plan.Deferred[d.frame.Kind] {
		if e.Phase == p {
			entries = append(entries, e)
		}
	}
	return entries
}

// wait tells the observer that the send begins to wait.
func (d *Deferred) wait() {
	if by := d.reg().Observer; by != nil {
		ctx := by.Start(&d.frame, d.observation())
		d.rest().waiting = &ctx
	}
}

// waited tells the observer that the send no longer waits.
func (d *Deferred) waited(err error) {
	if by := d.reg().Observer; by != nil && d.rest().waiting != nil {
		ctx := *d.rest().waiting
		d.rest().waiting = nil
		by.End(ctx, d.observation(), err)
	}
}

func (d *Deferred) observation() dispatch.Observed {
	until, entries := dispatch.AfterCommit, d.frame.Plan.Deferred[d.frame.Kind]
	if len(entries) > 0 {
		until = entries[0].Phase
	}
	o := d.frame.Observation(dispatch.Waiting, until, d.rows)
	if len(entries) > 0 && dispatch.OfChanges(entries) {
		o.Signal = dispatch.PostChange.String()
	}
	return o
}
