package behaviour_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
	"github.com/gorm-signals/signals/signalstest"
)

func TestNetAndBatchReceiversRunOnALane(t *testing.T) {
	t.Parallel()
	db, h := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 1})
	var tr trace
	products := signals.For[Product](db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		tr.add("net %s %v", e.Instance.Name, e.Created)
		return nil
	}, signals.AfterCommit(), signals.Net(), signals.In(lane))
	products.PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Product]) error {
		names := make([]string, len(events))
		for i, e := range events {
			names[i] = e.Instance.Name
		}
		tr.add("batch %v", names)
		return errBoom
	}, signals.AfterCommit(), signals.In(lane))
	products.PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Product]) error {
		tr.add("net batch of %d", len(events))
		return nil
	}, signals.AfterCommit(), signals.Net(), signals.In(lane))
	products.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
		tr.add("deleted %s", e.Instance.Name)
		return nil
	}, signals.AfterCommit(), signals.Net(), signals.In(lane))
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		a, gone := &Product{Name: "a"}, &Product{Name: "gone"}
		return errors.Join(tx.Create(a).Error, tx.Model(a).Update("name", "b").Error, tx.Create(gone).Error, tx.Delete(gone).Error)
	}))
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, []string{"batch [a b gone]", "net b true", "net batch of 1"}, tr.take())
	errs := h.take()
	require.Len(t, errs, 1)
	of, ok := errors.AsType[*signals.LaneError](errs[0])
	require.True(t, ok)
	assert.Len(t, of.Rows, 3, "all rows of the call")
	assert.ErrorContains(t, errs[0], "products 1, products 1, products 2")
}

func TestSignalsOfOneRowShareItsOrderOnALane(t *testing.T) {
	t.Parallel()
	db, _ := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 4})
	var tr trace // one row: no two calls run at the same time
	products := signals.For[Product](db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		tr.add("saved %s", e.Instance.Name)
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	products.PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Product]) error {
		tr.add("batch of %d", len(events))
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	products.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
		tr.add("deleted %s", e.Instance.Name)
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	p := &Product{Name: "a"}
	require.NoError(t, db.Create(p).Error)
	require.NoError(t, db.Model(p).Update("name", "b").Error)
	require.NoError(t, db.Delete(p).Error)
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, []string{"saved a", "batch of 1", "saved b", "batch of 1", "deleted b"}, tr.take())
}

func TestAReceiverOfPostChangeRunsOnALane(t *testing.T) {
	t.Parallel()
	db, _ := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l"})
	var tr trace // one row: no two calls run at the same time
	signals.For[Product](db).PostChange.Connect(func(_ context.Context, e signals.ChangeEvent[*Product]) error {
		tr.add("%v %s", e.Kind, e.Instance.Name)
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	p := &Product{Name: "a"}
	require.NoError(t, db.Create(p).Error)
	require.NoError(t, db.Model(p).Update("name", "b").Error)
	require.NoError(t, db.Delete(p).Error)
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, []string{"created a", "updated b", "deleted b"}, tr.take())
}

// slowPool is a pool whose transactions tell when they have committed, and then wait.
type slowPool struct {
	gorm.ConnPool

	committed func(name any)
}

// BeginTx begins a transaction of the pool below.
func (p *slowPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	below, ok := p.ConnPool.(gorm.TxBeginner)
	if !ok {
		return nil, gorm.ErrInvalidTransaction
	}
	tx, err := below.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &slowTx{tx, p, ctx.Value(view{})}, nil
}

type slowTx struct {
	gorm.Tx

	pool *slowPool
	name any
}

// Commit commits, and then takes its time.
func (t *slowTx) Commit() error {
	err := t.Tx.Commit()
	t.pool.committed(t.name)
	return err
}

func TestALaterCommitDoesNotOvertakeAnEarlierOneOnALane(t *testing.T) {
	t.Parallel()
	var committed func(name any)
	config := &gorm.Config{}
	db := testkit.Open(t, config, &Product{})
	db.ConnPool = &slowPool{db.ConnPool, func(name any) {
		if committed != nil {
			committed(name)
		}
	}}
	db.Statement.ConnPool = db.ConnPool
	require.NoError(t, db.Use(signals.Plugin{}))
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 4})
	var tr trace
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		tr.add("%s", e.Instance.Name)
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	p := &Product{Name: "first"}
	require.NoError(t, db.Create(p).Error)
	require.NoError(t, lane.Wait(t.Context()))
	stored, goOn := make(chan struct{}), make(chan struct{})
	committed = func(name any) {
		if name == "slow" {
			close(stored)
			<-goOn
		}
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		assert.NoError(t, db.WithContext(context.WithValue(t.Context(), view{}, "slow")).Model(&Product{ID: p.ID}).Update("name", "slow").Error)
	})
	<-stored
	require.NoError(t, db.WithContext(t.Context()).Model(&Product{ID: p.ID}).Update("name", "fast").Error)
	assert.Equal(t, 1, lane.Stats().Depth, "it waits for the event of the earlier commit")
	close(goOn)
	wait.Wait()
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, []string{"first", "slow", "fast"}, tr.take())
}

