package httpsignals

import (
	"context"
	"log"
	"net/http"

	"github.com/gorm-signals/signals"
)

var (
	// RequestStarted is sent before the handler is called, with the context of the request. If a receiver fails, the client gets 500 Internal Server
	// Error, and the remaining receivers and the handler are not called.
	RequestStarted = signals.New[Started](startedName)

	// RequestFinished is sent exactly once for every request for which RequestStarted was sent, after the handler has returned or panicked. All
	// receivers are called, and errors change nothing.
	RequestFinished = signals.New[Finished](finishedName)

	// RequestFailed is sent if the handler panics, before RequestFinished. All receivers are called, errors change nothing, and the panic continues.
	// It is not sent for the panic [http.ErrAbortHandler], which is not a failure.
	RequestFailed = signals.New[Failed](failedName)
)

const (
	startedName  = "request_started"
	finishedName = "request_finished"
	failedName   = "request_failed"
)

// Signals says which signals a middleware sends. Its zero value sends those of the package. Use another value, or New, to keep the receivers of two
// servers apart, or to handle errors of receivers.
type Signals struct {
	RequestStarted  *signals.Signal[Started]  // nil means the package's RequestStarted
	RequestFinished *signals.Signal[Finished] // nil means the package's RequestFinished
	RequestFailed   *signals.Signal[Failed]   // nil means the package's RequestFailed

	// ErrorHandler gets every error of a receiver, as a *signals.ReceiverError. nil logs it where the server logs: to http.Server.ErrorLog, or else
	// through package log.
	ErrorHandler func(ctx context.Context, err error)
}

// New returns new signals, which only their own middleware sends.
func New() Signals {
	return Signals{
		RequestStarted:  signals.New[Started](startedName),
		RequestFinished: signals.New[Finished](finishedName),
		RequestFailed:   signals.New[Failed](failedName),
	}
}

// Middleware returns a handler that sends the package's signals around next. It panics if next is nil.
func Middleware(next http.Handler) http.Handler { return Signals{}.Middleware(next) }

// Middleware returns a handler that sends the signals around next. It panics if next is nil.
func (s Signals) Middleware(next http.Handler) http.Handler {
	if next == nil {
		panic("httpsignals: next is nil: give Middleware the handler that it is to wrap")
	}
	s = s.filled()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.heard() {
			next.ServeHTTP(w, r)
			return
		}
		serve(&s, next, w, r)
	})
}

// filled returns the signals with defaults in place of nil.
func (s Signals) filled() Signals {
	if s.RequestStarted == nil {
		s.RequestStarted = RequestStarted
	}
	if s.RequestFinished == nil {
		s.RequestFinished = RequestFinished
	}
	if s.RequestFailed == nil {
		s.RequestFailed = RequestFailed
	}
	if s.ErrorHandler == nil {
		s.ErrorHandler = logError
	}
	return s
}

func (s Signals) heard() bool {
	return s.RequestStarted.HasReceivers() || s.RequestFinished.HasReceivers() || s.RequestFailed.HasReceivers()
}

// robust passes the errors of a send to the ErrorHandler, because they can no longer stop the request.
func (s Signals) robust(ctx context.Context, responses []signals.Response) {
	for _, response := range responses {
		if response.Err != nil {
			s.ErrorHandler(ctx, response.Err)
		}
	}
}

// logError is the default ErrorHandler.
func logError(ctx context.Context, err error) {
	if server, ok := ctx.Value(http.ServerContextKey).(*http.Server); ok && server.ErrorLog != nil {
		server.ErrorLog.Print(err)
		return
	}
	log.Print(err)
}
