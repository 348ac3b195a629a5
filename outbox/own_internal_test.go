package outbox

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

type note struct {
	ID   uint
	Text string
}

func TestNothingIsHeldOfATransactionThatHasEnded(t *testing.T) {
	t.Parallel()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	require.NoError(t, db.AutoMigrate(&note{}))
	require.NoError(t, db.Use(signals.Plugin{}))
	ob, err := Install(db, Config{Source: "/shop"})
	require.NoError(t, err)
	require.NoError(t, ob.Migrate(t.Context()))
	signals.For[note](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*note]) error { return nil }, Durable(ob, "search"))
	held := func() int {
		ob.mu.Lock()
		defer ob.mu.Unlock()
		return len(ob.own)
	}
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		for range 3 {
			require.NoError(t, tx.Create(&note{}).Error)
		}
		assert.Equal(t, 1, held(), "one look is for all")
		return nil
	}))
	assert.Zero(t, held())
	undone := errors.New("undone")
	for range 10 {
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&note{}).Error)
			return undone
		}), undone)
	}
	require.Eventually(t, func() bool {
		runtime.GC()
		return held() == 0
	}, time.Minute, time.Millisecond, "those that are rolled back are forgotten as well")
	require.NoError(t, ob.Flush(t.Context()))
}
