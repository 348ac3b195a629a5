package outbox_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

type saved = signals.SaveEvent[*Product]

func onSaved(db *gorm.DB, ob *outbox.Outbox, name string, r signals.Receiver[saved], opts ...outbox.DurableOption) {
	signals.For[Product](db).PostSave.Connect(r, outbox.Durable(ob, name, opts...))
}

func products(from, to int) *[]Product {
	var all []Product
	for i := from; i <= to; i++ {
		all = append(all, Product{Name: fmt.Sprint("p", i)})
	}
	return &all
}

func TestAWriteDoesNotWaitForItsDurableReceiver(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := installLazy(t, db, outbox.Config{})
	gate, h := make(chan struct{}), &heard{}
	onSaved(db, ob, "slow", func(_ context.Context, e saved) error {
		<-gate
		h.add("%s", e.Instance.Name)
		return nil
	})
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, db.Create(&Product{Name: "b"}).Error)
	assert.Empty(t, h.lines())
	late, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, ob.Wait(late), context.Canceled)
	close(gate)
	require.NoError(t, ob.Wait(t.Context()))
	assert.Equal(t, []string{"a", "b"}, h.lines(), "one after the other, as there is one worker")
}

func TestAsManyEventsOfDifferentRowsAreHandledAtOnceAsThereAreWorkers(t *testing.T) {
	t.Parallel()
	for _, swept := range []bool{false, true} {
		t.Run(fmt.Sprint("found in the table ", swept), func(t *testing.T) {
			t.Parallel()
			const workers = 5
			db := open(t, &Product{})
			ob := installLazy(t, db, outbox.Config{})
			var running, most atomic.Int32
			all := make(chan struct{})
			opts := []outbox.DurableOption{outbox.Workers(workers)}
			if swept {
				opts = append(opts, outbox.Delay(time.Millisecond))
			}
			onSaved(db, ob, "slow", func(ctx context.Context, _ saved) error {
				n := running.Add(1)
				defer running.Add(-1)
				most.Store(max(most.Load(), n))
				if n == workers {
					close(all)
				}
				select {
				case <-all:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}, opts...)
			require.NoError(t, db.Create(products(1, workers)).Error)
			if swept {
				running := running.Load()
				assert.Zero(t, running, "a delayed event is left to Run")
				runUntilDone(t, ob, db)
			}
			require.NoError(t, ob.Wait(t.Context()))
			assert.EqualValues(t, workers, most.Load())
		})
	}
}

// runUntilDone calls Run until no event waits.
func runUntilDone(t *testing.T, ob *outbox.Outbox, db *gorm.DB) {
	t.Helper()
	stop := running(t, ob.Run)
	soon(t, func() bool { return pendingIn(t, db) == 0 }, "Run handles what waits")
	stop()
}

func pendingIn(t *testing.T, db *gorm.DB) (n int) {
	t.Helper()
	require.NoError(t, db.Raw("SELECT COUNT(*) FROM signals_outbox WHERE state = 0").Scan(&n).Error)
	return n
}

func TestEventsOfARowKeepTheirOrderHoweverManyWorkersThereAre(t *testing.T) {
	t.Parallel()
	const rows, writers, writes = 4, 4, 40
	db := open(t, &Product{})
	ob := installLazy(t, db, outbox.Config{Poll: 2 * time.Millisecond})
	require.NoError(t, db.Create(products(1, rows)).Error)
	var mu sync.Mutex
	last, busy := map[uint]int64{}, map[uint]bool{}
	onSaved(db, ob, "order", func(_ context.Context, e saved) error {
		mu.Lock()
		assert.False(t, busy[e.Instance.ID], "two events of a row at once")
		busy[e.Instance.ID] = true
		mu.Unlock()
		defer func() {
			mu.Lock()
			busy[e.Instance.ID] = false
			assert.Equal(t, last[e.Instance.ID]+1, e.Instance.Price, "none is missing, none is before its turn")
			last[e.Instance.ID] = e.Instance.Price
			mu.Unlock()
		}()
		return nil
	}, outbox.Workers(8))
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for i := range writes {
				assert.NoError(t, db.Model(&Product{ID: uint(1 + i%rows)}).Update("price", gorm.Expr("price + 1")).Error)
			}
		})
	}
	group.Wait()
	runUntilDone(t, ob, db) // events that were committed in another order than handed over are left to Run
	for id, price := range last {
		assert.EqualValues(t, writers*writes/rows, price, id)
	}
}

