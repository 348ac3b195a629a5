package main

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/testkit"
)

func TestTheProgramServesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	address := testkit.FreeAddress(t)
	stopped := make(chan error, 1)
	go func() { stopped <- run(ctx, address, filepath.Join(t.TempDir(), "shop.db")+"?_txlock=immediate") }()

	post := func(path string) (status int, err error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, http.NoBody)
		if err != nil {
			return 0, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		status, err := post("/orders?email=ann@example.com")
		require.NoError(c, err)
		assert.Equal(c, http.StatusOK, status)
	}, time.Minute, 10*time.Millisecond)
	for path, want := range map[string]int{"/orders/1/pay": http.StatusOK, "/orders/99/pay": http.StatusNotFound} {
		status, err := post(path)
		require.NoError(t, err)
		assert.Equal(t, want, status, path)
	}
	stop()
	require.NoError(t, <-stopped)
}
