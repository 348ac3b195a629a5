package dispatch

import "context"

// Queued is a function that waits for the end of a transaction.
type Queued struct {
	Ctx      context.Context             //nolint:containedctx // what fn will get
	Fn       func(context.Context) error // what waits
	On       Phase                       // AfterCommit or AfterRollback
	Location string                      // file:line of OnCommit or OnRollback

	next *Queued // that runs after it outside any transaction
}

// Run calls the function. A panic is an error.
func (q *Queued) Run(types *Errors) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = types.recovered(v)
		}
	}()
	return q.Fn(q.Ctx)
}
