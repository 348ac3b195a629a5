package httpsignals

import (
	"context"
	"log"
	"net/http"

	"github.com/gorm-signals/signals"
)

var (
	// RequestStarted is sent before the handler is called, in the context of the request. An error answers the request with
	// 500 Internal Server Error: the remaining receivers and the handler are not called.
	RequestStarted = signals.New[Started](startedName)

	// RequestFinished is sent exactly once for every request whose RequestStarted was sent, after the handler has returned or
	// panicked. All receivers are called. An error changes nothing.
	RequestFinished = signals.New[Finished](finishedName)

	// RequestFailed is sent when the handler panics, before RequestFinished. All receivers are called. An error changes
	// nothing, and the panic goes on. The panic [http.ErrAbortHandler] is no failure and is not sent.
	RequestFailed = signals.New[Failed](failedName)
)

const (
	startedName  = "request_started"
	finishedName = "request_finished"
	failedName   = "request_failed"
)

// Signals says which signals a middleware sends. Its zero value works. Use it, or New, to keep the receivers of two servers
// apart, or to handle the errors of receivers.
type Signals struct {
	RequestStarted  *signals.Signal[Started]  // nil means the package's RequestStarted
	RequestFinished *signals.Signal[Finished] // nil means the package's RequestFinished
	RequestFailed   *signals.Signal[Failed]   // nil means the package's RequestFailed

	// ErrorHandler is told of every error of a receiver, a *signals.ReceiverError. nil logs it where the server logs:
	// to http.Server.ErrorLog, or else through package log.
	ErrorHandler func(ctx context.Context, err error)
}

// New returns signals that nothing else sends.
func New() Signals {
	return Signals{
		RequestStarted:  signals.New[Started](startedName),
		RequestFinished: signals.New[Finished](finishedName),
		RequestFailed:   signals.New[Failed](failedName),
	}
}

// Middleware returns a handler that sends the package's signals around next. It panics when next is nil.
func Middleware(next http.Handler) http.Handler { return Signals{}.Middleware(next) }

// Middleware returns a handler that sends the signals around next. It panics when next is nil.
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

// filled returns the signals with the default in place of what is nil.
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

// robust gives the errors of a send that nothing can stop any more to the ErrorHandler.
func (s Signals) robust(ctx context.Context, responses []signals.Response) {
	for _, response := range responses {
		if response.Err != nil {
			s.ErrorHandler(ctx, response.Err)
		}
	}
}

// logError is the ErrorHandler by default.
func logError(ctx context.Context, err error) {
	if server, ok := ctx.Value(http.ServerContextKey).(*http.Server); ok && server.ErrorLog != nil {
		server.ErrorLog.Print(err)
		return
	}
	log.Print(err)
}
