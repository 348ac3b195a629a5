package httpsignals_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/httpsignals"
)

// explode is a handler whose name is to be seen in stacks.
func explode(http.ResponseWriter, *http.Request) { panic(errBoom) }

func TestAPanicIsSentAndGoesOnToTheServer(t *testing.T) {
	t.Parallel()
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, http2, explode)
			_, err := s.do(t, http.MethodPost, "/")
			require.Error(t, err, "the server gives no answer")
			e := s.one(t)
			assert.True(t, e.Aborted)
			assert.Zero(t, e.Status, "nothing was answered")
			assert.Equal(t, []string{"started /", "failed /", "finished / 0"}, s.told())
			failed := wait(t, s.failed)
			assert.Equal(t, errBoom, failed.Value)
			assert.Contains(t, string(failed.Stack), "httpsignals_test.explode")
			logged := func() bool { return strings.Contains(s.log.String(), ": boom") } // HTTP/2 tells the client first
			assert.Eventually(t, logged, patience, time.Millisecond, "the server logs the panic")
			assert.Contains(t, s.log.String(), "httpsignals_test.explode", "with the stack of the handler")
		})
	}
}

func TestAPanicAfterTheHeaderKeepsTheStatusThatTheClientGot(t *testing.T) {
	t.Parallel()
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, http2, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusAccepted)
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				panic(errBoom)
			})
			res, err := s.do(t, http.MethodPost, "/")
			require.Error(t, err, "the answer breaks off")
			assert.Equal(t, http.StatusAccepted, res.status)
			assert.Equal(t, "half", res.body)
			e := s.one(t)
			assert.Equal(t, [...]any{http.StatusAccepted, int64(4), true}, [...]any{e.Status, e.Bytes, e.Aborted})
			assert.Len(t, s.failed, 1)
		})
	}
}

func TestErrAbortHandlerIsNoFailureAndReachesTheServerUnchanged(t *testing.T) {
	t.Parallel()
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got any
			abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
			s := openAround(t, http2, abort, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer func() { got = recover(); panic(got) }()
					next.ServeHTTP(w, r)
				})
			})
			_, err := s.do(t, http.MethodPost, "/")
			require.Error(t, err)
			e := s.one(t)
			assert.True(t, e.Aborted)
			assert.Zero(t, e.Status)
			assert.Equal(t, []string{"started /", "finished / 0"}, s.told())
			assert.True(t, got == any(http.ErrAbortHandler), "the very same value: %v", got) //nolint:testifylint // identity is the point
			assert.Empty(t, s.log.String(), "the server logs nothing")
		})
	}
}

func TestAMiddlewareInsideThatRecoversMakesAnOrdinaryAnswer(t *testing.T) {
	t.Parallel()
	s := open(t, false, func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, "sorry", http.StatusBadGateway)
			}
		}()
		explode(w, r)
	})
	res := s.get(t, "/")
	assert.Equal(t, http.StatusBadGateway, res.status)
	e := s.one(t)
	assert.Equal(t, http.StatusBadGateway, e.Status)
	assert.False(t, e.Aborted)
	assert.Empty(t, s.failed)
}

func TestAHandlerThatEndsItsGoroutineFinishesOnce(t *testing.T) {
	t.Parallel()
	s := open(t, false, func(http.ResponseWriter, *http.Request) { runtime.Goexit() })
	_, err := s.do(t, http.MethodPost, "/")
	require.Error(t, err)
	assert.True(t, s.one(t).Aborted)
	assert.Empty(t, s.failed)
}

func TestReceiversThatPanicOnAFailureDoNotReplaceIt(t *testing.T) {
	t.Parallel()
	s := open(t, false, explode)
	s.signals.RequestFailed.Connect(func(context.Context, httpsignals.Failed) error { panic("second") }, signals.UID("second"))
	_, err := s.do(t, http.MethodPost, "/")
	require.Error(t, err)
	s.one(t)
	assert.Contains(t, s.log.String(), "signals: receiver second of request_failed: panic: second")
	assert.Contains(t, s.log.String(), ": boom")
	assert.Equal(t, 1, strings.Count(s.log.String(), "http: panic serving"))
}

func TestWhoLeavesAfterTheHandlerIsNotTheCauseOfItsEnd(t *testing.T) {
	t.Parallel()
	web := httpsignals.New()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var finished httpsignals.Finished
	web.RequestFailed.Connect(func(context.Context, httpsignals.Failed) error { leave(); return nil })
	web.RequestFinished.Connect(func(_ context.Context, e httpsignals.Finished) error { finished = e; return nil })
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	assert.Panics(t, func() { web.Middleware(http.HandlerFunc(explode)).ServeHTTP(httptest.NewRecorder(), r) })
	assert.True(t, finished.Aborted)
	assert.NoError(t, finished.Cause, "the handler had ended by then")
}

func TestFinishedIsSentEvenWhenTheErrorHandlerPanics(t *testing.T) {
	t.Parallel()
	web, finished := httpsignals.New(), 0
	web.ErrorHandler = func(context.Context, error) { panic("handler") }
	web.RequestStarted.Connect(func(context.Context, httpsignals.Started) error { return errBoom })
	web.RequestFinished.Connect(func(context.Context, httpsignals.Finished) error { finished++; return nil })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	assert.PanicsWithValue(t, "handler", func() { web.Middleware(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r) })
	assert.Equal(t, 1, finished)
}
