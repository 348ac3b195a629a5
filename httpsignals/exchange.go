package httpsignals

import (
	"context"
	"net/http"
	"runtime/debug"
	"time"
)

// exchange is a request while it is served.
type exchange struct {
	signals  *Signals
	request  *http.Request
	start    time.Time
	response response
	duration time.Duration
	cause    error // why the request's context had ended when the handler ended
	returned bool  // the handler returned, without a panic or runtime.Goexit
}

func serve(s *Signals, next http.Handler, w http.ResponseWriter, r *http.Request) {
	x := &exchange{signals: s, request: r, start: time.Now(), response: response{original: w, head: r.Method == http.MethodHead}}
	defer x.finish()
	defer x.fail()
	x.handle(next, x.response.writer())
	x.returned = true
}

func (x *exchange) handle(next http.Handler, w http.ResponseWriter) {
	ctx := x.request.Context()
	if err := x.signals.RequestStarted.Send(ctx, Started{Request: x.request, Time: x.start}); err != nil {
		x.signals.ErrorHandler(ctx, err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	next.ServeHTTP(w, x.request)
}

// fail is deferred and runs first. It sends RequestFailed for a panic and lets the panic continue, which the server handles.
func (x *exchange) fail() {
	x.duration = time.Since(x.start) // without the time that receivers take
	x.cause = context.Cause(x.request.Context())
	value := recover()
	if value == nil { // the handler returned, or ended its goroutine
		return
	}
	if value != http.ErrAbortHandler && x.signals.RequestFailed.HasReceivers() { //nolint:errorlint // the server asks for this very value
		ctx := x.lasting()
		event := Failed{Request: x.request, Value: value, Stack: debug.Stack()}
		x.signals.robust(ctx, x.signals.RequestFailed.SendRobust(ctx, event))
	}
	panic(value)
}

// finish is deferred before everything else, so that it always runs.
func (x *exchange) finish() {
	event := Finished{
		Request:  x.request,
		Status:   x.response.status,
		Bytes:    x.response.bytes,
		Duration: x.duration,
		Hijacked: x.response.hijacked,
		Aborted:  !x.returned,
		Cause:    x.cause,
	}
	if event.Status == 0 && !event.Hijacked && !event.Aborted {
		event.Status = http.StatusOK // the server is about to send it
	}
	ctx := x.lasting()
	x.signals.robust(ctx, x.signals.RequestFinished.SendRobust(ctx, event))
}

// lasting returns the context of the request without its cancellation, for receivers that work after the client has left.
func (x *exchange) lasting() context.Context { return context.WithoutCancel(x.request.Context()) }
