package behaviour_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// handled keeps what an ErrorHandler was told. Safe from any goroutine.
type handled struct {
	mu     sync.Mutex
	errors []error
}

func (h *handled) handle(_ context.Context, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errors = append(h.errors, err)
}

func (h *handled) take() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	errs := h.errors
	h.errors = nil
	return errs
}

// laned opens a database whose errors are kept.
func laned(t *testing.T, models ...any) (*gorm.DB, *handled) {
	t.Helper()
	h := &handled{}
	return testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{ErrorHandler: h.handle}, models...), h
}

func TestAWriteDoesNotWaitForAReceiverOnALane(t *testing.T) {
	t.Parallel()
	db, h := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "mail"})
	may, got := make(chan struct{}), make(chan string, 1)
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
		<-may
		assert.Equal(t, "kept", ctx.Value(view{}))
		var stored Product
		if err := e.DB().First(&stored, e.Instance.ID).Error; err != nil {
			return err
		}
		got <- stored.Name + " " + e.Instance.Name
		return ctx.Err()
	}, signals.AfterCommit(), signals.In(lane))
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), view{}, "kept"))
	p := &Product{Name: "a"}
	require.NoError(t, db.WithContext(ctx).Create(p).Error)
	cancel()
	p.Name = "changed by the caller"
	assert.Equal(t, 1, lane.Stats().Depth+lane.Stats().Running)
	close(may)
	assert.Equal(t, "a a", <-got)
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, signals.LaneStats{Done: 1}, lane.Stats())
	assert.Empty(t, h.take(), "the context has not ended with that of the write")
}

func TestALaneRunsNothingOfARolledBackWrite(t *testing.T) {
	t.Parallel()
	db, _ := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 1})
	var tr trace // the lane has one worker
	products := signals.For[Product](db)
	note := func(what string) signals.Receiver[signals.SaveEvent[*Product]] {
		return func(_ context.Context, e signals.SaveEvent[*Product]) error {
			tr.add("%s %s", what, e.Instance.Name)
			return nil
		}
	}
	products.PostSave.Connect(note("committed"), signals.AfterCommit(), signals.In(lane))
	products.PostSave.Connect(note("rolled back"), signals.AfterRollback(), signals.In(lane))
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
		require.NoError(t, tx.Create(&Product{Name: "b"}).Error)
		return errBoom
	}), errBoom)
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, []string{"rolled back b", "rolled back a"}, tr.take())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		_ = tx.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Product{Name: "c"}).Error)
			return errBoom
		})
		return tx.Create(&Product{Name: "d"}).Error
	}))
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, []string{"rolled back c", "committed d"}, tr.take())
}

func TestEventsOfARowStayInOrderOnALaneAndRowsRunAtTheSameTime(t *testing.T) {
	t.Parallel()
	db, h := laned(t, &Product{})
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1) // writers wait for each other here, and not in SQLite
	const rows, writers, writes = 8, 32, 10
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: rows, Queue: 3})
	ids := make([]uint, rows)
	for i := range ids {
		p := Product{Name: "p"}
		require.NoError(t, db.Create(&p).Error)
		ids[i] = p.ID
	}
	var mu sync.Mutex
	last, running := map[uint]int{}, map[uint]bool{}
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		id := e.Instance.ID
		mu.Lock()
		assert.False(t, running[id], "a row has one call at a time")
		running[id] = true
		mu.Unlock()
		runtime.Gosched()
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, last[id]+1, e.Instance.Stock)
		last[id], running[id] = e.Instance.Stock, false
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	var wait sync.WaitGroup
	for i := range writers {
		wait.Go(func() {
			for range writes {
				err := db.Model(&Product{ID: ids[i%rows]}).Update("stock", gorm.Expr("stock + 1")).Error
				assert.NoError(t, err)
			}
		})
	}
	wait.Wait()
	require.NoError(t, lane.Wait(t.Context()))
	for _, id := range ids {
		assert.Equal(t, writers/rows*writes, last[id])
	}
	assert.Empty(t, h.take())
}

