package httpsignals_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStatusAndBytesAreWhatTheClientGets(t *testing.T) {
	t.Parallel()
	type writer = http.ResponseWriter
	text := func(w writer) { _, _ = io.WriteString(w, "four") }
	for name, c := range map[string]struct {
		method  string
		handler func(w writer)
		status  int
		body    string
	}{
		"nothing at all":              {http.MethodGet, func(writer) {}, 200, ""},
		"a body alone":                {http.MethodGet, text, 200, "four"},
		"bytes":                       {http.MethodGet, func(w writer) { _, _ = w.Write([]byte("abc")) }, 200, "abc"},
		"a status alone":              {http.MethodGet, func(w writer) { say(w, 201) }, 201, ""},
		"HEAD":                        {http.MethodHead, text, 200, ""},
		"no body allowed":             {http.MethodGet, func(w writer) { say(w, 304); text(w) }, 304, ""},
		"a superfluous status":        {http.MethodGet, func(w writer) { text(w); say(w, 409) }, 200, "four"},
		"two statuses":                {http.MethodGet, func(w writer) { say(w, 410, 200) }, 410, ""},
		"a status after a flush":      {http.MethodGet, func(w writer) { flush(w); say(w, 410) }, 200, ""},
		"informational, then a body":  {http.MethodGet, func(w writer) { say(w, 103); text(w) }, 200, "four"},
		"informational, then another": {http.MethodGet, func(w writer) { say(w, 103, 102, 202) }, 202, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, http2 := range protocols {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					s := open(t, http2, func(w http.ResponseWriter, _ *http.Request) { c.handler(w) })
					res, err := s.do(t, c.method, "/")
					require.NoError(t, err)
					e := s.one(t)
					assert.Equal(t, [...]any{c.status, c.body}, [...]any{res.status, res.body})
					assert.Equal(t, [...]any{c.status, int64(len(c.body))}, [...]any{e.Status, e.Bytes})
					assert.False(t, e.Aborted)
				})
			}
		})
	}
}

func say(w http.ResponseWriter, statuses ...int) {
	for _, status := range statuses {
		w.WriteHeader(status)
	}
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

func TestBytesThatTheServerRefusesDoNotCount(t *testing.T) {
	t.Parallel()
	s := open(t, false, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4")
		_, _ = io.WriteString(w, "four")
		_, err := io.WriteString(w, "more")
		assert.ErrorIs(t, err, http.ErrContentLength)
	})
	res := s.get(t, "/")
	assert.Equal(t, "four", res.body)
	assert.EqualValues(t, 4, s.one(t).Bytes)
}

func TestAStatusThatTheServerRefusesIsNone(t *testing.T) {
	t.Parallel()
	s := open(t, false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1000) })
	_, err := s.do(t, http.MethodPost, "/")
	require.Error(t, err)
	assert.Zero(t, s.one(t).Status)
}

func TestAFileIsCountedOnItsWayThroughReadFrom(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	path := filepath.Join(t.TempDir(), "file.bin")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	serve := map[string]http.HandlerFunc{
		"ServeFile": func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, path) },
		"io.Copy": func(w http.ResponseWriter, _ *http.Request) {
			f, err := os.Open(path)
			if !assert.NoError(t, err) {
				return
			}
			defer func() { assert.NoError(t, f.Close()) }()
			_, err = io.Copy(w, f)
			assert.NoError(t, err)
		},
	}
	for name, handler := range serve {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, http2 := range protocols {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					s := open(t, http2, handler)
					res := s.get(t, "/")
					assert.Equal(t, http.StatusOK, res.status)
					assert.Equal(t, len(content), len(res.body))
					e := s.one(t)
					assert.Equal(t, [...]any{http.StatusOK, int64(len(content))}, [...]any{e.Status, e.Bytes})
				})
			}
		})
	}
}

func TestARangeOfAFileIsCounted(t *testing.T) {
	t.Parallel()
	s := open(t, false, func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("0123456789"))
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Range", "bytes=2-4")
	res, err := s.Client().Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	e := s.one(t)
	assert.Equal(t, [...]any{http.StatusPartialContent, int64(3)}, [...]any{e.Status, e.Bytes})
}

func TestHeadersAndTrailersPass(t *testing.T) {
	t.Parallel()
	for name, http2 := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, http2, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Trailer", "Sum")
				_, _ = io.WriteString(w, "body")
				w.Header().Set("Sum", "4")
			})
			res := s.get(t, "/")
			assert.Equal(t, "4", res.trailer.Get("Sum"))
		})
	}
}
