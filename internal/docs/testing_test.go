package docs_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/start/orders"
	"github.com/gorm-signals/signals/internal/docs/start/shoptest"
	"github.com/gorm-signals/signals/signalstest"
)

// These tests hold what docs/testing.md says beside its files.

func TestReceiversBelongToWhatGormOpenReturns(t *testing.T) {
	t.Parallel()
	db := shoptest.Open(t, &orders.Order{})
	pool, err := db.DB()
	require.NoError(t, err)
	other, err := gorm.Open(sqlite.New(sqlite.Config{Conn: pool}), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	require.NoError(t, other.Use(signals.Plugin{}))
	orders.Connect(db)
	require.ErrorIs(t, db.Create(&orders.Order{Total: -1}).Error, orders.ErrTotal)
	require.NoError(t, other.Create(&orders.Order{Total: -1}).Error, "one server, two tests")
}

func TestAnEventThatATestMakesAnswersWithoutADatabase(t *testing.T) {
	t.Parallel()
	e := signals.SaveEvent[*orders.Order]{Instance: &orders.Order{ID: 7}}
	assert.Nil(t, e.DB())
	assert.Nil(t, e.Key())
	assert.True(t, e.Changed("Status"))
	assert.Empty(t, e.Changes())
	assert.False(t, e.Raw())
	_, err := e.Original()
	require.ErrorIs(t, err, signals.ErrNotLoaded)
	e.Created = true
	_, err = e.Original()
	require.NoError(t, err)
}

func TestMutedWritesAreNotRecorded(t *testing.T) {
	t.Parallel()
	db := shoptest.Open(t, &orders.Order{})
	sent := signalstest.Record[orders.Order](t, db)
	require.NoError(t, db.WithContext(signals.Mute(t.Context())).Create(&orders.Order{}).Error)
	sent.Want()
	require.NoError(t, db.WithContext(signals.Raw(t.Context())).Create(&orders.Order{}).Error)
	sent.Want("pre_save created", "post_save created")
}

func TestACustomSignalIsSharedUntilATestDisconnects(t *testing.T) {
	t.Parallel()
	placed := signals.New[int]("order_placed")
	called := 0
	disconnect := placed.Connect(func(context.Context, int) error {
		called++
		return nil
	})
	require.NoError(t, placed.Send(t.Context(), 1), "of a test")
	require.NoError(t, placed.Send(t.Context(), 2), "of another test")
	disconnect()
	require.NoError(t, placed.Send(t.Context(), 3))
	assert.Equal(t, 2, called)
}