func TestDifferentRowsRunAtTheSameTimeOnALane(t *testing.T) {
	t.Parallel()
	db, _ := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 3})
	var meet sync.WaitGroup
	meet.Add(3)
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error {
		meet.Done()
		meet.Wait() // for the other two
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}, {Name: "c"}}).Error)
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, uint64(3), lane.Stats().Done)
}

func TestEveryFailureOnALaneIsReportedWithItsRow(t *testing.T) {
	t.Parallel()
	db, h := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "mail", Workers: 2})
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		switch e.Instance.Name {
		case "error":
			return errBoom
		case "panic":
			panic("no")
		case "goexit":
			runtime.Goexit()
		}
		return nil
	}, signals.AfterCommit(), signals.In(lane), signals.UID("mail-it"))
	for id, name := range []string{"fine", "error", "panic", "goexit", "fine"} {
		require.NoError(t, db.Create(&Product{ID: uint(id + 1), Name: name}).Error)
		require.NoError(t, lane.Wait(t.Context()))
		errs := h.take()
		if name == "fine" {
			assert.Empty(t, errs)
			continue
		}
		require.Len(t, errs, 1, name)
		of, ok := errors.AsType[*signals.LaneError](errs[0])
		require.True(t, ok)
		require.Len(t, of.Rows, 1)
		assert.Equal(t, []any{uint(id + 1)}, of.Rows[0].Key)
		assert.Equal(t, "products", of.Rows[0].Table)
		failed, ok := errors.AsType[*signals.ReceiverError](errs[0])
		require.True(t, ok)
		assert.Equal(t, []string{"mail", "Product", "mail-it"}, []string{of.Lane, failed.Sender, failed.Receiver})
		if name == "error" {
			require.ErrorIs(t, errs[0], errBoom)
			assert.Equal(t, "signals: lane mail, products 2: signals: receiver mail-it of post_save of Product: boom", errs[0].Error())
		}
	}
	assert.Equal(t, signals.LaneStats{Done: 2, Failed: 3}, lane.Stats())
}

func TestAFullLaneThatBlocksHoldsTheWriterBackUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	db, h := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 1, Queue: 1})
	may := make(chan struct{})
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { <-may; return nil },
		signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&Product{Name: "runs"}).Error)
	for lane.Stats().Running == 0 {
		runtime.Gosched()
	}
	require.NoError(t, db.Create(&Product{Name: "is queued"}).Error)
	held := make(chan error)
	go func() { held <- db.Create(&Product{Name: "waits"}).Error }()
	for lane.Stats().Depth < 2 {
		runtime.Gosched()
	}
	select {
	case err := <-held:
		assert.Fail(t, "the writer was not held back", "%v", err)
	default:
	}
	ctx, cancel := context.WithCancel(t.Context())
	other := make(chan error)
	go func() { other <- db.WithContext(ctx).Create(&Product{Name: "gives up"}).Error }()
	for lane.Stats().Depth < 3 {
		runtime.Gosched()
	}
	cancel()
	require.NoError(t, <-other, "the write has committed, and its event is queued")
	for range 3 {
		may <- struct{}{}
	}
	require.NoError(t, <-held)
	may <- struct{}{}
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, signals.LaneStats{Done: 4}, lane.Stats())
	assert.Empty(t, h.take())
}

func TestAFullLaneThatRejectsReportsTheRow(t *testing.T) {
	t.Parallel()
	db, h := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 1, Queue: 1, Overflow: signals.Reject})
	may := make(chan struct{})
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { <-may; return nil },
		signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&Product{ID: 1}).Error)
	for lane.Stats().Running == 0 {
		runtime.Gosched()
	}
	require.NoError(t, db.Create(&Product{ID: 2}).Error)
	require.NoError(t, db.Create(&Product{ID: 3}).Error, "the write has succeeded")
	errs := h.take()
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], signals.ErrLaneFull)
	of, ok := errors.AsType[*signals.LaneError](errs[0])
	require.True(t, ok)
	assert.Equal(t, []any{uint(3)}, of.Rows[0].Key)
	stats := lane.Stats()
	assert.Positive(t, stats.Oldest)
	stats.Oldest = 0
	assert.Equal(t, signals.LaneStats{Depth: 1, Running: 1, Rejected: 1}, stats)
	close(may)
	require.NoError(t, lane.Wait(t.Context()))
}

