package outbox_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// placed is an event of a custom signal.
type placed struct {
	Order uint   `json:"order"`
	Note  string `json:"note"`
}

// Key keeps the events of one order in sequence.
func (p placed) Key() any { return p.Order }

func TestAnEventOfTheBusinessIsKeptWithItsTransactionAndHandledAfterIt(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Order{})
	ob := install(t, db, outbox.Config{Poll: 2 * time.Millisecond, Backoff: func(int) time.Duration { return 0 }})
	signal, h, failed := signals.New[placed]("order_placed"), &heard{}, 0
	signal.Connect(func(ctx context.Context, e placed) error {
		assert.Nil(t, outbox.Tx(ctx))
		if failed++; failed == 1 {
			return errBoom
		}
		if failed == 2 {
			panic("boom")
		}
		h.add("%d %s", e.Order, e.Note)
		return nil
	}, outbox.Durable(ob, "ship"))
	running(t, ob.Run)
	undone := db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, signal.SendIn(tx, placed{1, "undone"}))
		return errBoom
	})
	require.ErrorIs(t, undone, errBoom)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, signal.SendIn(tx, placed{2, "first"}))
		require.Error(t, tx.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, signal.SendIn(tx, placed{2, "of a savepoint"}))
			return errBoom
		}))
		require.NoError(t, signal.SendIn(tx, placed{2, "second"}))
		assert.Empty(t, h.lines())
		return nil
	}))
	require.NoError(t, signal.SendIn(db, placed{2, "in no transaction"}))
	soon(t, func() bool { return len(h.lines()) == 3 }, "all of them come")
	assert.Equal(t, []string{"2 first", "2 second", "2 in no transaction"}, h.lines())
	require.ErrorContains(t, signal.Send(t.Context(), placed{3, "nowhere"}), "send them with SendIn(tx, event)")
}

func TestAnEventOfTheBusinessUnderAWriteBelongsToItsTransaction(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Order{})
	ob := install(t, db, outbox.Config{})
	signal := signals.New[placed]("order_placed")
	signal.Connect(func(ctx context.Context, e placed) error {
		return outbox.Tx(ctx).Create(&Order{Note: e.Note}).Error
	}, outbox.Durable(ob, "ship", outbox.InTx()))
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, e saved) error {
		return signal.Send(ctx, placed{e.Instance.ID, e.Instance.Name})
	})
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	assert.EqualValues(t, 1, orders(t, db))
	require.Error(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Product{Name: "b"}).Error)
		return errBoom
	}))
	assert.EqualValues(t, 1, orders(t, db))
	assert.Equal(t, []string{"ship order_placed order_placed/1"}, kept(t, db))
}

func TestEventsOfTheBusinessArePublished(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{TypePrefix: "com.acme"})
	signal := signals.New[placed]("order_placed")
	outbox.PublishSignal(ob, signal, outbox.Publication[placed]{})
	require.NoError(t, signal.SendIn(db, placed{7, "a"}))
	stop := outbox.PublishSignal(ob, signal, outbox.Publication[placed]{
		Type: func(placed) string { return "orders.placed" }, Subject: func(p placed) string { return fmt.Sprint("orders/", p.Order) },
		Payload: func(p placed) any { return map[string]any{"id": p.Order} }, Version: 2,
	})
	require.NoError(t, signal.SendIn(db, placed{8, "b"}))
	stop()
	require.NoError(t, signal.SendIn(db, placed{9, "c"}))
	assert.Equal(t, []string{"com.acme.order_placed.v1 order_placed/7", "com.acme.orders.placed.v2 orders/8"}, kept(t, db))
	all := entries(t, db)
	assert.JSONEq(t, `{"order": 7, "note": "a"}`, all[0].Data)
	assert.JSONEq(t, `{"id": 8}`, all[1].Data)
}

func TestEventsWithoutAKeyWaitForNoOther(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	signal := signals.New[string]("said")
	signal.Connect(func(context.Context, string) error { return errBoom }, outbox.Durable(ob, "hear"))
	require.NoError(t, signal.SendIn(db, "a"))
	require.NoError(t, signal.SendIn(db, "b"))
	all := entries(t, db)
	assert.NotEqual(t, all[0].Subject, all[1].Subject)
	assert.Equal(t, []int{1, 1}, []int{all[0].Tries, all[1].Tries})
}

func TestWhatCannotBeKeptOfACustomSignalPanicsAtConnect(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	for text, connect := range map[string]func(){
		"Durable keeps events as JSON, and chan int cannot be written so": func() {
			signals.New[chan int]("piped").Connect(func(context.Context, chan int) error { return nil }, outbox.Durable(ob, "x"))
		},
		"nobody knows which type to make of that for an fmt.Stringer: use a struct": func() {
			signals.New[fmt.Stringer]("n").Connect(func(context.Context, fmt.Stringer) error { return nil }, outbox.Durable(ob, "x"))
		},
		"Durable needs a signal that New has made": func() {
			(&signals.Signal[int]{}).Connect(func(context.Context, int) error { return nil }, outbox.Durable(ob, "x"))
		},
		"the outbox is nil: make one with outbox.Install": func() {
			outbox.PublishSignal(nil, signals.New[int]("n"), outbox.Publication[int]{})
		},
		"the signal is nil: make one with signals.New": func() { outbox.PublishSignal(ob, nil, outbox.Publication[int]{}) },
		"Version -1 is no version: count from 1": func() {
			outbox.PublishSignal(ob, signals.New[int]("n"), outbox.Publication[int]{Version: -1})
		},
	} {
		func() {
			defer func() { assert.Contains(t, fmt.Sprint(recover()), text) }()
			connect()
		}()
	}
}

func TestAnEventThatIsSentByHandInNoTransactionIsHandledWithoutRun(t *testing.T) {
	t.Parallel()
	for name, plugin := range map[string]signals.Plugin{
		"all": {}, "explicit": {Tracking: signals.TrackExplicit}, "explicit, run now": {Tracking: signals.TrackExplicit, Untracked: signals.RunNow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openAt(t, file(t), &gorm.Config{}, plugin, &Product{})
			ob := install(t, db, outbox.Config{})
			h, signal := &heard{}, signals.New[placed]("order_placed")
			onSaved(db, ob, "index", func(_ context.Context, e saved) error { h.add("%s", e.Instance.Name); return nil })
			signal.Connect(func(_ context.Context, e placed) error { h.add("%s", e.Note); return nil }, outbox.Durable(ob, "ship"))
			of := signals.For[Product](db).PostSave
			require.NoError(t, of.SendIn(db, saved{Instance: &Product{ID: 1, Name: "by SendIn"}}))
			require.NoError(t, of.Send(t.Context(), saved{Instance: &Product{ID: 1, Name: "by Send"}}))
			require.NoError(t, signal.SendIn(db, placed{1, "of a custom signal"}))
			assert.Equal(t, []string{"by SendIn", "by Send", "of a custom signal"}, h.lines())
			require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, of.SendIn(tx, saved{Instance: &Product{ID: 1, Name: "undone"}}))
				return errBoom
			}), errBoom)
			assert.Len(t, entries(t, db), 3, "in a transaction it is kept with it")
		})
	}
}
