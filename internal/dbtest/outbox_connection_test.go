package dbtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

func TestInTxIsFollowedUnderExplicitTrackingOnEachDatabase(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.AutoMigrate(&Parcel{}, &Thing{}))
		require.NoError(t, db.Use(signals.Plugin{Tracking: signals.TrackExplicit, Untracked: signals.RunNow}))
		ob := mailbox(t, db, outbox.Config{})
		heard := make(chan string, 10)
		things := signals.For[Thing](db).PostSave
		things.Connect(func(_ context.Context, e signals.SaveEvent[*Thing]) error {
			heard <- "committed " + e.Instance.Name
			return nil
		}, signals.AfterCommit())
		things.Connect(func(_ context.Context, e signals.SaveEvent[*Thing]) error {
			heard <- "durable " + e.Instance.Name
			return nil
		}, outbox.Durable(ob, "things"))
		signals.For[Parcel](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
			defer func() { heard <- "returned" }()
			return e.DB().Create(&Thing{Name: e.Instance.Name}).Error
		}, outbox.Durable(ob, "parcels", outbox.InTx()))
		require.NoError(t, db.Create(&Parcel{Name: "a"}).Error)
		require.NoError(t, ob.Wait(t.Context()))
		require.Len(t, heard, 3)
		assert.Equal(t, "returned", <-heard)
		assert.ElementsMatch(t, []string{"committed a", "durable a"}, []string{<-heard, <-heard})
	})
}

func TestAWriteThatHoldsTheOnlyConnectionDoesNotWaitForTheOutbox(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		require.NoError(t, db.AutoMigrate(&Parcel{}))
		require.NoError(t, db.Use(signals.Plugin{}))
		ob := mailbox(t, db, outbox.Config{Claim: 200 * time.Millisecond}) // with Eager
		signals.For[Parcel](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Parcel]) error { return nil }, outbox.Durable(ob, "search"))
		write := func(name string) {
			t.Helper()
			written := make(chan error, 1)
			go func() {
				written <- db.Connection(func(tx *gorm.DB) error { return tx.Create(&Parcel{Name: name}).Error })
			}()
			select {
			case err := <-written:
				require.NoError(t, err)
			case <-time.After(patience):
				t.Fatal("it waits for itself")
			}
		}
		write("before Shutdown")
		require.NoError(t, ob.Wait(t.Context()))
		tx := db.Begin()
		require.NoError(t, tx.Create(&Parcel{Name: "committed after Shutdown"}).Error)
		require.NoError(t, ob.Shutdown(t.Context()))
		require.NoError(t, tx.Commit().Error)
		write("after Shutdown")
		require.NoError(t, ob.Wait(t.Context()))
		assert.Len(t, letters(t, db), 3)
	})
}
