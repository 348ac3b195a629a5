package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

func TestAWriteAfterShutdownWaitsForNoConnectionButItsOwn(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	oneConnection(t, db)
	ob := installLazy(t, db, outbox.Config{Claim: time.Hour})
	onSaved(db, ob, "index", func(context.Context, saved) error { return nil })
	tx := db.Begin()
	require.NoError(t, tx.Create(&Product{Name: "before"}).Error)
	within(t, func() error { return ob.Shutdown(t.Context()) })
	within(t, func() error { return tx.Commit().Error })
	within(t, func() error {
		return db.Connection(func(tx *gorm.DB) error { return tx.Create(&Product{Name: "after"}).Error })
	})
	assert.Zero(t, entries(t, db)[1].DueAt, "a write after Shutdown claims nothing")
	require.NoError(t, ob.Wait(t.Context()))
	assert.Zero(t, entries(t, db)[0].DueAt, "a claim of before is given up")
}

func TestAWriteThatFindsAsManyWaitingAsMemoryMayHoldLeavesItsEventToRun(t *testing.T) {
	t.Parallel()
	const most = 10_000
	db := open(t, &Product{})
	oneConnection(t, db)
	ob := installLazy(t, db, outbox.Config{Claim: time.Hour})
	began, gate, h := make(chan struct{}, 1), make(chan struct{}), &heard{}
	onSaved(db, ob, "slow", func(_ context.Context, e saved) error {
		began <- struct{}{}
		<-gate
		h.add("%s", e.Instance.Name)
		return nil
	})
	require.NoError(t, db.CreateInBatches(products(1, most), 2_000).Error)
	<-began
	within(t, func() error {
		return db.Connection(func(tx *gorm.DB) error { return tx.Create(&Product{Name: "one more"}).Error })
	})
	all := entries(t, db)
	assert.Zero(t, all[most].DueAt, "nobody has claimed it")
	assert.NotZero(t, all[most-1].DueAt)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, ob.Shutdown(ctx), context.Canceled)
	close(gate)
	require.NoError(t, ob.Wait(t.Context()))
	assert.Len(t, h.lines(), 1, "the others are left, too")
}
