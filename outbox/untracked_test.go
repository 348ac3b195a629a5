package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

func TestADurableReceiverInATransactionThatNobodyFollowsRunsLater(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]signals.UntrackedPolicy{"refuse": signals.Refuse, "run now": signals.RunNow, "drop": signals.Drop} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openAt(t, file(t), &gorm.Config{}, signals.Plugin{Tracking: signals.TrackExplicit, Untracked: policy}, &Product{})
			pool, err := db.DB()
			require.NoError(t, err)
			pool.SetMaxOpenConns(1) // a read outside the open transaction would wait for ever
			ob := install(t, db, outbox.Config{Poll: time.Millisecond})
			h := &heard{}
			search(db, ob, h, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			require.ErrorIs(t, db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Product{Name: "undone"}).Error)
				return errBoom
			}), errBoom)
			ended := make(chan error, 1)
			go func() {
				ended <- db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return tx.Create(&Product{Name: "a"}).Error })
			}()
			select {
			case err := <-ended:
				require.NoError(t, err)
			case <-ctx.Done():
				t.Fatal("the write waits for itself")
			}
			assert.Empty(t, h.lines())
			assert.Zero(t, entries(t, db)[0].DueAt, "it waits for nobody's claim to end")
			running(t, ob.Run)
			soon(t, func() bool { return len(h.lines()) == 1 }, "Run finds it")
			assert.Equal(t, []string{"created 1 a"}, h.lines())
		})
	}
}