func TestBadLanesAreRefusedWithTheCure(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l"})
	assert.Equal(t, []string{"l", "l"}, []string{lane.Name(), fmt.Sprint(lane)})
	for cure, c := range map[string]signals.LaneConfig{
		"give the lane a name": {}, "use 1 or more, or 0 for 4": {Name: "l", Workers: -1}, "use 1 or more, or 0 for 1000": {Name: "l", Queue: -1},
		"or 0 for 30s": {Name: "l", Timeout: -1}, "use signals.Block or signals.Reject": {Name: "l", Overflow: 2},
	} {
		assert.Contains(t, testkit.PanicOf(func() { signals.NewLane(c) }), cure)
	}
	r := func(context.Context, signals.SaveEvent[*Product]) error { return nil }
	s := signals.For[Product](db)
	for _, tt := range []struct {
		cure string
		opts []signals.ConnectOption
	}{
		{"In goes with AfterCommit, AfterRollback or AfterFailure", []signals.ConnectOption{signals.In(lane)}},
		{"In goes with AfterCommit, AfterRollback or AfterFailure", []signals.ConnectOption{signals.In(lane), signals.BeforeCommit()}},
		{"NewLane", []signals.ConnectOption{signals.In(nil), signals.AfterCommit()}},
		{"NewLane", []signals.ConnectOption{signals.In(&signals.Lane{}), signals.AfterCommit()}},
		{"leave In out", []signals.ConnectOption{signals.In(lane), signals.Durable(memory{}, "d")}},
	} {
		assert.Contains(t, testkit.PanicOf(func() { s.PostSave.Connect(r, tt.opts...) }), tt.cure)
	}
	assert.Contains(t, testkit.PanicOf(func() { s.PreSave.Connect(r, signals.In(lane), signals.AfterCommit()) }), "no meaning for pre_save")
}

// memory is a store that keeps nothing.
type memory struct{}

// Register knows every receiver.
func (memory) Register(signals.DurableReceiver) error { return nil }

// Keep keeps nothing.
func (memory) Keep(context.Context, *gorm.DB, signals.DurableReceiver, []signals.KeptEvent) error {
	return nil
}

func TestObserversAndDescriptionsKnowTheLane(t *testing.T) {
	t.Parallel()
	w := &watcher{}
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Observer: w}, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l"})
	assert.Empty(t, signals.Lanes(db))
	products := signals.For[Product](db)
	products.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return errBoom },
		signals.AfterCommit(), signals.In(lane), signals.UID("r"))
	products.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { return nil }, signals.AfterCommit(), signals.In(lane))
	assert.Equal(t, []*signals.Lane{lane}, signals.Lanes(db))
	assert.Same(t, lane, products.PostSave.Receivers()[0].Lane)
	require.NoError(t, db.Create(&Product{}).Error)
	require.NoError(t, lane.Wait(t.Context()))
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.IndexFunc(w.steps, func(s *watched) bool { return s.Step == signals.Calling })
	require.GreaterOrEqual(t, at, 0)
	call := w.steps[at]
	assert.Same(t, lane, call.Receiver.Lane)
	assert.Equal(t, "after_commit", call.within.Phase)
	require.ErrorIs(t, call.err, errBoom)
}

