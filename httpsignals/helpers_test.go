package httpsignals_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/httpsignals"
)

const patience = 10 * time.Second

// site is a real server behind the middleware, with the events of its signals.
type site struct {
	*httptest.Server

	signals  httpsignals.Signals
	log      *buffer
	finished chan httpsignals.Finished
	failed   chan httpsignals.Failed

	mu    sync.Mutex
	order []string
}

// open starts a server for handler, HTTP/2 over TLS or HTTP/1.1 in plain text.
func open(t *testing.T, http2 bool, handler http.HandlerFunc) *site {
	t.Helper()
	return openAround(t, http2, handler, func(h http.Handler) http.Handler { return h })
}

// openAround is open with another middleware around the one of this package.
func openAround(t *testing.T, http2 bool, handler http.HandlerFunc, around func(http.Handler) http.Handler) *site {
	t.Helper()
	s := &site{
		signals: httpsignals.New(), log: &buffer{},
		finished: make(chan httpsignals.Finished, 1000), failed: make(chan httpsignals.Failed, 1000),
	}
	s.signals.RequestStarted.Connect(func(_ context.Context, e httpsignals.Started) error {
		s.say("started " + e.Request.URL.Path)
		return nil
	})
	s.signals.RequestFailed.Connect(func(_ context.Context, e httpsignals.Failed) error {
		s.say("failed " + e.Request.URL.Path)
		s.failed <- e
		return nil
	})
	s.signals.RequestFinished.Connect(func(_ context.Context, e httpsignals.Finished) error {
		s.say(fmt.Sprintf("finished %s %d", e.Request.URL.Path, e.Status))
		s.finished <- e
		return nil
	})
	s.Server = httptest.NewUnstartedServer(around(s.signals.Middleware(handler)))
	s.Config.ErrorLog = log.New(s.log, "", 0)
	s.EnableHTTP2 = http2
	if http2 {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func (s *site) say(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = append(s.order, what)
}

// told returns all sent events, in order.
func (s *site) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.order...)
}

// one waits for a request to finish, ends the server, and checks that nothing else finished.
func (s *site) one(t *testing.T) httpsignals.Finished {
	t.Helper()
	select {
	case e := <-s.finished:
		s.CloseClientConnections()
		s.Close()
		assert.Empty(t, s.finished, "finished is sent exactly once")
		return e
	case <-time.After(patience):
		require.FailNow(t, "no request finished")
		return httpsignals.Finished{}
	}
}

// answer is a response that a client has read to its end.
type answer struct {
	status  int
	http2   bool
	body    string
	trailer http.Header
}

// do makes a request. If the response breaks off, do returns the part before the error.
func (s *site) do(t *testing.T, method, path string) (answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, http.NoBody)
	require.NoError(t, err)
	res, err := s.Client().Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { assert.NoError(t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.ProtoMajor == 2, string(body), res.Trailer}, err
}

// get is do for an answer that must come.
func (s *site) get(t *testing.T, path string) answer {
	t.Helper()
	res, err := s.do(t, http.MethodGet, path)
	require.NoError(t, err)
	return res
}

// protocols says for each protocol whether it is HTTP/2.
var protocols = map[string]bool{"HTTP1": false, "HTTP2": true}

// wait waits for an action of the other side.
func wait[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		require.FailNow(t, "nothing happened")
		panic("not reached")
	}
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
