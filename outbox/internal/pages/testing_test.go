package pages_test

import (
	"context"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/signalstest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox"
)

func TestACapturedCommitCallsNoDurableReceiver(t *testing.T) {
	t.Parallel()
	db, ob := open(t)
	called := 0
	signals.For[Order](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error {
		called++
		return nil
	}, outbox.Durable(ob, "index"))
	tx := db.Begin()
	waiting := signalstest.CaptureCommit(t, tx)
	require.NoError(t, tx.Create(&Order{}).Error)
	waiting.Run()
	require.NoError(t, tx.Rollback().Error)
	require.NoError(t, ob.Wait(t.Context()))
	assert.Zero(t, called)
	require.NoError(t, db.Create(&Order{}).Error)
	assert.Equal(t, 1, called)
}
