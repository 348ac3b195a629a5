package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gorm-signals/signals/httpsignals"
)

// logged sends request signals around a handler, and connects receivers that write the log.
func (s *shop) logged(next http.Handler) http.Handler {
	requests := httpsignals.New() // for this shop only: two shops in one process must not log each other's requests
	requests.RequestFinished.Connect(s.logFinished)
	requests.RequestFailed.Connect(s.logFailed)
	return requests.Middleware(next)
}

// logFinished is a receiver of request_finished.
func (s *shop) logFinished(ctx context.Context, e httpsignals.Finished) error {
	s.log.InfoContext(ctx, "request",
		slog.String("method", e.Request.Method), slog.String("path", e.Request.URL.Path), slog.Int("status", e.Status),
		slog.Int64("bytes", e.Bytes), slog.Duration("took", e.Duration.Round(time.Microsecond)))
	return nil
}

// logFailed is a receiver of request_failed. The server closes the connection and continues.
func (s *shop) logFailed(ctx context.Context, e httpsignals.Failed) error {
	s.log.ErrorContext(ctx, "a handler panicked",
		slog.String("path", e.Request.URL.Path), slog.Any("value", e.Value), slog.String("stack", string(e.Stack)))
	return nil
}
