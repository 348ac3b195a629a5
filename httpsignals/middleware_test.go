package httpsignals_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/httpsignals"
)

var errBoom = errors.New("boom")

func TestStartedComesBeforeTheHandlerAndFinishedAfterIt(t *testing.T) {
	t.Parallel()
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *site
			var seen *http.Request
			s = open(t, http2, func(w http.ResponseWriter, r *http.Request) {
				s.say("handler")
				seen = r
				w.WriteHeader(http.StatusTeapot)
			})
			res := s.get(t, "/tea")
			assert.Equal(t, http.StatusTeapot, res.status)
			assert.Equal(t, http2, res.http2)
			e := s.one(t)
			assert.Equal(t, []string{"started /tea", "handler", "finished /tea 418"}, s.told())
			assert.Same(t, seen, e.Request, "the handler's own request")
			assert.Positive(t, e.Duration)
			assert.False(t, e.Hijacked || e.Aborted)
			assert.NoError(t, e.Cause)
		})
	}
}

func TestFinishedKnowsThePatternThatAServeMuxFound(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products/{id}", func(http.ResponseWriter, *http.Request) {})
	s := open(t, false, mux.ServeHTTP)
	s.get(t, "/products/7")
	assert.Equal(t, "GET /products/{id}", s.one(t).Request.Pattern)
}

func TestAnErrorOfAStartedReceiverAnswers500WithoutTheHandler(t *testing.T) {
	t.Parallel()
	for name, receiver := range map[string]signals.Receiver[httpsignals.Started]{
		"error": func(context.Context, httpsignals.Started) error { return errBoom },
		"panic": func(context.Context, httpsignals.Started) error { panic(errBoom) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, false, func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
			s.signals.RequestStarted.Connect(receiver, signals.UID("broken"))
			s.signals.RequestStarted.Connect(func(context.Context, httpsignals.Started) error {
				t.Error("the next receiver was called")
				return nil
			})
			res := s.get(t, "/")
			assert.Equal(t, http.StatusInternalServerError, res.status)
			assert.NotContains(t, res.body, "boom", "the client does not learn why")
			e := s.one(t)
			assert.Equal(t, http.StatusInternalServerError, e.Status)
			assert.Len(t, res.body, int(e.Bytes))
			assert.Equal(t, []string{"started /", "finished / 500"}, s.told())
			assert.Contains(t, s.log.String(), "signals: receiver broken of request_started: ")
		})
	}
}

func TestAnErrorOfAFinishedReceiverKeepsNoOtherFromRunning(t *testing.T) {
	t.Parallel()
	s := open(t, false, func(http.ResponseWriter, *http.Request) {})
	fails := func(context.Context, httpsignals.Finished) error { return errBoom }
	panics := func(context.Context, httpsignals.Finished) error { panic("no") }
	s.signals.RequestFinished.Connect(fails, signals.UID("a"), signals.Priority(2))
	s.signals.RequestFinished.Connect(panics, signals.UID("b"), signals.Priority(1))
	res := s.get(t, "/")
	assert.Equal(t, http.StatusOK, res.status)
	s.one(t)
	assert.Contains(t, s.log.String(), "signals: receiver a of request_finished: boom")
	assert.Contains(t, s.log.String(), "signals: receiver b of request_finished: panic: no")
}

