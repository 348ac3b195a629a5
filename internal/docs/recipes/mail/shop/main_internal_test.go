package main

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheProgramServesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	address := freeAddress(t)
	stopped := make(chan error, 1)
	go func() { stopped <- run(ctx, address, filepath.Join(t.TempDir(), "shop.db")+"?_txlock=immediate") }()

	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/orders/1/pay", http.NoBody)
		require.NoError(c, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(c, err)
		defer response.Body.Close()
		assert.Equal(c, http.StatusOK, response.StatusCode)
	}, time.Minute, 10*time.Millisecond)
	stop()
	require.NoError(t, <-stopped)
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