func TestShutdownWaitsForReceiversAndLeavesTheRestToOthersAtOnce(t *testing.T) {
	t.Parallel()
	dsn := file(t)
	db := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{})
	ob := installLazy(t, db, outbox.Config{Claim: time.Hour})
	began, gate, first := make(chan struct{}), make(chan struct{}), &heard{}
	onSaved(db, ob, "slow", func(_ context.Context, e saved) error {
		close(began)
		<-gate
		first.add("%s", e.Instance.Name)
		return nil
	})
	require.NoError(t, db.Create(products(1, 3)).Error)
	<-began
	ended := make(chan error)
	go func() { ended <- ob.Shutdown(t.Context()) }()
	require.NoError(t, db.Create(products(4, 4)).Error)
	close(gate)
	require.NoError(t, <-ended)
	require.NoError(t, db.Create(products(5, 5)).Error, "what is written later is kept")
	assert.Equal(t, []string{"p1"}, first.lines())

	other := openAt(t, dsn, &gorm.Config{}, signals.Plugin{})
	ob2 := installLazy(t, other, outbox.Config{Claim: time.Hour, Poll: 2 * time.Millisecond})
	second := &heard{}
	onSaved(other, ob2, "slow", func(_ context.Context, e saved) error { second.add("%s", e.Instance.Name); return nil })
	runUntilDone(t, ob2, other)
	assert.ElementsMatch(t, []string{"p2", "p3", "p4", "p5"}, second.lines(), "nobody waits for the claim of an hour to end")
}

func TestShutdownThatMayNotWaitEndsTheContextsOfReceivers(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := installLazy(t, db, outbox.Config{Claim: time.Hour})
	began, ended := make(chan struct{}), make(chan struct{})
	onSaved(db, ob, "slow", func(ctx context.Context, _ saved) error {
		close(began)
		<-ctx.Done()
		close(ended)
		return ctx.Err()
	})
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := ob.Shutdown(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "Shutdown: durable receivers still run")
	<-ended
	require.NoError(t, ob.Wait(t.Context()))
	e := entries(t, db)[0]
	assert.Equal(t, []int{0, 0}, []int{e.State, e.Tries}, "the receiver is not to blame")
}

func TestOptionsOfADurableReceiverAreItsOwn(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	told := &errs{}
	ob := install(t, db, outbox.Config{MaxTries: 7, Backoff: func(int) time.Duration { return time.Hour }, ErrorHandler: told.handle})
	onSaved(db, ob, "one try", func(context.Context, saved) error { return errBoom }, outbox.MaxTries(1))
	onSaved(db, ob, "soon again", func(context.Context, saved) error { return errBoom }, outbox.Backoff(time.Minute, 2*time.Minute))
	onSaved(db, ob, "limited", func(ctx context.Context, _ saved) error { <-ctx.Done(); return ctx.Err() }, outbox.Timeout(time.Millisecond))
	before := time.Now()
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	byName := map[string]entry{}
	for _, e := range entries(t, db) {
		byName[e.Channel] = e
	}
	assert.Equal(t, 2, byName["one try"].State, "it is parked")
	wait := time.UnixMilli(byName["soon again"].DueAt).Sub(before)
	assert.True(t, wait > 29*time.Second && wait < 2*time.Minute, wait)
	assert.Equal(t, 1, byName["limited"].Tries, "a call that takes too long has failed")
	assert.Contains(t, byName["limited"].Err, "deadline exceeded")
}

func TestBadOptionsOfDurablePanicWithACure(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	for text, opt := range map[string]outbox.DurableOption{
		"Workers(0): use 1 to 1000":                                                 outbox.Workers(0),
		"Timeout(-1s): use more than 0, or leave the option out":                    outbox.Timeout(-time.Second),
		"Timeout(20s) is more than half of Config.Claim, which is 30s: raise Claim": outbox.Timeout(20 * time.Second),
		"MaxTries(0): use 1 or more, or leave the option out":                       outbox.MaxTries(0),
		"Backoff(2s, 1s): use more than 0, and no less for the second time than":    outbox.Backoff(2*time.Second, time.Second),
		"Delay(0s): use more than 0, or leave the option out":                       outbox.Delay(0),
		"an option of Durable is nil: leave it out":                                 nil,
	} {
		func() {
			defer func() { assert.Contains(t, fmt.Sprint(recover()), text) }()
			onSaved(db, ob, "bad", func(context.Context, saved) error { return nil }, opt)
		}()
	}
}

func TestADelayedEventComesWhenItsTimeHasCome(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Poll: 2 * time.Millisecond})
	at := make(chan time.Time, 1)
	onSaved(db, ob, "later", func(context.Context, saved) error { at <- time.Now(); return nil }, outbox.Delay(200*time.Millisecond))
	running(t, ob.Run)
	before := time.Now()
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	assert.Empty(t, at)
	assert.GreaterOrEqual(t, (<-at).Sub(before), 190*time.Millisecond)
}
