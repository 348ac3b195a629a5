package dispatch

import "context"

// Queued is a function that waits for the end of a transaction.
type Queued struct {
	Ctx      context.Context             //nolint:containedctx // what fn will get
	Fn       func(context.Context) error // the function
	On       Phase                       // AfterCommit or AfterRollback
	Location string                      // file:line of OnCommit or OnRollback

	next *Queued // the next function that waits in an Ended
}

// Run calls the function. It returns a panic as an error.
func (q *Queued) Run(types *Errors) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = types.recovered(v)
		}
	}()
	return q.Fn(q.Ctx)
}
