package delivery

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/txn"
)

// delivery calls the receivers and functions that waited for the end of a transaction.
type delivery struct {
	reg     *dispatch.Registry
	outside gorm.ConnPool                        // pool for sessions of receivers; nil means the database's own pool
	handle  func(ctx context.Context, err error) // gets every error
	turn    func()                               // runs what a receiver or function has queued meanwhile; nil outside tests that capture
	puts    *puts                                // set in the pass that puts calls on lanes; nil in the pass that makes the other calls
	inline  bool                                 // there is only one pass, and no call goes on a lane
}

// takes reports whether the call of a receiver belongs to this pass.
func (d delivery) takes(e *dispatch.Entry) bool {
	return d.inline || (e.Lane != nil) == (d.puts != nil)
}

// every calls f with i to n-1. If a call ends its goroutine, every makes the other calls before the goroutine ends.
func every(i, n int, f func(int)) {
	if i >= n {
		return
	}
	if i == n-1 {
		f(i)
		return
	}
	defer func() {
		if i < n {
			every(i+1, n, f)
		}
	}()
	for ; i < n; i++ {
		f(i)
	}
}

// waited tells the observers that these sends no longer wait.
func waited(actions []txn.Item[any], err error) {
	for _, it := range actions {
		switch a := it.Action.(type) {
		case *Deferred:
			a.waited(err)
		case *Sent:
			a.waited(err)
		}
	}
}

// rollback calls rollback functions and AfterRollback receivers, in reverse order.
func (d delivery) rollback(actions []txn.Item[any]) {
	waited(actions, fault.ErrRolledBack)
	every(0, len(actions), func(i int) {
		switch a := actions[len(actions)-1-i].Action.(type) {
		case *dispatch.Queued:
			if a.On == dispatch.AfterRollback && d.puts == nil {
				d.run(a)
			}
		case *Sent:
			d.rollbackSent(a)
		case *Deferred:
			entries := a.entries(dispatch.AfterRollback)
			if len(entries) == 0 || (a.lost() && !a.failed().unsent) {
				return
			}
			a.leave(d.outside)
			calls := len(a.rows) * len(entries)
			every(0, calls, func(i int) {
				row, e := (calls-1-i)/len(entries), entries[(calls-1-i)%len(entries)]
				switch {
				case !d.takes(e):
				case e.Batch == nil:
					d.send(e, &a.frame, a.rows[row:row+1])
				case row == len(a.rows)-1: // the first of its rows in reverse order
					d.send(e, &a.frame, a.rows)
				}
			})
		}
	})
}

// commit calls commit functions and AfterCommit receivers in the order in which they were queued.
func (d delivery) commit(actions []txn.Item[any]) {
	if len(actions) == 0 {
		return
	}
	waited(actions, nil)
	if a, ok := actions[0].Action.(*Deferred); ok && len(actions) == 1 && !a.frame.Plan.Net && len(a.frame.Plan.Deferred[a.frame.Kind]) == 1 {
		a.leave(d.outside) // the usual transaction: this allocates nothing
		var batches map[*dispatch.Entry]bool
		d.single(a.frame.Plan.Deferred[a.frame.Kind][0], a, actions, &batches)
		return
	}
	c := &committing{delivery: d, actions: actions}
	defer func() {
		if c.net != nil {
			c.net.deliverBatches(d)
		}
	}()
	every(0, len(actions), c.act)
}

// committing goes through the actions that waited for one commit.
type committing struct {
	delivery

	actions []txn.Item[any]
	net     *netRows                 // nil until a send whose model has net receivers
	batches map[*dispatch.Entry]bool // batch receivers that were called
}

// act makes the calls of one action.
func (c *committing) act(i int) {
	switch a := c.actions[i].Action.(type) {
	case *dispatch.Queued:
		if a.On == dispatch.AfterCommit && c.puts == nil {
			c.run(a)
		}
	case *Sent:
		c.commitSent(a, c.actions[i:])
	case *Deferred:
		if a.lost() {
			return
		}
		a.leave(c.outside)
		if a.frame.Plan.Net {
			if c.net == nil {
				c.net = fold(c.actions)
			}
			defer c.net.deliver(c.delivery, a)
		}
		entries := a.frame.Plan.Deferred[a.frame.Kind]
		every(0, len(entries), func(j int) { c.single(entries[j], a, c.actions[i:], &c.batches) })
	}
}

// single calls one AfterCommit receiver for the rows of one send. A batch receiver gets all rows of the transaction at its first call.
func (d delivery) single(e *dispatch.Entry, a *Deferred, rest []txn.Item[any], batches *map[*dispatch.Entry]bool) {
	switch {
	case e.Phase != dispatch.AfterCommit || e.Net || (*batches)[e] || !d.takes(e):
	case e.Batch == nil && len(a.rows) == 1:
		d.send(e, &a.frame, a.rows)
	case e.Batch == nil:
		every(0, len(a.rows), func(i int) { d.send(e, &a.frame, a.rows[i:i+1]) })
	default:
		if *batches == nil {
			*batches = map[*dispatch.Entry]bool{}
		}
		(*batches)[e] = true
		d.send(e, &a.frame, rowsFor(e, rest))
	}
}

// rowsFor returns all rows of a transaction that a batch receiver gets.
func rowsFor(e *dispatch.Entry, actions []txn.Item[any]) []change.Row {
	var all []change.Row
	for _, it := range actions {
		if d, ok := it.Action.(*Deferred); ok && !d.lost() && slices.Contains(d.frame.Plan.Deferred[d.frame.Kind], e) {
			all = append(all, d.rows...)
		}
	}
	return all
}

// send calls a deferred receiver and passes its error to the handler. Then it runs functions that the receiver queued outside any transaction. In the
// pass of lanes it puts the call on the lane instead.
func (d delivery) send(e *dispatch.Entry, f *dispatch.Frame, rows []change.Row) {
	if d.puts != nil {
		d.put(e, f, rows)
		return
	}
	returned := false
	defer func() {
		if !returned {
			d.handle(f, e.Failure(fault.ErrGoexit))
			d.later(f)
		}
	}()
	if err := d.reg.Call([]*dispatch.Entry{e}, f, rows); err != nil {
		d.handle(f, err)
	}
	returned = true
	d.later(f)
	if d.turn != nil {
		d.turn()
	}
}

// later runs functions that deferred receivers queued outside any transaction.
func (d delivery) later(f *dispatch.Frame) {
	if f.Ended == nil {
		return
	}
	next := f.Ended.Next()
	if next == nil {
		return
	}
	defer d.later(f)
	d.run(next)
}

func (d delivery) run(q *dispatch.Queued) {
	returned := false
	defer func() {
		if !returned {
			d.handle(q.Ctx, fmt.Errorf("signals: function queued at %s: %w", q.At, fault.ErrGoexit))
		}
	}()
	err := q.Run(d.reg.Errors)
	returned = true
	if err != nil {
		d.handle(q.Ctx, err)
	}
	if d.turn != nil {
		d.turn()
	}
}
