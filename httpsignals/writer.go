package httpsignals

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// Abilities that handlers look for by type assertion. A ResponseController unwraps and finds all others.
const (
	canFlush = 1 << iota
	canHijack
	canPush
	canReadFrom
	canCloseNotify
)

// closeNotifier is [http.CloseNotifier], which is deprecated. Old code still asserts it on the writers of net/http.
type closeNotifier interface{ CloseNotify() <-chan bool }

type flusher struct{ r *response }

// Flush sends buffered data to the client.
func (f flusher) Flush() { _ = f.r.flush() }

// FlushError is Flush for a ResponseController.
func (f flusher) FlushError() error { return f.r.flush() }

type hijacker struct{ r *response }

// Hijack lets the handler take the connection over.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.r.hijack() }

type readerFrom struct {
	r        *response
	original io.ReaderFrom
}

// ReadFrom passes src itself to the original, so that the server can send a file without a copy.
func (f readerFrom) ReadFrom(src io.Reader) (int64, error) {
	n, err := f.original.ReadFrom(src)
	if n > 0 {
		f.r.wroteBody(n)
	}
	return n, err
}

// Each set of abilities has a type of its own, because a writer must not claim an ability that the original lacks. CloseNotifier is kept for the two
// writers of net/http only: that of HTTP/1 also has F, H and R, that of HTTP/2 has F and P.
type (
	writerF struct {
		*response
		flusher
	}
	writerH struct {
		*response
		hijacker
	}
	writerP struct {
		*response
		http.Pusher
	}
	writerR struct {
		*response
		readerFrom
	}
	writerFH struct {
		*response
		flusher
		hijacker
	}
	writerFP struct {
		*response
		flusher
		http.Pusher
	}
	writerFR struct {
		*response
		flusher
		readerFrom
	}
	writerHP struct {
		*response
		hijacker
		http.Pusher
	}
	writerHR struct {
		*response
		hijacker
		readerFrom
	}
	writerPR struct {
		*response
		http.Pusher
		readerFrom
	}
	writerFHP struct {
		*response
		flusher
		hijacker
		http.Pusher
	}
	writerFHR struct {
		*response
		flusher
		hijacker
		readerFrom
	}
	writerFPR struct {
		*response
		flusher
		http.Pusher
		readerFrom
	}
	writerHPR struct {
		*response
		hijacker
		http.Pusher
		readerFrom
	}
	writerFHPR struct {
		*response
		flusher
		hijacker
		http.Pusher
		readerFrom
	}
	writerFPC struct {
		*response
		flusher
		http.Pusher
		closeNotifier
	}
	writerFHRC struct {
		*response
		flusher
		hijacker
		readerFrom
		closeNotifier
	}
)

// writer returns the ResponseWriter for the handler: the response with the abilities of the original.
func (r *response) writer() http.ResponseWriter {
	push, _ := r.original.(http.Pusher)
	from, _ := r.original.(io.ReaderFrom)
	notify, _ := r.original.(closeNotifier)
	switch abilities(r.original) {
	case canFlush:
		return writerF{r, flusher{r}}
	case canHijack:
		return writerH{r, hijacker{r}}
	case canPush:
		return writerP{r, push}
	case canReadFrom:
		return writerR{r, readerFrom{r, from}}
	case canFlush | canHijack:
		return writerFH{r, flusher{r}, hijacker{r}}
	case canFlush | canPush:
		return writerFP{r, flusher{r}, push}
	case canFlush | canReadFrom:
		return writerFR{r, flusher{r}, readerFrom{r, from}}
	case canHijack | canPush:
		return writerHP{r, hijacker{r}, push}
	case canHijack | canReadFrom:
		return writerHR{r, hijacker{r}, readerFrom{r, from}}
	case canPush | canReadFrom:
		return writerPR{r, push, readerFrom{r, from}}
	case canFlush | canHijack | canPush:
		return writerFHP{r, flusher{r}, hijacker{r}, push}
	case canFlush | canHijack | canReadFrom:
		return writerFHR{r, flusher{r}, hijacker{r}, readerFrom{r, from}}
	case canFlush | canPush | canReadFrom:
		return writerFPR{r, flusher{r}, push, readerFrom{r, from}}
	case canHijack | canPush | canReadFrom:
		return writerHPR{r, hijacker{r}, push, readerFrom{r, from}}
	case canFlush | canHijack | canPush | canReadFrom:
		return writerFHPR{r, flusher{r}, hijacker{r}, push, readerFrom{r, from}}
	case canFlush | canPush | canCloseNotify:
		return writerFPC{r, flusher{r}, push, notify}
	case canFlush | canHijack | canReadFrom | canCloseNotify:
		return writerFHRC{r, flusher{r}, hijacker{r}, readerFrom{r, from}, notify}
	default:
		return r
	}
}

func abilities(w http.ResponseWriter) int {
	can := 0
	if _, ok := w.(http.Flusher); ok {
		can |= canFlush
	}
	if _, ok := w.(http.Hijacker); ok {
		can |= canHijack
	}
	if _, ok := w.(http.Pusher); ok {
		can |= canPush
	}
	if _, ok := w.(io.ReaderFrom); ok {
		can |= canReadFrom
	}
	if _, ok := w.(closeNotifier); ok && (can == canFlush|canPush || can == canFlush|canHijack|canReadFrom) {
		can |= canCloseNotify
	}
	return can
}
