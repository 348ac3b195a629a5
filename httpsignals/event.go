package httpsignals

import (
	"net/http"
	"time"
)

// Started is the event of RequestStarted.
type Started struct {
	Request *http.Request // as the handler will get it; leave its body to the handler
	Time    time.Time     // when the middleware got the request
}

// Finished is the event of RequestFinished.
type Finished struct {
	Request  *http.Request // the one of Started; if it has passed a ServeMux, its Pattern is set
	Status   int           // status of the response, 200 if the handler set none; 0 without a response: see Hijacked and Aborted
	Bytes    int64         // bytes of the body that the server has accepted; 0 for HEAD; without those of a hijacked connection
	Duration time.Duration // from Started.Time until the handler ended
	Hijacked bool          // the handler has hijacked the connection
	Aborted  bool          // the handler did not return: it panicked, also with http.ErrAbortHandler, or ended its goroutine
	Cause    error         // why the request's context ended before the handler did, context.Canceled if the client left; otherwise nil
}

// Failed is the event of RequestFailed.
type Failed struct {
	Request *http.Request // the one of Started
	Value   any           // the argument of panic
	Stack   []byte        // the stack of the panicking goroutine, as debug.Stack formats it
}
