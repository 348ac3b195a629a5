package inspector_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/inspector"
)

type Lamp struct {
	ID    uint
	Name  string
	Price int
}

type Audit struct {
	ID   uint
	Text string
}

// open returns a fresh database with the plugin.
func open(tb testing.TB, observer signals.Observer) *gorm.DB {
	tb.Helper()
	dsn := filepath.Join(tb.TempDir(), "test.db") + "?_busy_timeout=10000&_txlock=immediate&_journal_mode=WAL&_sync=0"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(tb, err)
	tb.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	})
	require.NoError(tb, db.AutoMigrate(&Lamp{}, &Audit{}))
	require.NoError(tb, db.Use(signals.Plugin{Observer: observer}))
	return db
}

// setUp returns an inspector, its database, and the address of its page on a real server.
func setUp(t *testing.T, opts ...inspector.Option) (ins *inspector.Inspector, db *gorm.DB, url string) {
	t.Helper()
	ins = inspector.New(opts...)
	db = open(t, ins)
	mux := http.NewServeMux()
	mux.Handle("/signals/", ins.Handler(db))
	return ins, db, serve(t, mux) + "/signals/"
}

func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// nothing is a receiver that does nothing.
func nothing[E any](context.Context, E) error { return nil }

// answer is the expected part of a response.
type answer struct {
	StatusCode int
	Header     http.Header
}

// request returns the answer and its body.
func request(t *testing.T, method, url string) (answer, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, response.Header}, string(body)
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, body := request(t, http.MethodGet, url)
	require.Equal(t, http.StatusOK, answer.StatusCode, body)
	return body
}

func explain(t *testing.T, ins *inspector.Inspector, db *gorm.DB) string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, ins.Explain(&text, db))
	return text.String()
}

// step is an event of the stream.
type step struct {
	ID, Parent                                   uint64
	Open, Failed                                 bool
	Step, Signal, Sender, Phase, Receiver, Error string
	Events, Left                                 int
	Took                                         time.Duration
	HTML                                         string
	Rows                                         []struct {
		Table, What, Key string
		Fields           []struct {
			Name, Old, New string
			Hidden         bool
		}
	}

	// of a state
	Waiting  int64
	Watchers int
	Dropped  uint64
}

// stream is a client of the stream.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
	close func()
}

// watch opens the stream and reads its first message, so that what is sent from now on is seen.
func watch(t *testing.T, url string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"events", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	s := &stream{t: t, lines: bufio.NewScanner(response.Body), close: cancel}
	s.lines.Buffer(nil, 1<<20)
	name, _, ok := s.next()
	require.True(t, ok)
	require.Equal(t, "state", name)
	return s
}

// next reads a message, and reports false when the stream has ended.
func (s *stream) next() (name string, data step, ok bool) {
	s.t.Helper()
	for s.lines.Scan() {
		switch line := s.lines.Text(); {
		case strings.HasPrefix(line, "event: "):
			name = strings.TrimPrefix(line, "event: ")
		case strings.HasPrefix(line, "data: "):
			require.NoError(s.t, json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &data), line)
		case line == "" && name != "":
			return name, data, true
		}
	}
	return "", step{}, false
}

// steps reads n steps, in the order in which they ended.
func (s *stream) steps(n int) []step {
	s.t.Helper()
	var all []step
	for len(all) < n {
		name, data, ok := s.next()
		require.True(s.t, ok, "the stream has ended after %d of %d steps", len(all), n)
		if name == "step" {
			all = append(all, data)
		}
	}
	return all
}
