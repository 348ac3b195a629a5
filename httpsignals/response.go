package httpsignals

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// response wraps the server's ResponseWriter and notes what passes through it. It takes notes after each call, so that they hold what the server has
// accepted.
type response struct {
	original http.ResponseWriter
	status   int // 0 until there is one
	bytes    int64
	head     bool // the server sends no body, whatever the handler writes
	hijacked bool
}

// Header returns the header of the original.
func (r *response) Header() http.Header { return r.original.Header() }

// WriteHeader passes the status on. Informational statuses may come before the final one; the first final one counts.
func (r *response) WriteHeader(status int) {
	r.original.WriteHeader(status)
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		r.wrote(status)
	}
}

// Write passes a part of the body on.
func (r *response) Write(p []byte) (int, error) {
	n, err := r.original.Write(p)
	r.wroteBody(int64(n))
	return n, err
}

// WriteString avoids a copy of the string if the original does.
func (r *response) WriteString(s string) (int, error) {
	n, err := io.WriteString(r.original, s)
	r.wroteBody(int64(n))
	return n, err
}

// Unwrap leads a ResponseController to the abilities of the original, through controls.
func (r *response) Unwrap() http.ResponseWriter { return controls{r} }

func (r *response) wrote(status int) {
	if r.status == 0 && !r.hijacked {
		r.status = status
	}
}

func (r *response) wroteBody(n int64) {
	r.wrote(http.StatusOK)
	if !r.head {
		r.bytes += n
	}
}

func (r *response) flush() error {
	err := http.NewResponseController(r.original).Flush()
	if !errors.Is(err, http.ErrNotSupported) {
		r.wrote(http.StatusOK) // flushing sends the header
	}
	return err
}

func (r *response) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(r.original).Hijack()
	if err == nil {
		r.hijacked = true
	}
	return conn, buf, err
}

// controls is what callers get that unwrap a response, such as a ResponseController. An original may unwrap to a writer that can flush or be
// hijacked, and response must notice that too.
type controls struct{ *response }

// FlushError flushes, or fails with [http.ErrNotSupported].
func (c controls) FlushError() error { return c.flush() }

// Hijack takes the connection over, or fails with [http.ErrNotSupported].
func (c controls) Hijack() (net.Conn, *bufio.ReadWriter, error) { return c.hijack() }

// Unwrap returns the original.
func (c controls) Unwrap() http.ResponseWriter { return c.original }