func TestCaptureCommitRunsReceiversOfALaneAtOnce(t *testing.T) {
	t.Parallel()
	db, _ := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l"})
	var tr trace
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		tr.add("%s", e.Instance.Name)
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	_ = db.Transaction(func(tx *gorm.DB) error {
		c := signalstest.CaptureCommit(t, tx)
		require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
		c.Run()
		assert.Equal(t, []string{"a"}, tr.take())
		return errBoom
	})
	assert.Zero(t, lane.Stats())
}

func TestAHandlerOfALaneGetsItsErrors(t *testing.T) {
	t.Parallel()
	db, h := laned(t, &Product{})
	own := &handled{}
	lane := signals.NewLane(signals.LaneConfig{Name: "l", ErrorHandler: func(ctx context.Context, err error) {
		own.handle(ctx, err)
		panic("disturbs nobody")
	}})
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return errBoom },
		signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&Product{}).Error)
	require.NoError(t, lane.Wait(t.Context()))
	require.Len(t, own.take(), 1)
	assert.Empty(t, h.take())
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db, _ := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Timeout: time.Hour})
	may := make(chan struct{})
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { <-may; return nil },
		signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&Product{}).Error)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, lane.Wait(ctx), context.Canceled)
	close(may)
	require.NoError(t, lane.Wait(t.Context()))
}

func TestTwoReceiversOfARowDoNotShareItsInstanceOnALane(t *testing.T) {
	t.Parallel()
	db, _ := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l"})
	var got string
	products := signals.For[Product](db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error { e.Instance.Name = "changed"; return nil },
		signals.AfterCommit())
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error { got = e.Instance.Name; return nil },
		signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, "a", got)
}

func TestAWriteForALaneThatCanHaveNoTransactionRunsWithout(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: true}, signals.Plugin{}, &Product{})
	plain := db.Session(&gorm.Session{NewDB: true, Context: t.Context()})
	plain.Statement.ConnPool = &plainPool{plain.Statement.ConnPool}
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 1})
	var tr trace // the lane has one worker
	products := signals.For[Product](db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		tr.add("%s", e.Instance.Name)
		return nil
	}, signals.AfterCommit(), signals.In(lane), signals.Needs(signals.Keys))
	require.NoError(t, plain.Create(&Product{ID: 1, Name: "created"}).Error)
	require.NoError(t, plain.Save(&Product{ID: 1, Name: "saved"}).Error)
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, []string{"created", "saved"}, tr.take())
}

func TestAnErrorUndoesAWriteForALaneWithoutTheTransactionOfGORM(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: true}, signals.Plugin{}, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l"})
	products := signals.For[Product](db)
	refuse := func(context.Context, signals.SaveEvent[*Product]) error { return errBoom }
	products.PostSave.Connect(refuse, signals.UID("refuses"))
	for _, phase := range []signals.ConnectOption{signals.AfterRollback(), signals.AfterFailure()} {
		products.PostSave.Connect(refuse, phase, signals.In(lane), signals.UID("other phase"))
		require.ErrorIs(t, db.Create(&Product{}).Error, errBoom)
		products.PostSave.Disconnect("other phase")
	}
	assert.Equal(t, int64(2), count[Product](t, db), "these receivers need no transaction")
	products.PostSave.Connect(refuse, signals.AfterCommit(), signals.In(lane))
	require.ErrorIs(t, db.Create(&Product{}).Error, errBoom)
	assert.Equal(t, int64(2), count[Product](t, db))
	require.NoError(t, lane.Wait(t.Context()))
}
