package httpsignals_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/httpsignals"
)

type closeNotifier interface{ CloseNotify() <-chan bool }

// abilities is what a handler can find by type assertion: Flusher, Hijacker, Pusher, ReaderFrom and CloseNotifier.
func abilities(w http.ResponseWriter) [5]bool {
	_, flush := w.(http.Flusher)
	_, hijack := w.(http.Hijacker)
	_, push := w.(http.Pusher)
	_, readFrom := w.(io.ReaderFrom)
	_, notify := w.(closeNotifier)
	return [...]bool{flush, hijack, push, readFrom, notify}
}

func TestTheWriterCanDoWhatTheServersOwnCan(t *testing.T) {
	t.Parallel()
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var before [5]bool
			inside := func(w http.ResponseWriter, _ *http.Request) { assert.Equal(t, before, abilities(w)) }
			s := openAround(t, http2, inside, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					before = abilities(w)
					next.ServeHTTP(w, r)
				})
			})
			s.get(t, "/")
			s.one(t)
			assert.Equal(t, [...]bool{true, !http2, http2, !http2, true}, before, "what net/http is known to have")
		})
	}
}

// bare is a writer that can do nothing else, as many a middleware makes it.
type bare struct{ http.ResponseWriter }

// wrapping is such a writer that follows the rules of http.ResponseController.
type wrapping struct{ http.ResponseWriter }

func (w wrapping) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// full can do everything, and notes what it is asked for.
type full struct {
	http.ResponseWriter
	asked *[]string
}

func (f full) note(what string)                     { *f.asked = append(*f.asked, what) }
func (f full) Flush()                               { f.note("flush") }
func (f full) Push(string, *http.PushOptions) error { f.note("push"); return nil }
func (f full) ReadFrom(src io.Reader) (int64, error) {
	f.note("read from")
	return io.Copy(f.ResponseWriter, src)
}

func (f full) Hijack() (net.Conn, *bufio.ReadWriter, error) { f.note("hijack"); return nil, nil, nil }

func TestTheWriterClaimsNothingThatTheOriginalLacks(t *testing.T) {
	t.Parallel()
	f := full{httptest.NewRecorder(), new([]string)}
	b := bare{f.ResponseWriter}
	type (
		fl = http.Flusher
		hi = http.Hijacker
		pu = http.Pusher
		rf = io.ReaderFrom
	)
	for _, w := range []http.ResponseWriter{
		b,
		struct {
			bare
			fl
		}{b, f},
		struct {
			bare
			hi
		}{b, f},
		struct {
			bare
			pu
		}{b, f},
		struct {
			bare
			rf
		}{b, f},
		struct {
			bare
			fl
			hi
		}{b, f, f},
		struct {
			bare
			fl
			pu
		}{b, f, f},
		struct {
			bare
			fl
			rf
		}{b, f, f},
		struct {
			bare
			hi
			pu
		}{b, f, f},
		struct {
			bare
			hi
			rf
		}{b, f, f},
		struct {
			bare
			pu
			rf
		}{b, f, f},
		struct {
			bare
			fl
			hi
			pu
		}{b, f, f, f},
		struct {
			bare
			fl
			hi
			rf
		}{b, f, f, f},
		struct {
			bare
			fl
			pu
			rf
		}{b, f, f, f},
		struct {
			bare
			hi
			pu
			rf
		}{b, f, f, f},
		f,
	} {
		through(t, w, func(inside http.ResponseWriter) {
			assert.Equal(t, abilities(w), abilities(inside))
			use(t, inside)
		})
	}
	for _, what := range []string{"flush", "hijack", "push", "read from"} {
		n := 0
		for _, asked := range *f.asked {
			if asked == what {
				n++
			}
		}
		assert.Equal(t, 8, n, "%s: in half of the cases", what)
	}
}

type closes struct{}

func (closes) CloseNotify() <-chan bool { return nil }

