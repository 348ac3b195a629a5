package outbox_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

func TestConnectOptionsOfADurableReceiver(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	m := signals.For[Product](db)
	h := &heard{}
	hear := func(name string) signals.Receiver[signals.SaveEvent[*Product]] {
		return func(_ context.Context, e signals.SaveEvent[*Product]) error {
			old, err := e.Original()
			if errors.Is(err, signals.ErrNotLoaded) {
				h.add("%s %d not loaded", name, e.Instance.ID)
				return nil
			}
			h.add("%s %d %s", name, e.Instance.ID, map[bool]string{true: "new"}[old == nil])
			return err
		}
	}
	m.PostSave.Connect(hear("price"), outbox.Durable(ob, "price"), signals.Fields("Price"))
	m.PostSave.Connect(hear("keys"), outbox.Durable(ob, "keys"), signals.Needs(signals.Keys))
	m.PostSave.Connect(signals.If(func(e signals.SaveEvent[*Product]) bool { return e.Changed("Name") }, hear("if")), outbox.Durable(ob, "if"))
	m.PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Product]) error {
		h.add("batch of %d", len(events))
		return nil
	}, outbox.Durable(ob, "batch"))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	assert.Equal(t, []string{"price 1 new", "keys 1 new", "if 1 new", "batch of 1"}, h.lines())
	require.NoError(t, db.Model(&Product{ID: 1}).Update("name", "b").Error)
	assert.Equal(t, []string{"keys 1 not loaded", "if 1 ", "batch of 1"}, h.lines()[4:])
	require.NoError(t, db.Model(&Product{ID: 1}).Update("price", 3).Error)
	assert.Equal(t, []string{"price 1 ", "keys 1 not loaded", "batch of 1"}, h.lines()[7:])
	require.NoError(t, db.WithContext(signals.Mute(t.Context(), "price", "batch")).Model(&Product{ID: 1}).Update("price", 4).Error)
	assert.Equal(t, []string{"keys 1 not loaded"}, h.lines()[10:])
	require.NoError(t, db.WithContext(signals.Mute(t.Context())).Model(&Product{ID: 1}).Update("price", 5).Error)
	assert.Len(t, h.lines(), 11)
	require.NoError(t, ob.Flush(t.Context()))
	for _, e := range entries(t, db) {
		assert.Equal(t, 1, e.State, e.Channel)
	}
	infos := m.PostSave.Receivers()
	require.Len(t, infos, 4)
	assert.Equal(t, "price durable", infos[0].UID+" "+infos[0].Phase)
}

func TestADurableReceiverThatIsReplacedOrDisconnected(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	m := signals.For[Product](db)
	h := &heard{}
	hear := func(name string) signals.Receiver[signals.SaveEvent[*Product]] {
		return func(context.Context, signals.SaveEvent[*Product]) error {
			h.add("%s", name)
			return nil
		}
	}
	m.PostSave.Connect(hear("first"), outbox.Durable(ob, "search"))
	m.PostSave.Connect(hear("second"), outbox.Durable(ob, "search"))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	assert.Equal(t, []string{"second"}, h.lines())
	assert.Len(t, entries(t, db), 1)
	assert.True(t, m.PostSave.Disconnect("search"))
	require.NoError(t, db.Create(&Product{Name: "b"}).Error)
	assert.Len(t, entries(t, db), 1)
}

func TestWhatWaitsForADisconnectedReceiverIsStillHandled(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Backoff: soonAgain, Poll: 2 * time.Millisecond})
	m := signals.For[Product](db)
	h := &heard{}
	var away atomic.Bool
	away.Store(true)
	m.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if away.Load() {
			return errBoom
		}
		h.add("%s", e.Instance.Name)
		return nil
	}, outbox.Durable(ob, "search", outbox.MaxTries(1)))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	dead, err := ob.Dead(t.Context())
	require.NoError(t, err)
	require.Len(t, dead, 1)
	assert.True(t, m.PostSave.Disconnect("search"))
	running(t, ob.Run)
	away.Store(false)
	n, err := ob.Requeue(t.Context(), dead[0].ID) // Run must still look for the name
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
	soon(t, func() bool { return len(h.lines()) == 1 }, "the function that was connected last is called")
}

