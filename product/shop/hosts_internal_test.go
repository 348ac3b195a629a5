package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/inspector"
)

func TestOnLoopbackTheShopAnswersForThisMachineAndTheHostsThatItWasToldOf(t *testing.T) {
	t.Parallel()
	s := newTestShop(t)
	s.hosts = hosts{"shop.example"}
	server := httptest.NewServer(s.handler(t.Context(), nil))
	t.Cleanup(server.Close)
	for host, status := range map[string]int{
		"localhost": http.StatusOK, "127.0.0.1:1": http.StatusOK, "[::1]": http.StatusOK, "SHOP.example:8080": http.StatusOK,
		"evil.example": http.StatusMisdirectedRequest, "localhost.evil.example": http.StatusMisdirectedRequest,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if status == http.StatusOK && method == http.MethodPost {
				continue
			}
			request, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/", http.NoBody)
			require.NoError(t, err)
			request.Host = host
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			assert.Equal(t, status, response.StatusCode, host)
			assert.NotEmpty(t, response.Header.Get("Content-Security-Policy"))
		}
	}
}

func TestTheInspectorOfTheShopIsFoundWithoutItsSlash(t *testing.T) {
	t.Parallel()
	ins := inspector.New()
	s, err := openShop(t.Context(), config{dir: t.TempDir(), log: slog.New(slog.DiscardHandler), plugin: signals.Plugin{Observer: ins}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.close()) })
	server := httptest.NewServer(s.handler(t.Context(), map[string]http.Handler{"/signals/": ins.Handler(s.db)}))
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/signals", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Equal(t, "/signals/", response.Request.URL.Path)
}
