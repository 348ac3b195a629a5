package outbox_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/outbox"
)

type contextKey struct{}

func TestEachEventOfATransactionHasTheContextOfItsWrite(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Order{})
	ob := install(t, db, outbox.Config{})
	h := &heard{}
	signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		h.add("audit %s", e.Instance.Note)
		return nil
	}, signals.UID("audit"))
	onSaved(db, ob, "orders", func(ctx context.Context, e saved) error {
		h.add("%s %v", e.Instance.Name, ctx.Value(contextKey{}))
		return e.DB().Create(&Order{Note: e.Instance.Name}).Error
	})
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		muted := signals.Mute(context.WithValue(t.Context(), contextKey{}, "one"), "audit")
		require.NoError(t, tx.WithContext(muted).Create(&Product{Name: "a"}).Error)
		return tx.WithContext(context.WithValue(t.Context(), contextKey{}, "two")).Create(&Product{Name: "b"}).Error
	}))
	assert.Equal(t, []string{"a one", "b two", "audit b"}, h.lines())
}

// unreadable panics when it is decoded.
type unreadable struct{ N int }

// UnmarshalJSON implements json.Unmarshaler.
func (*unreadable) UnmarshalJSON([]byte) error { panic("bad data") }

func TestAPanicAroundADurableReceiverIsAFailedTry(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	told := &errs{}
	ob := install(t, db, outbox.Config{ErrorHandler: told.handle, Context: func(ctx context.Context, _ map[string]string) context.Context {
		if ctx.Value(contextKey{}) != nil {
			panic("bad headers")
		}
		return ctx
	}})
	signal := signals.New[unreadable]("unreadable")
	signal.Connect(func(context.Context, unreadable) error { return nil }, outbox.Durable(ob, "read"))
	require.NoError(t, signal.SendIn(db, unreadable{7}))
	onSaved(db, ob, "context", func(context.Context, saved) error { return nil })
	require.NoError(t, db.WithContext(context.WithValue(t.Context(), contextKey{}, 1)).Create(&Product{Name: "a"}).Error)
	for i, e := range entries(t, db) {
		assert.Equal(t, []int{0, 1}, []int{e.State, e.Tries}, i)
	}
	require.Len(t, told.texts(), 2)
	assert.Contains(t, told.texts()[0], "bad data")
	assert.Contains(t, told.texts()[1], "bad headers")
}

func TestTheEndOfRunDoesNotWaitForWhatThisProcessHasWritten(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := installLazy(t, db, outbox.Config{Poll: 2 * time.Millisecond, Claim: time.Hour, Backoff: func(int) time.Duration { return 0 }})
	began, gate, h := make(chan struct{}), make(chan struct{}), &heard{}
	var calls atomic.Int32
	onSaved(db, ob, "slow", func(_ context.Context, e saved) error {
		switch calls.Add(1) {
		case 1:
			return errBoom // so that the event is left to Run
		case 2:
			close(began)
			<-gate
		}
		h.add("%s", e.Instance.Name)
		return nil
	})
	require.NoError(t, db.Create(&Product{Name: "failed"}).Error)
	require.NoError(t, ob.Wait(t.Context()))
	require.NoError(t, db.Create(products(1, 3)).Error)
	<-began
	stop := running(t, ob.Run)
	soon(t, func() bool {
		return db.Raw("SELECT 1 FROM signals_outbox WHERE subject = 'products/1' AND holder <> ''").Scan(new(int)).RowsAffected == 1
	}, "Run claims the failed one, behind those of this process")
	stop() // the gate still holds the receiver
	close(gate)
	require.NoError(t, ob.Wait(t.Context()))
	assert.Equal(t, []string{"p1", "p2", "p3"}, h.lines())
	var free int
	require.NoError(t, db.Raw("SELECT COUNT(*) FROM signals_outbox WHERE state = 0 AND due_at = 0 AND subject = 'products/1'").Scan(&free).Error)
	assert.Equal(t, 1, free, "it is left to others at once")
}