func TestADurableReceiverWritesOnItsOwn(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Order{})
	ob := install(t, db, outbox.Config{})
	h := &heard{}
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
		_, inTransaction := signals.SQLTx(e.DB())
		h.add("product, in a transaction %t", inTransaction)
		if err := signals.OnCommit(e.DB(), func(context.Context) error { h.add("on commit"); return nil }); err != nil {
			return err
		}
		return db.WithContext(ctx).Create(&Order{Note: e.Instance.Name}).Error
	}, outbox.Durable(ob, "orders"))
	signals.For[Order](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error {
		h.add("order")
		return nil
	}, outbox.Durable(ob, "mail"))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, ob.Wait(t.Context()))
	assert.ElementsMatch(t, []string{"product, in a transaction false", "order", "on commit"}, h.lines())
}

func TestWhatAReceiverWritesToItsOwnRowWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	h := &heard{}
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		h.add("begin %d", e.Instance.Price)
		defer h.add("end %d", e.Instance.Price)
		if e.Instance.Price == 3 {
			return nil
		}
		return e.DB().Model(&Product{ID: 1}).Update("price", gorm.Expr("price + 1")).Error
	}, outbox.Durable(ob, "loop", outbox.Workers(4)))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, ob.Wait(t.Context()))
	assert.Equal(t, []string{"begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"}, h.lines())
}

// ItemV1 and ItemV2 are one model, before and after a new version of the program.
type ItemV1 struct {
	ID   uint
	Name string
	Gone string
	Was  int
}

// TableName returns the name of the table.
func (ItemV1) TableName() string { return "items" }

type ItemV2 struct {
	ID   uint
	Name string
	New  string
	Was  string
}

// TableName returns the name of the table.
func (ItemV2) TableName() string { return "items" }

func TestAModelThatHasChangedSinceItsEventWasKept(t *testing.T) {
	t.Parallel()
	dsn := file(t)
	db := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &ItemV1{})
	ob := install(t, db, outbox.Config{Backoff: func(int) time.Duration { return 0 }})
	signals.For[ItemV1](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*ItemV1]) error { return errBoom }, outbox.Durable(ob, "search"))
	require.NoError(t, db.Create(&ItemV1{Name: "a", Gone: "x"}).Error)
	require.NoError(t, db.Model(&ItemV1{ID: 1}).Update("gone", "y").Error)
	require.NoError(t, db.Create(&ItemV1{Name: "b", Was: 5}).Error)
	require.NoError(t, db.Exec("UPDATE signals_outbox SET due_at = 0").Error)
	require.NoError(t, db.Migrator().AddColumn(&ItemV2{}, "New"))

	told := &errs{}
	other := openAt(t, dsn, &gorm.Config{}, signals.Plugin{})
	second := install(t, other, outbox.Config{Poll: time.Millisecond, MaxTries: 2, Backoff: func(int) time.Duration { return 0 }, ErrorHandler: told.handle})
	h := &heard{}
	signals.For[ItemV2](other).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*ItemV2]) error {
		old, err := e.Original()
		h.add("%v %v %d", *e.Instance, old == nil, len(e.Changes()))
		return err
	}, outbox.Durable(second, "search"))
	running(t, second.Run)
	soon(t, func() bool { return len(h.lines())+len(told.texts()) >= 3 }, "all are tried")
	for _, line := range told.texts() {
		assert.Contains(t, line, "was of ItemV2 does not fit", "a column of another type is an error")
	}
}

// SmallV1 and SmallV2 are one model whose new column is too small for stored events.
type SmallV1 struct {
	ID uint
	N  int64
	F  float64
}

// TableName returns the name of the table.
func (SmallV1) TableName() string { return "smalls" }

type SmallV2 struct {
	ID uint
	N  int8
	F  int
}

// TableName returns the name of the table.
func (SmallV2) TableName() string { return "smalls" }

