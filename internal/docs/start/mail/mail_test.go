package mail_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/start/mail"
	"github.com/gorm-signals/signals/internal/docs/start/orders"
	"github.com/gorm-signals/signals/signalstest"
)

func TestAPaidOrderIsMailed(t *testing.T) {
	t.Parallel()
	db := open(t)
	var sent []string
	mail.Connect(db, func(_ context.Context, to, text string) error {
		sent = append(sent, to+": "+text)
		return nil
	})

	tx := db.Begin()
	defer tx.Rollback() // the test leaves no row behind
	waiting := signalstest.CaptureCommit(t, tx)
	order := orders.Order{Email: "ann@example.com"}
	require.NoError(t, tx.Create(&order).Error)
	require.NoError(t, orders.Pay(tx, order.ID))
	assert.Empty(t, sent, "nothing is sent before the commit")

	waiting.Run()
	assert.Equal(t, []string{"ann@example.com: order 1 is paid"}, sent)
}

// open opens a database of its own for a test.
func open(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "shop.db")))
	require.NoError(t, err)
	require.NoError(t, db.Use(signals.Plugin{Strict: true}))
	require.NoError(t, db.AutoMigrate(&orders.Order{}))
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, pool.Close()) })
	return db
}
