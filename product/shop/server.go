package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Time limits. The server cuts slower clients off.
const (
	headerTime   = 5 * time.Second
	readTime     = time.Minute
	writeTime    = readTime + 30*time.Second // from the header on
	idleTime     = 2 * time.Minute
	shutdownTime = readTime + 30*time.Second // no request may take longer
)

// serve answers requests on addr until ctx ends, and then finishes the running ones.
func serve(ctx context.Context, addr string, h http.Handler, stdout io.Writer, log *slog.Logger) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %q, choose another address with -addr: %w", addr, err)
	}
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	fmt.Fprintf(stdout, "The shop is open: http://%s/\n", listener.Addr())

	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("the server has ended: %w", err)
	case <-ctx.Done():
	}
	fmt.Fprintln(stdout, "The shop closes: running requests are finished.")
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		return errors.Join(fmt.Errorf("some requests were cut off: %w", err), server.Close())
	}
	fmt.Fprintln(stdout, "The shop is closed.")
	return nil
}

// mounted is a handler from outside the shop. It may stream as long as the server runs, so the server's time limits do not apply to it. Its requests
// end when stopping does, because a server waits for requests before it closes.
func mounted(stopping context.Context, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Time{}) // writers without deadlines have no limit
		_ = control.SetWriteDeadline(time.Time{})
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(stopping, cancel)()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}