func TestAReceiverOnALaneNeverWaitsForALane(t *testing.T) {
	t.Parallel()
	db, h := laned(t, &Product{}, &Page{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 2, Queue: 1})
	other := signals.NewLane(signals.LaneConfig{Name: "other", Workers: 1, Queue: 1})
	var seen atomic.Int32
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
		seen.Add(1)
		if e.Instance.Stock >= 3 {
			return nil
		}
		for range 2 {
			if err := e.DB().Create(&Product{Stock: e.Instance.Stock + 1}).Error; err != nil {
				return err
			}
		}
		return db.WithContext(ctx).Create(&Page{}).Error
	}, signals.AfterCommit(), signals.In(lane))
	signals.For[Page](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Page]) error {
		return e.DB().Create(&Product{Stock: 3}).Error
	}, signals.AfterCommit(), signals.In(other))
	for range 4 {
		require.NoError(t, db.Create(&Product{}).Error)
	}
	require.NoError(t, other.Wait(t.Context()))
	require.NoError(t, lane.Wait(t.Context()))
	require.NoError(t, other.Wait(t.Context()))
	require.NoError(t, lane.Wait(t.Context()))
	assert.Empty(t, h.take())
	assert.Equal(t, int32(4*(1+2+4+8)+4*(1+2+4)), seen.Load())
}

func TestShutdownDrainsALaneAndTakesNothingNew(t *testing.T) {
	t.Parallel()
	db, h := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 1})
	may := make(chan struct{})
	var seen []uint
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		<-may
		seen = append(seen, e.Instance.ID)
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&[]Product{{}, {}, {}}).Error)
	down := make(chan error)
	go func() { down <- lane.Shutdown(t.Context()) }()
	for len(h.take()) == 0 { // until the lane takes nothing new
		require.NoError(t, db.Create(&Product{}).Error)
	}
	close(may)
	require.NoError(t, <-down)
	assert.Equal(t, []uint{1, 2, 3}, seen[:3])
	require.NoError(t, db.Create(&Product{ID: 100}).Error)
	errs := h.take()
	require.ErrorIs(t, errs[len(errs)-1], signals.ErrLaneClosed)
	assert.NotContains(t, seen, uint(100))
	require.NoError(t, lane.Shutdown(t.Context()), "once more")
}

func TestShutdownThatGivesUpReportsWhatWasNotDelivered(t *testing.T) {
	t.Parallel()
	db, h := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 1, Queue: 1})
	var cause atomic.Value
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Product]) error {
		<-ctx.Done()
		cause.Store(context.Cause(ctx))
		return ctx.Err()
	}, signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&Product{ID: 1}).Error)
	for lane.Stats().Running == 0 {
		runtime.Gosched()
	}
	held := make(chan error)
	go func() { held <- db.Create(&[]Product{{ID: 2}, {ID: 3}}).Error }()
	for lane.Stats().Depth < 2 {
		runtime.Gosched()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, lane.Shutdown(ctx), context.Canceled)
	require.NoError(t, <-held, "a writer that waits for room goes on")
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, signals.ErrLaneClosed, cause.Load())
	var keys []any
	for _, err := range h.take() {
		if of, ok := errors.AsType[*signals.LaneError](err); ok && errors.Is(err, signals.ErrLaneClosed) {
			keys = append(keys, of.Rows[0].Key...)
		}
	}
	assert.Equal(t, []any{uint(2), uint(3)}, keys)
	assert.Equal(t, signals.LaneStats{Failed: 1, Rejected: 2}, lane.Stats())
}

func TestTheContextOfACallOnALaneEndsWithTheTimeout(t *testing.T) {
	t.Parallel()
	db, h := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "slow", Timeout: time.Nanosecond})
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Product]) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}, signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Create(&Product{}).Error)
	require.NoError(t, lane.Wait(t.Context()))
	errs := h.take()
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], context.DeadlineExceeded)
	assert.ErrorContains(t, errs[0], `lane "slow"`)
}