func TestWhatDoesNotFitAnyMoreIsNoOtherNumber(t *testing.T) {
	t.Parallel()
	for _, small := range []SmallV1{{N: 300}, {N: 1, F: 1.5}} {
		dsn := file(t)
		db := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &SmallV1{})
		ob := install(t, db, outbox.Config{})
		signals.For[SmallV1](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*SmallV1]) error { return errBoom }, outbox.Durable(ob, "search"))
		require.NoError(t, db.Create(&small).Error)
		due(t, db)
		told := &errs{}
		other := openAt(t, dsn, &gorm.Config{}, signals.Plugin{})
		second := install(t, other, outbox.Config{ErrorHandler: told.handle})
		h := &heard{}
		signals.For[SmallV2](other).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*SmallV2]) error {
			h.add("%d", e.Instance.N)
			return nil
		}, outbox.Durable(second, "search"))
		running(t, second.Run)
		soon(t, func() bool { return len(h.lines())+len(told.texts()) > 0 }, "it is tried")
		assert.Empty(t, h.lines())
	}
}

func TestALateAnswerEndsNobodysClaim(t *testing.T) {
	t.Parallel()
	dsn := file(t)
	late := make(chan struct{})
	var calls atomic.Int32
	answer := func(string) error {
		switch calls.Add(1) {
		case 1:
			<-late
			return errBoom
		case 2:
			close(late)
			<-time.After(500 * time.Millisecond)
		}
		return nil
	}
	var db *gorm.DB
	for range 2 {
		db = openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{})
		ob := install(t, db, outbox.Config{Claim: 2 * time.Second, Poll: 2 * time.Millisecond, Backoff: func(int) time.Duration { return 0 }})
		search(db, ob, &heard{}, answer)
		running(t, ob.Run)
	}
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	soon(t, func() bool { return entries(t, db)[0].State == 1 }, "the second one does it")
	assert.EqualValues(t, 2, calls.Load(), "and no third one meanwhile")
}

// failElsewhere changes a record as another process does that has claimed it, has failed, and waits for its next try.
const failElsewhere = "UPDATE signals_outbox SET holder = '', tries = 1, due_at = 9000000000000 WHERE subject = ?"

func TestWhatAnotherHasFailedMeanwhileIsLeftToItsBackoff(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Claim: 4 * time.Second})
	h := &heard{}
	search(db, ob, h, func(line string) error {
		if line == "created 1 a" { // longer than half of the claims of both events
			<-time.After(2100 * time.Millisecond)
			return db.Exec(failElsewhere, "products/2").Error
		}
		return errBoom
	})
	require.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error)
	assert.Equal(t, []string{"created 1 a"}, h.lines())
	second := entries(t, db)[1]
	assert.Equal(t, []int{0, 1}, []int{second.State, second.Tries})
	assert.EqualValues(t, int64(9e12), second.DueAt)
}

func TestALateFailureTakesNoTryOfAnotherBack(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	search(db, ob, &heard{}, func(string) error {
		assert.NoError(t, db.Exec(failElsewhere, "products/1").Error)
		return errBoom
	})
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	assert.Equal(t, 1, entries(t, db)[0].Tries)
	assert.EqualValues(t, int64(9e12), entries(t, db)[0].DueAt)
}

func TestATryOfAnotherSinceTheRecordWasReadCounts(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{MaxTries: 3, Poll: time.Millisecond, Backoff: func(int) time.Duration { return 0 }})
	h := &heard{}
	search(db, ob, h, func(line string) error {
		h.add("try %s", line)
		if line == "created 1 a" && len(h.lines()) == 3 { // Run has read both events by now
			return db.Exec("UPDATE signals_outbox SET tries = 2, due_at = 0 WHERE subject = 'products/2'").Error
		}
		return errBoom
	})
	require.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error)
	running(t, ob.Run)
	soon(t, func() bool { return entries(t, db)[1].State == 2 }, "it is parked")
	assert.Equal(t, []string{"try created 1 a", "try created 2 b", "try created 1 a", "created 1 a", "try created 2 b"}, h.lines())
}