func TestAnEventThatOutlastsItsClaimIsNotHandledTwiceByItsProcess(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := installLazy(t, db, outbox.Config{Claim: 100 * time.Millisecond, Poll: 2 * time.Millisecond})
	var calls atomic.Int32
	onSaved(db, ob, "slow", func(context.Context, saved) error {
		calls.Add(1)
		soon(t, func() bool {
			return db.Raw("SELECT 1 FROM signals_outbox WHERE holder <> ''").Scan(new(int)).RowsAffected == 1
		}, "Run claims the event that its receiver still has")
		return nil
	})
	running(t, ob.Run)
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, ob.Wait(t.Context()))
	assert.EqualValues(t, 1, calls.Load())
}

func TestWaitWaitsForWhatReceiversCauseToo(t *testing.T) {
	t.Parallel()
	for range 10 { // receivers end in any order
		db := open(t, &Product{}, &Order{})
		ob := installLazy(t, db, outbox.Config{})
		began, h := make(chan struct{}), &heard{}
		onSaved(db, ob, "orders", func(_ context.Context, e saved) error {
			<-began
			return db.Create(&Order{Note: e.Instance.Name}).Error
		})
		signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
			h.add("%s", e.Instance.Note)
			return nil
		}, outbox.Durable(ob, "mail"))
		require.NoError(t, db.Create(&Product{Name: "a"}).Error)
		close(began)
		require.NoError(t, ob.Wait(t.Context()))
		assert.Equal(t, []string{"a"}, h.lines())
	}
}

func TestAChainOfDurableEventsIsNoNesting(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	ob := install(t, db, outbox.Config{})
	var last atomic.Int32
	signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		if n := last.Add(1); n < 40 {
			return e.DB().Create(&Order{Note: fmt.Sprint(n)}).Error
		}
		return nil
	}, outbox.Durable(ob, "step"))
	require.NoError(t, db.Create(&Order{Note: "0"}).Error)
	require.NoError(t, ob.Wait(t.Context()))
	assert.EqualValues(t, 40, last.Load())
}

func TestNothingIsKeptOfASendThatFails(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	signal, h := signals.New[placed]("order_placed"), &heard{}
	signal.Connect(func(context.Context, placed) error { h.add("durable"); return nil }, outbox.Durable(ob, "ship"), signals.First())
	signal.Connect(func(context.Context, placed) error { return errBoom })
	require.ErrorIs(t, signal.SendIn(db, placed{Order: 1}), errBoom)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.ErrorIs(t, signal.SendIn(tx, placed{Order: 2}), errBoom)
		return nil
	}))
	require.NoError(t, ob.Wait(t.Context()))
	assert.Empty(t, h.lines())
	assert.Empty(t, entries(t, db))
}

// email refuses to be empty.
type email string

// Value implements driver.Valuer.
func (e email) Value() (driver.Value, error) {
	if e == "" {
		return nil, errors.New("no email")
	}
	return string(e), nil
}

// Member has a column that its zero value cannot fill.
type Member struct {
	ID    uint
	Email email
}

// Team is linked to members.
type Team struct {
	ID      uint
	Members []Member `gorm:"many2many:team_members"`
}

func TestOnlyTheKeysOfLinkedRowsAreKept(t *testing.T) {
	t.Parallel()
	db := open(t, &Team{}, &Member{})
	ob := install(t, db, outbox.Config{})
	h := &heard{}
	signals.For[Team](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Team]) error {
		h.add("%v", e.PKs)
		return nil
	}, outbox.Durable(ob, "links"))
	require.NoError(t, db.Create(&Team{Members: []Member{{Email: "a@b"}}}).Error)
	assert.Equal(t, []string{"[1]"}, h.lines())
}

func TestWritesBehindEachOtherAreLookedAtTogether(t *testing.T) {
	t.Parallel()
	db := openAt(t, file(t), &gorm.Config{}, signals.Plugin{}, &Product{})
	s := &statements{Interface: logger.Discard}
	db.Logger = s
	ob := installLazy(t, db, outbox.Config{Claim: time.Hour})
	h := &heard{}
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		h.add("%d", e.Instance.ID)
		return nil
	}, outbox.Durable(ob, "search", outbox.Workers(4)))
	const writes = 500
	s.reset()
	for i := range writes {
		require.NoError(t, db.Create(&Product{Name: fmt.Sprint(i)}).Error)
	}
	require.NoError(t, ob.Wait(t.Context()))
	assert.Len(t, h.lines(), writes)
	assert.LessOrEqual(t, s.looks, int(time.Since(s.began)/(5*time.Millisecond))+2, "one every 5 milliseconds")
}
