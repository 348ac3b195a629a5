package behaviour_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestALaneIsOutsideATransactionThatThePluginCannotFollow(t *testing.T) {
	t.Parallel()
	h := &handled{}
	p := signals.Plugin{Tracking: signals.TrackExplicit, Untracked: signals.RunNow, ErrorHandler: h.handle}
	db := testkit.OpenWith(t, &gorm.Config{}, p, &Product{})
	lane, may := signals.NewLane(signals.LaneConfig{Name: "l"}), make(chan struct{})
	var seen int64
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		<-may
		return e.DB().Model(&Product{}).Count(&seen).Error
	}, signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		_, plain := signals.SQLTx(tx)
		assert.True(t, plain)
		return tx.Create(&Product{}).Error
	}))
	close(may)
	require.NoError(t, lane.Wait(t.Context()))
	assert.Empty(t, h.take(), "the transaction has ended")
	assert.Equal(t, int64(1), seen)
}

func TestAContextThatIsKeptBeyondItsConnectionBelongsToNoTransaction(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: true}, signals.Plugin{}, &Product{})
	var kept context.Context
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Product]) error { kept = ctx; return nil }) //nolint:fatcontext // that is the test
	require.NoError(t, db.Connection(func(db *gorm.DB) error { return db.Create(&Product{}).Error }))
	custom := signals.New[int]("custom")
	custom.Connect(func(context.Context, int) error { return nil }, signals.Durable(memory{}, "outside"))
	require.ErrorContains(t, custom.Send(kept, 1), "send them with SendIn")
}
