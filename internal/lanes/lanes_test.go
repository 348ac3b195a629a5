package lanes_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/lanes"
)

// call is a call that a test makes.
type call struct {
	run     func(ctx context.Context) error
	refused func(err error)
}

// Context returns an empty context.
func (call) Context() context.Context { return context.Background() }

// Run runs.
func (c call) Run(ctx context.Context) error { return c.run(ctx) }

// Refuse calls refused.
func (c call) Refuse(err error) { c.refused(err) }

// does is a call that calls f.
func does(f func()) call { return call{run: func(context.Context) error { f(); return nil }} }

func row(name string) []lanes.Key { return []lanes.Key{{Row: name}} }

func rowsOf(names ...string) []lanes.Key {
	var keys []lanes.Key
	for _, name := range names {
		keys = append(keys, row(name)...)
	}
	return keys
}

func lane(workers, queue int) *lanes.Lane {
	return lanes.New(lanes.Config{Name: "l", Workers: workers, Queue: queue, Timeout: time.Minute})
}

func TestACallOfSeveralRowsWaitsForAllOfThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, may := lane(4, 10), make(chan struct{})
		var order []string
		l.Put(does(func() { <-may; order = append(order, "a") }), row("a"), nil)
		l.Put(does(func() { order = append(order, "a a b") }), rowsOf("a", "a", "b"), nil)
		l.Put(does(func() { order = append(order, "b") }), row("b"), nil)
		l.Put(does(func() { order = append(order, "c") }), row("c"), nil)
		synctest.Wait()
		assert.Equal(t, []string{"c"}, order)
		close(may)
		require.NoError(t, l.Wait(t.Context()))
		assert.Equal(t, []string{"c", "a", "a a b", "b"}, order)
	})
}

func TestCallsComeInThePlacesThatWereHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := lane(1, 10)
		var order []string
		note := func(what string) call { return does(func() { order = append(order, what) }) }
		first, second := l.Hold(rowsOf("a", "b", "a")), l.Hold(rowsOf("b"))
		l.Put(note("last a"), row("a"), nil)
		l.Put(note("second b"), row("b"), second)
		second.Release()
		l.Put(note("first a"), row("a"), first)
		l.Put(note("first a b"), rowsOf("a", "b"), first)
		synctest.Wait()
		assert.Equal(t, []string{"first a", "first a b"}, order)
		first.Release()
		require.NoError(t, l.Wait(t.Context()))
		assert.Equal(t, []string{"first a", "first a b"}, order[:2])
		assert.ElementsMatch(t, []string{"last a", "second b"}, order[2:])
	})
}

func TestTheTimeoutIsThatOfEachCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := lanes.New(lanes.Config{Name: "l", Workers: 1, Queue: 1, Timeout: time.Second})
		begin := time.Now()
		waits := call{run: func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }}
		l.Put(waits, nil, nil)
		l.Put(waits, nil, nil)
		time.Sleep(500 * time.Millisecond) // the time of the bubble
		assert.Equal(t, lanes.Stats{Queued: 1, Running: 1, Oldest: 500 * time.Millisecond}, l.Stats())
		require.NoError(t, l.Wait(t.Context()))
		assert.Equal(t, 2*time.Second, time.Since(begin))
		assert.Equal(t, lanes.Stats{Failed: 2}, l.Stats())
	})
}

func TestALaneAtRestHasNoGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		l := lane(8, 100)
		for range 100 {
			l.Put(does(func() {}), nil, nil)
		}
		require.NoError(t, l.Wait(t.Context()))
	})
}

func TestACallThatEndsItsGoroutineTakesNoWorkerAlong(t *testing.T) {
	t.Parallel()
	l := lane(1, 10)
	for range 3 {
		l.Put(does(runtime.Goexit), row("a"), nil)
	}
	l.Put(does(func() {}), row("a"), nil)
	require.NoError(t, l.Wait(t.Context()))
	assert.Equal(t, lanes.Stats{Done: 1, Failed: 3}, l.Stats())
}

