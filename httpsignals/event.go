package httpsignals

import (
	"net/http"
	"time"
)

// Started is what RequestStarted sends.
type Started struct {
	Request *http.Request // as the handler will get it; leave its body to the handler
	Time    time.Time     // when the middleware got the request
}

// Finished is what RequestFinished sends.
type Finished struct {
	Request  *http.Request // the one of Started; a ServeMux that got it has set its Pattern
	Status   int           // what the handler answered, 200 when it did not say; 0 when there is none: see Hijacked and Aborted
	Bytes    int64         // of the body, as far as the server took them; 0 for HEAD; nothing of a hijacked connection
	Duration time.Duration // from Started.Time until the handler ended
	Hijacked bool          // the handler took the connection over
	Aborted  bool          // the handler did not return: it panicked, http.ErrAbortHandler included
	Cause    error         // why the request's context ended before the handler did: context.Canceled when the client left; else nil
}

// Failed is what RequestFailed sends.
type Failed struct {
	Request *http.Request // the one of Started
	Value   any           // what was passed to panic
	Stack   []byte        // the stack of the panicking goroutine, as debug.Stack formats it
}
