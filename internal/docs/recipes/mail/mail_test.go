package mail_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/mail"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestAMailIsSentWhenAnOrderBecomesPaid(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true}, &mail.Order{})
	var mu sync.Mutex
	var sent []string
	lane := mail.Connect(db, func(_ context.Context, to, text string) error {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, to+": "+text)
		return nil
	})
	require.NoError(t, db.Create(&mail.Order{Email: "ann@example.com", Status: "new"}).Error)
	paid := func(db *gorm.DB) error { return db.Model(&mail.Order{}).Where("id = 1").Update("status", "paid").Error }
	require.Error(t, db.Transaction(func(tx *gorm.DB) error { return errors.Join(paid(tx), errors.New("no money")) }))
	require.NoError(t, paid(db))
	require.NoError(t, paid(db))
	require.NoError(t, lane.Shutdown(t.Context()))
	assert.Equal(t, []string{"ann@example.com: Order 1 is paid."}, sent)
}