func TestCloseNotifierOfAnotherMiddlewareTakesNothingElseAway(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	w := struct {
		bare
		http.Flusher
		closes
	}{bare{recorder}, recorder, closes{}}
	through(t, w, func(inside http.ResponseWriter) {
		assert.Equal(t, [...]bool{true, false, false, false, false}, abilities(inside))
	})
}

// use calls everything that a writer claims.
func use(t *testing.T, w http.ResponseWriter) {
	t.Helper()
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	if p, ok := w.(http.Pusher); ok {
		require.NoError(t, p.Push("/", nil))
	}
	if r, ok := w.(io.ReaderFrom); ok {
		_, err := r.ReadFrom(http.NoBody)
		require.NoError(t, err)
	}
	if h, ok := w.(http.Hijacker); ok {
		_, _, err := h.Hijack()
		require.NoError(t, err)
	}
}

// through passes a writer through the middleware.
func through(t *testing.T, w http.ResponseWriter, handler func(inside http.ResponseWriter)) httpsignals.Finished {
	t.Helper()
	var finished httpsignals.Finished
	web := httpsignals.New()
	web.RequestFinished.Connect(func(_ context.Context, e httpsignals.Finished) error { finished = e; return nil })
	h := web.Middleware(http.HandlerFunc(func(inside http.ResponseWriter, _ *http.Request) { handler(inside) }))
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	return finished
}

func TestAControllerFailsAsOnTheOriginal(t *testing.T) {
	t.Parallel()
	e := through(t, bare{httptest.NewRecorder()}, func(w http.ResponseWriter) {
		control := http.NewResponseController(w)
		require.ErrorIs(t, control.Flush(), http.ErrNotSupported)
		_, _, err := control.Hijack()
		require.ErrorIs(t, err, http.ErrNotSupported)
		w.WriteHeader(http.StatusAccepted)
	})
	assert.Equal(t, http.StatusAccepted, e.Status, "a flush that failed has sent no header")
	assert.False(t, e.Hijacked)
}

func TestWhatAControllerReachesThroughAnotherMiddlewareIsSeen(t *testing.T) {
	t.Parallel()
	around := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(wrapping{w}, r) })
	}
	s := openAround(t, false, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, [5]bool{}, abilities(w))
		control := http.NewResponseController(w)
		if r.URL.Path == "/flush" {
			assert.NoError(t, control.Flush())
			panic(http.ErrAbortHandler)
		}
		conn, _, err := control.Hijack()
		if assert.NoError(t, err) {
			assert.NoError(t, conn.Close())
		}
	}, around)
	_, err := s.do(t, http.MethodPost, "/flush")
	require.Error(t, err)
	assert.Equal(t, http.StatusOK, wait(t, s.finished).Status, "the header went out with the flush")
	_, err = s.do(t, http.MethodPost, "/hijack")
	require.Error(t, err)
	assert.True(t, s.one(t).Hijacked)
}

func TestUnwrapLeadsToTheOriginal(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	through(t, recorder, func(w http.ResponseWriter) {
		for range 10 {
			inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
			if !ok {
				break
			}
			w = inner.Unwrap()
		}
		assert.Same(t, recorder, w)
	})
}

// sources notes what ReadFrom is given.
type sources struct {
	http.ResponseWriter
	given *io.Reader
}

func (s sources) ReadFrom(src io.Reader) (int64, error) {
	*s.given = src
	return io.Copy(s.ResponseWriter, src)
}

func TestReadFromGetsTheSourceItself(t *testing.T) {
	t.Parallel()
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	_, err = f.WriteString("0123456789")
	require.NoError(t, err)
	_, err = f.Seek(0, io.SeekStart)
	require.NoError(t, err)
	var given io.Reader
	e := through(t, sources{httptest.NewRecorder(), &given}, func(w http.ResponseWriter) {
		n, err := io.CopyN(w, f, 7)
		require.NoError(t, err)
		assert.EqualValues(t, 7, n)
	})
	limited, ok := given.(*io.LimitedReader)
	require.True(t, ok, "%T", given)
	assert.Same(t, f, limited.R, "a file that the kernel can send")
	assert.EqualValues(t, 7, e.Bytes)
}
