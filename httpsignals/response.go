package httpsignals

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// response is the server's ResponseWriter with a note of what goes through it. Notes are taken after the call, so that
// they hold what the server accepted.
type response struct {
	original http.ResponseWriter
	status   int // 0 as long as there is none
	bytes    int64
	head     bool // no body goes out, whatever the handler writes
	hijacked bool
}

// Header returns the header of the original.
func (r *response) Header() http.Header { return r.original.Header() }

// WriteHeader passes the status on. Informational ones are followed by the one that counts; the first of those counts.
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

// WriteString spares the copy of the string where the original does.
func (r *response) WriteString(s string) (int, error) {
	n, err := io.WriteString(r.original, s)
	r.wroteBody(int64(n))
	return n, err
}

// Unwrap leads a ResponseController to what the original can do, by way of controls.
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
		r.wrote(http.StatusOK) // the header goes out with it
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

// controls stands between a response and the original for those who unwrap, as a ResponseController does. An original
// that cannot flush or be hijacked itself may unwrap to one that can, and this must not go unnoticed.
type controls struct{ *response }

// FlushError flushes, or fails with [http.ErrNotSupported].
func (c controls) FlushError() error { return c.flush() }

// Hijack takes the connection over, or fails with [http.ErrNotSupported].
func (c controls) Hijack() (net.Conn, *bufio.ReadWriter, error) { return c.hijack() }

// Unwrap returns the original.
func (c controls) Unwrap() http.ResponseWriter { return c.original }
