package push_test

import (
	"bufio"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/push"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestABrowserGetsCommittedPricesAlone(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true}, &push.Product{})
	server := httptest.NewServer(push.NewHub(db))
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	require.NoError(t, err)
	response, err := server.Client().Do(request) // returns when the browser is connected
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))

	require.Error(t, db.Transaction(func(tx *gorm.DB) error {
		return errors.Join(tx.Create(&push.Product{Price: 90}).Error, errors.New("no chair after all"))
	}))
	require.NoError(t, db.Create(&push.Product{Name: "lamp", Price: 30}).Error)
	require.NoError(t, db.Model(&push.Product{ID: 1}).Update("name", "red lamp").Error)
	require.NoError(t, db.Model(&push.Product{}).Where("1 = 1").Update("price", 25).Error)

	var lines []string
	for body := bufio.NewScanner(response.Body); len(lines) < 3 && body.Scan(); {
		lines = append(lines, body.Text())
	}
	assert.Equal(t, []string{`data: {"ID":1,"Price":30}`, "", `data: {"ID":1,"Price":25}`}, lines)
}

func TestAWriteWaitsForNoBrowser(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true}, &push.Product{})
	hub := push.NewHub(db)
	connected, leave := make(chan struct{}), make(chan struct{})
	go hub.ServeHTTP(slow{httptest.NewRecorder(), connected, leave}, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	<-connected
	for range 100 {
		require.NoError(t, db.Create(&push.Product{Price: 1}).Error)
	}
	close(leave)
}

// slow is a browser that reads nothing.
type slow struct {
	*httptest.ResponseRecorder
	connected, leave chan struct{}
}

func (s slow) FlushError() error {
	close(s.connected)
	<-s.leave
	return errors.New("it has gone")
}
