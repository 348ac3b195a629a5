package httpsignals_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/httpsignals"
)

func TestAStreamReachesTheClientPieceByPiece(t *testing.T) {
	t.Parallel()
	flushes := map[string]func(w http.ResponseWriter) error{
		"Flusher": func(w http.ResponseWriter) error {
			f, ok := w.(http.Flusher)
			if ok {
				f.Flush()
				return nil
			}
			return http.ErrNotSupported
		},
		"ResponseController": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
	}
	for name, flush := range flushes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, http2 := range protocols {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					read := make(chan struct{})
					s := open(t, http2, func(w http.ResponseWriter, _ *http.Request) {
						for range 3 {
							_, _ = io.WriteString(w, "tick\n")
							assert.NoError(t, flush(w))
							wait(t, read) // not one step before the client has read it
						}
					})
					res, err := s.Client().Do(request(t.Context(), t, s.URL))
					require.NoError(t, err)
					defer func() { require.NoError(t, res.Body.Close()) }()
					lines := bufio.NewReader(res.Body)
					for range 3 {
						assert.Empty(t, s.finished)
						line, err := lines.ReadString('\n')
						require.NoError(t, err)
						assert.Equal(t, "tick\n", line)
						read <- struct{}{}
					}
					assert.Equal(t, int64(15), s.one(t).Bytes)
				})
			}
		})
	}
}

func TestAClientThatLeavesFinishesTheRequestOnce(t *testing.T) {
	t.Parallel()
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, http2, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "half")
				flush(w)
				wait(t, r.Context().Done())
			})
			receivers := make(chan error, 1)
			s.signals.RequestFinished.Connect(func(ctx context.Context, _ httpsignals.Finished) error {
				receivers <- ctx.Err()
				return nil
			})
			ctx, leave := context.WithCancel(t.Context())
			res, err := s.Client().Do(request(ctx, t, s.URL))
			require.NoError(t, err)
			leave()
			require.NoError(t, res.Body.Close())
			e := s.one(t)
			require.ErrorIs(t, e.Cause, context.Canceled)
			assert.Equal(t, [...]any{http.StatusOK, int64(4), false}, [...]any{e.Status, e.Bytes, e.Aborted})
			assert.NoError(t, wait(t, receivers), "receivers can still work")
		})
	}
}

func TestAClientThatLeavesWhileTheHandlerPanicsFinishesOnce(t *testing.T) {
	t.Parallel()
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entered := make(chan struct{})
			s := open(t, http2, func(_ http.ResponseWriter, r *http.Request) {
				close(entered)
				wait(t, r.Context().Done())
				panic(r.Context().Err())
			})
			ctx, leave := context.WithCancel(t.Context())
			go func() { <-entered; leave() }()
			res, err := s.Client().Do(request(ctx, t, s.URL))
			if err == nil {
				_ = res.Body.Close()
			}
			require.ErrorIs(t, err, context.Canceled)
			e := s.one(t)
			assert.True(t, e.Aborted)
			require.ErrorIs(t, e.Cause, context.Canceled)
			assert.Equal(t, context.Canceled, wait(t, s.failed).Value)
		})
	}
}

func TestAHijackedConnectionHasNoStatusOfItsOwn(t *testing.T) {
	t.Parallel()
	s := open(t, false, func(w http.ResponseWriter, _ *http.Request) {
		hijacker, ok := w.(http.Hijacker)
		if !assert.True(t, ok) {
			return
		}
		conn, buf, err := hijacker.Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer func() { assert.NoError(t, conn.Close()) }()
		_, _ = buf.WriteString("HTTP/1.0 299 By Hand\r\n\r\nraw")
		assert.NoError(t, buf.Flush())
		_, err = w.Write([]byte("too late"))
		assert.ErrorIs(t, err, http.ErrHijacked)
		w.WriteHeader(http.StatusTeapot)
	})
	res := s.get(t, "/")
	assert.Equal(t, 299, res.status)
	assert.Equal(t, "raw", res.body)
	e := s.one(t)
	assert.Equal(t, [...]any{0, int64(0), true, false}, [...]any{e.Status, e.Bytes, e.Hijacked, e.Aborted})
	assert.NoError(t, e.Cause)
}

func TestAnUpgradedConnectionCarriesBothDirections(t *testing.T) {
	t.Parallel()
	s := open(t, false, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, buf, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer func() { assert.NoError(t, conn.Close()) }()
		line, err := buf.ReadString('\n')
		assert.NoError(t, err)
		_, _ = io.WriteString(conn, strings.ToUpper(line))
	})
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	require.NoError(t, err)
	answers := bufio.NewReader(conn)
	res, err := http.ReadResponse(answers, nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	require.NoError(t, res.Body.Close())
	_, err = io.WriteString(conn, "hello\n")
	require.NoError(t, err)
	line, err := answers.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "HELLO\n", line)
	e := s.one(t)
	assert.Equal(t, [...]any{http.StatusSwitchingProtocols, true}, [...]any{e.Status, e.Hijacked})
}

func TestDeadlinesAndFullDuplexReachTheServer(t *testing.T) {
	t.Parallel()
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, http2, func(w http.ResponseWriter, r *http.Request) {
				control := http.NewResponseController(w)
				assert.NoError(t, control.EnableFullDuplex())
				assert.NoError(t, control.SetWriteDeadline(time.Now().Add(patience)))
				assert.NoError(t, control.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
				_, err := io.ReadAll(r.Body)
				assert.ErrorIs(t, err, os.ErrDeadlineExceeded, "the client sends nothing for ever")
			})
			body, never := io.Pipe()
			defer func() { require.NoError(t, never.Close()) }()
			req := request(t.Context(), t, s.URL)
			req.Method, req.Body = http.MethodPost, body
			if res, err := s.Client().Do(req); err == nil {
				assert.NoError(t, res.Body.Close())
			}
			assert.False(t, s.one(t).Aborted)
		})
	}
}

func TestAWriteDeadlineEndsTheAnswer(t *testing.T) {
	t.Parallel()
	s := open(t, false, func(w http.ResponseWriter, _ *http.Request) {
		assert.NoError(t, http.NewResponseController(w).SetWriteDeadline(time.Now().Add(-time.Second)))
		_, err := w.Write(make([]byte, 1<<20))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	})
	_, err := s.do(t, http.MethodPost, "/")
	require.Error(t, err)
	s.one(t)
}

func TestATimeoutHandlerInsideAnswersAndFinishesOnce(t *testing.T) {
	t.Parallel()
	slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := open(t, false, http.TimeoutHandler(slow, time.Millisecond, "too slow").ServeHTTP)
	res := s.get(t, "/")
	assert.Equal(t, [...]any{http.StatusServiceUnavailable, "too slow"}, [...]any{res.status, res.body})
	e := s.one(t)
	assert.Equal(t, [...]any{http.StatusServiceUnavailable, int64(8)}, [...]any{e.Status, e.Bytes})
	assert.NoError(t, e.Cause, "the client is still there")
}

func TestATimeoutHandlerOutsideIsTheCauseOfTheEnd(t *testing.T) {
	t.Parallel()
	s := openAround(t, false, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(next http.Handler) http.Handler {
		return http.TimeoutHandler(next, time.Millisecond, "too slow")
	})
	res := s.get(t, "/")
	assert.Equal(t, http.StatusServiceUnavailable, res.status)
	e := s.one(t)
	assert.True(t, errors.Is(e.Cause, context.DeadlineExceeded) || errors.Is(e.Cause, context.Canceled), "%v", e.Cause)
}

func request(ctx context.Context, t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	return req
}
