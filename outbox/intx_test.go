package outbox_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// Order is the row that receivers write.
func orders(t *testing.T, db *gorm.DB) (n int64) {
	t.Helper()
	require.NoError(t, db.Model(&Order{}).Count(&n).Error)
	return n
}

func TestWhatAReceiverWritesInTxStandsIfItsEventIsDone(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Order{})
	ob := install(t, db, outbox.Config{Poll: 2 * time.Millisecond, Backoff: func(int) time.Duration { return 0 }})
	h, calls := &heard{}, 0
	onSaved(db, ob, "orders", func(_ context.Context, e saved) error {
		calls++
		tx := e.DB()
		_, in := signals.SQLTx(tx)
		h.add("in a transaction %t", in)
		if err := tx.Create(&Order{Note: e.Instance.Name}).Error; err != nil {
			return err
		}
		if err := signals.OnCommit(tx, func(context.Context) error { h.add("committed"); return nil }); err != nil {
			return err
		}
		switch calls {
		case 1:
			return errBoom
		case 2:
			panic("boom")
		case 3:
			runtime.Goexit()
		}
		return nil
	}, outbox.InTx())
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	assert.Zero(t, orders(t, db), "the transaction of a failed try is rolled back")
	runUntilDone(t, ob, db)
	assert.EqualValues(t, 1, orders(t, db))
	assert.Equal(t, 4, calls)
	assert.Equal(t, "committed", h.lines()[len(h.lines())-1])
	assert.Len(t, h.lines(), 5, "what was rolled back is not committed")
	assert.Equal(t, 3, entries(t, db)[0].Tries)
}

func TestAnEventThatSomebodyElseHasTakenIsNotHandledInTx(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Order{})
	ob := install(t, db, outbox.Config{})
	onSaved(db, ob, "thief", func(_ context.Context, _ saved) error {
		return db.Exec("UPDATE signals_outbox SET holder = 'another' WHERE channel = 'robbed'").Error
	})
	onSaved(db, ob, "robbed", func(_ context.Context, e saved) error { return e.DB().Create(&Order{}).Error }, outbox.InTx(), outbox.Workers(2))
	gate := make(chan struct{})
	onSaved(db, ob, "robbed", func(_ context.Context, e saved) error {
		if e.Instance.Name == "first" {
			<-gate
		}
		return e.DB().Create(&Order{}).Error
	}, outbox.InTx())
	close(gate)
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	var state int
	require.NoError(t, db.Raw("SELECT state FROM signals_outbox WHERE channel = 'robbed'").Scan(&state).Error)
	assert.EqualValues(t, state, orders(t, db), "either it was done in time, or somebody else has it")
}

func TestACommitThatFailsLeavesTheEventOfInTxToBeTriedAgain(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Order{})
	ob := install(t, db, outbox.Config{Poll: 2 * time.Millisecond, Backoff: func(int) time.Duration { return 0 }})
	failing := true
	signals.For[Order](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error {
		if failing {
			failing = false
			return errBoom
		}
		return nil
	}, signals.BeforeCommit())
	onSaved(db, ob, "orders", func(_ context.Context, e saved) error { return e.DB().Create(&Order{}).Error }, outbox.InTx())
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	assert.Zero(t, orders(t, db))
	runUntilDone(t, ob, db)
	assert.EqualValues(t, 1, orders(t, db))
}

func TestReceiversOfWhatInTxWritesWaitForItsCommitUnderEveryTracking(t *testing.T) {
	t.Parallel()
	for name, plugin := range map[string]signals.Plugin{
		"all": {}, "explicit": {Tracking: signals.TrackExplicit}, "explicit, run now": {Tracking: signals.TrackExplicit, Untracked: signals.RunNow},
		"explicit, drop": {Tracking: signals.TrackExplicit, Untracked: signals.Drop},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openAt(t, file(t), &gorm.Config{}, plugin, &Product{}, &Order{})
			ob := install(t, db, outbox.Config{})
			h := &heard{}
			note := func(what string) signals.Receiver[signals.SaveEvent[*Order]] {
				return func(_ context.Context, e signals.SaveEvent[*Order]) error {
					h.add("%s %s", what, e.Instance.Note)
					return nil
				}
			}
			of := signals.For[Order](db).PostSave
			of.Connect(note("in its transaction"), signals.BeforeCommit())
			of.Connect(note("after its commit"), signals.AfterCommit())
			of.Connect(note("durable"), outbox.Durable(ob, "ship"))
			onSaved(db, ob, "orders", func(_ context.Context, e saved) error {
				if err := e.DB().Create(&Order{Note: e.Instance.Name}).Error; err != nil {
					return err
				}
				h.add("the receiver returns")
				return nil
			}, outbox.InTx())
			require.NoError(t, db.Create(&Product{Name: "a"}).Error)
			require.NoError(t, ob.Wait(t.Context()))
			require.Len(t, h.lines(), 4)
			assert.Equal(t, []string{"the receiver returns", "in its transaction a"}, h.lines()[:2])
			assert.ElementsMatch(t, []string{"after its commit a", "durable a"}, h.lines()[2:])
			for _, e := range entries(t, db) {
				assert.Equal(t, []int{1, 0}, []int{e.State, e.Tries}, "%s is done at its first try: %s", e.Channel, e.Err)
			}
		})
	}
}