func TestTheErrorHandlerGetsTheErrorsOfReceivers(t *testing.T) {
	t.Parallel()
	type key struct{}
	var errs []error
	web := httpsignals.New()
	web.ErrorHandler = func(ctx context.Context, err error) {
		assert.Equal(t, "value", ctx.Value(key{}))
		errs = append(errs, err)
	}
	web.RequestStarted.Connect(func(context.Context, httpsignals.Started) error { return errBoom })
	web.RequestFinished.Connect(func(context.Context, httpsignals.Finished) error { return errBoom })
	r := httptest.NewRequestWithContext(context.WithValue(t.Context(), key{}, "value"), http.MethodGet, "/", http.NoBody)
	web.Middleware(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	require.Len(t, errs, 2)
	for i, signal := range []string{"request_started", "request_finished"} {
		failed, ok := errors.AsType[*signals.ReceiverError](errs[i])
		require.True(t, ok)
		assert.Equal(t, signal, failed.Signal)
		require.ErrorIs(t, failed, errBoom)
	}
}

func TestWhatIsNilInSignalsIsThePackagesSignal(t *testing.T) {
	t.Parallel()
	type key struct{} // other tests use the package's signals too: this key marks this test's request
	var heard []string
	say := func(ctx context.Context, what string) {
		if ctx.Value(key{}) == t {
			heard = append(heard, what)
		}
	}
	defer httpsignals.RequestStarted.Connect(func(ctx context.Context, _ httpsignals.Started) error { say(ctx, "started"); return nil })()
	defer httpsignals.RequestFailed.Connect(func(ctx context.Context, _ httpsignals.Failed) error { say(ctx, "failed"); return nil })()
	defer httpsignals.RequestFinished.Connect(func(ctx context.Context, _ httpsignals.Finished) error {
		say(ctx, "finished")
		return nil
	})()
	handler := httpsignals.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no") }))
	r := httptest.NewRequestWithContext(context.WithValue(t.Context(), key{}, t), http.MethodGet, "/", http.NoBody)
	assert.PanicsWithValue(t, "no", func() { handler.ServeHTTP(httptest.NewRecorder(), r) })
	assert.Equal(t, []string{"started", "failed", "finished"}, heard)
	assert.Equal(t, "request_started request_failed request_finished",
		httpsignals.RequestStarted.Name()+" "+httpsignals.RequestFailed.Name()+" "+httpsignals.RequestFinished.Name())
}

func TestTwoServersWithSignalsOfTheirOwnHearNothingOfEachOther(t *testing.T) {
	t.Parallel()
	a := open(t, false, func(http.ResponseWriter, *http.Request) {})
	b := open(t, false, func(http.ResponseWriter, *http.Request) {})
	a.get(t, "/a")
	b.get(t, "/b")
	a.one(t)
	b.one(t)
	assert.Equal(t, []string{"started /a", "finished /a 200"}, a.told())
	assert.Equal(t, []string{"started /b", "finished /b 200"}, b.told())
}

func TestWithoutReceiversTheHandlerGetsTheServersOwnWriter(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	handler := httpsignals.New().Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { assert.Same(t, recorder, w) }))
	handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
}

func TestMuteSilencesARequest(t *testing.T) {
	t.Parallel()
	s := openAround(t, false, func(http.ResponseWriter, *http.Request) {}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/health" {
				r = r.WithContext(signals.Mute(r.Context()))
			}
			next.ServeHTTP(w, r)
		})
	})
	s.get(t, "/health")
	s.get(t, "/")
	s.one(t)
	assert.Equal(t, []string{"started /", "finished / 200"}, s.told())
}

func TestMiddlewareRefusesNil(t *testing.T) {
	t.Parallel()
	const cure = "httpsignals: next is nil: give Middleware the handler that it is to wrap"
	assert.PanicsWithValue(t, cure, func() { httpsignals.Middleware(nil) })
}

func TestManyRequestsAtOnceFinishOnceEach(t *testing.T) {
	t.Parallel()
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const requests = 200
			s := open(t, http2, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Query().Get("n")[0] % 3 {
				case 0:
					panic("no")
				case 1:
					panic(http.ErrAbortHandler)
				default:
					_, _ = fmt.Fprint(w, "ok")
				}
			})
			var mu sync.Mutex
			count := map[*http.Request]int{}
			s.signals.RequestStarted.Connect(func(_ context.Context, e httpsignals.Started) error {
				mu.Lock()
				defer mu.Unlock()
				count[e.Request] += 10
				return nil
			})
			s.signals.RequestFinished.Connect(func(_ context.Context, e httpsignals.Finished) error {
				mu.Lock()
				defer mu.Unlock()
				count[e.Request]++
				return nil
			})
			var group sync.WaitGroup
			for i := range requests {
				group.Go(func() {
					_, _ = s.do(t, http.MethodPost, fmt.Sprintf("/?n=%c", 'a'+i%26)) // POST: the client tries no second time
				})
			}
			group.Wait()
			s.Close()
			mu.Lock()
			defer mu.Unlock()
			assert.NotEmpty(t, count)
			for _, n := range count {
				assert.Equal(t, 11, n, "10 for started, 1 for finished")
			}
			assert.GreaterOrEqual(t, len(count), requests)
		})
	}
}