func TestContextsSayThatTheyAreOfALane(t *testing.T) {
	t.Parallel()
	l := lane(1, 1)
	var on bool
	l.Put(call{run: func(ctx context.Context) error { on = lanes.On(ctx); return nil }}, nil, nil)
	require.NoError(t, l.Wait(t.Context()))
	assert.True(t, on)
	assert.False(t, lanes.On(t.Context()))
}

func TestRoomIsThereOnceACallHasStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, may := lane(1, 1), make(chan struct{})
		for range 3 {
			l.Put(does(func() { <-may }), nil, nil)
		}
		var room atomic.Int32
		for range 2 {
			go func() { l.Room(t.Context()); room.Add(1) }()
		}
		synctest.Wait()
		assert.True(t, l.Full())
		assert.Zero(t, room.Load())
		may <- struct{}{}
		synctest.Wait()
		assert.Equal(t, int32(2), room.Load())
		assert.False(t, l.Full())
		close(may)
	})
}

func TestShutdownThatGivesUpCancelsWhatRunsAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := lane(2, 10)
		waits := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
		var refused []error
		note := func(err error) { refused = append(refused, err) }
		held := l.Hold(row("held"))
		l.Put(call{run: waits}, row("a"), nil)
		l.Put(call{run: waits, refused: note}, row("a"), nil)
		l.Put(call{run: waits, refused: note}, row("held"), nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, l.Shutdown(ctx), context.DeadlineExceeded)
		assert.Equal(t, []error{lanes.ErrClosed, lanes.ErrClosed}, refused)
		l.Put(call{run: waits, refused: note}, row("held"), held)
		held.Release()
		assert.Len(t, refused, 3)
		require.NoError(t, l.Wait(t.Context()))
		assert.Equal(t, lanes.Stats{Failed: 1, Refused: 3}, l.Stats())
	})
}

// TestStress checks that calls of a row never overlap and keep their order, while others hold places, are refused, and end goroutines.
func TestStress(t *testing.T) {
	t.Parallel()
	const writers, writes, rows = 32, 200, 5
	l := lane(7, 20)
	var mu [rows]sync.Mutex // the locks of the rows, as the database has them
	var version, seen [rows]int
	var busy [rows]atomic.Bool
	names := [rows]string{"a", "b", "c", "d", "e"}
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := range writes {
				at, other := (w+i)%rows, (w*3+i*7)%rows
				ids := []int{min(at, other), max(at, other)}
				if ids = ids[:1+i%2]; len(ids) == 2 && ids[0] == ids[1] {
					ids = ids[:1]
				}
				var keys []lanes.Key
				now := map[int]int{}
				for _, id := range ids {
					mu[id].Lock()
					version[id]++
					now[id] = version[id]
					keys = append(keys, row(names[id])...)
				}
				h := l.Hold(keys)
				for _, id := range ids {
					mu[id].Unlock() // the database has committed
				}
				runtime.Gosched()
				l.Put(call{run: func(context.Context) error {
					for id, v := range now {
						if !busy[id].CompareAndSwap(false, true) || seen[id] != v-1 {
							t.Errorf("row %d: version %d comes after %d", id, v, seen[id])
						}
						seen[id] = v
					}
					for id := range now {
						busy[id].Store(false)
					}
					if i%10 == 0 {
						runtime.Goexit()
					}
					return errors.New("counts")
				}}, keys, h)
				h.Release()
				l.Room(t.Context())
			}
		})
	}
	wait.Wait()
	require.NoError(t, l.Wait(t.Context()))
	assert.Equal(t, version, seen)
	assert.Equal(t, lanes.Stats{Failed: writers * writes}, l.Stats())
}

func BenchmarkPut(b *testing.B) {
	l := lane(2, 1)
	c, keys := does(func() {}), row("a")
	b.ReportAllocs()
	for b.Loop() {
		l.Put(c, keys, nil)
	}
	_ = l.Wait(b.Context())
}
