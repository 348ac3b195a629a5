package dispatch

import (
	"context"
	"fmt"
	"runtime"
)

// Queued is a function that waits for the end of a transaction.
type Queued struct {
	Ctx context.Context             //nolint:containedctx // what fn will get
	Fn  func(context.Context) error // the function
	On  Phase                       // AfterCommit or AfterRollback
	At  Place                       // call of OnCommit or OnRollback

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

// Place is a place in the program. To name it takes longer than to send a signal, so it is named when somebody asks.
type Place uintptr

// Here returns the place of a caller: 1 is the function that calls Here, 2 the caller of that function.
func Here(caller int) Place {
	var pc [1]uintptr
	runtime.Callers(caller+1, pc[:])
	return Place(pc[0])
}

// String returns the file and line.
func (p Place) String() string {
	if p == 0 {
		return "unknown"
	}
	frame, _ := runtime.CallersFrames([]uintptr{uintptr(p)}).Next()
	return fmt.Sprintf("%s:%d", frame.File, frame.Line)
}
