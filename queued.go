package signals

import "context"

// queued is a function that waits for the end of a transaction.
type queued struct {
	ctx      context.Context //nolint:containedctx // what fn will get
	fn       func(context.Context) error
	on       phase
	location string // file:line of OnCommit or OnRollback
}

// run calls the function. A panic is an error.
func (q *queued) run(types *errorTypes) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = types.recovered(v)
		}
	}()
	return q.fn(q.ctx)
}
