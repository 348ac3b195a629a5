package main

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
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

	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/orders", strings.NewReader(`{"Email":"ann@example.com","Lines":[{"Product":"lamp","Amount":2}]}`))
		require.NoError(c, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(c, err)
		defer response.Body.Close()
		assert.Equal(c, http.StatusOK, response.StatusCode)
	}, time.Minute, 10*time.Millisecond)
	stop()
	require.NoError(t, <-stopped)
}
