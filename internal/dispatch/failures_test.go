package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

// begin begins a transaction whose end is noted.
func (w *world) begin() (*gorm.DB, *pool.Tx) {
	w.t.Helper()
	db := w.db.Begin()
	require.NoError(w.t, db.Error)
	tx, _ := pool.Find(db.Statement.ConnPool)
	require.NotNil(w.t, tx)
	w.t.Cleanup(func() { _ = tx.Rollback() }) // whoever has ended it gets an error
	return db, tx
}

// goexits runs f on a goroutine of its own, and reports whether f ended the goroutine.
func goexits(f func()) (ended bool) {
	done := make(chan struct{})
	ended = true
	go func() {
		defer close(done)
		f()
		ended = false
	}()
	<-done
	return ended
}

// inBothWorlds runs a test without an observer and with one.
func inBothWorlds(t *testing.T, fact string, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run(fact, func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t))
	})
	t.Run(fact+", observed", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t, func(of *dispatch.Config) { of.Observer = newWitness() }))
	})
}

func TestAPanicIsTheErrorOfTheReceiverThatPanicked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fact, receivers, panicking, want string }{
		{"the first", "a b", "a", "a:1"},
		{"one after others", "a b c", "c", "a:1 b:1 c:1"},
		{"a batch receiver", "a A b", "A", "a:1 a:2 A:1,2"},
		{"one after a batch receiver", "A b", "b", "A:1,2 b:1"},
	} {
		inBothWorlds(t, c.fact, func(t *testing.T, w *world) {
			t.Helper()
			w.does[c.panicking] = func(*dispatch.Frame) error { panic("boom") }
			err := w.call(t.Context(), c.receivers, "1 2")
			var by *receiverError
			require.ErrorAs(t, err, &by)
			assert.Equal(t, c.panicking, by.of.UID)
			var panicked *panicError
			require.ErrorAs(t, err, &panicked)
			assert.Equal(t, "boom", panicked.value)
			assert.Contains(t, string(panicked.stack), "failures_test.go", "the stack is that of the panic")
			assert.Equal(t, c.want, w.heard(), "it ends the send")
		})
	}
}

func TestNoPanicIsNoError(t *testing.T) {
	t.Parallel()
	assert.NoError(t, newWorld(t).receiver("a").Recover(nil))
}

func TestAReceiverThatEndsItsGoroutineAbandonsTheTransaction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fact, receivers, ending, want string }{
		{"a single receiver", "a b c", "b", "a:1 b:1"},
		{"a batch receiver", "a B c", "B", "a:1 B:1"},
	} {
		inBothWorlds(t, c.fact, func(t *testing.T, w *world) {
			t.Helper()
			w.does[c.ending] = func(*dispatch.Frame) error { runtime.Goexit(); return nil }
			db, tx := w.begin()
			p := w.Silent(w.schemaOf(&item{}), "item")
			p.Entries[dispatch.PostSave] = w.list(c.receivers)
			f, rows := w.frameOn(t.Context(), db), w.rows("1")
			assert.True(t, goexits(func() { _ = w.Send(p, dispatch.PostSave, f, rows) }), "the goroutine ends as the receiver wants")
			assert.Equal(t, c.want, w.heard())
			assert.Equal(t, txn.RolledBack, tx.Queue.Outcome(), "nobody else is left to roll back")
			require.Len(t, w.ends, 1)
			var by *receiverError
			require.ErrorAs(t, w.ends[0].Cause, &by)
			assert.Equal(t, c.ending, by.of.UID)
			require.ErrorIs(t, by, fault.ErrGoexit)
		})
	}
}

func TestAReceiverThatEndsItsGoroutineAbandonsNoOtherTransaction(t *testing.T) {
	t.Parallel()
	send := func(w *world, f *dispatch.Frame) bool {
		w.does["a"] = func(*dispatch.Frame) error { runtime.Goexit(); return nil }
		p, rows := w.Silent(w.schemaOf(&item{}), "item"), w.rows("1")
		p.Entries[dispatch.PostSave] = w.list("a")
		return goexits(func() { _ = w.Send(p, dispatch.PostSave, f, rows) })
	}
	t.Run("outside any there is none", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		assert.True(t, send(w, w.frame(t.Context())))
		assert.Empty(t, w.ends)
	})
	t.Run("a deferred receiver runs after its own has ended", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		db, tx := w.begin()
		f := w.frameOn(t.Context(), db)
		f.Leave(nil, &dispatch.Ended{})
		assert.True(t, send(w, f))
		assert.Equal(t, txn.Open, tx.Queue.Outcome())
	})
}

func TestAQueuedFunctionGetsItsContextAndAPanicIsItsError(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	ctx := context.WithValue(t.Context(), key{}, "queued")
	for fact, c := range map[string]struct {
		fn   func(context.Context) error
		want string
	}{
		"a function without an error": {func(context.Context) error { return nil }, ""},
		"its error":                   {func(context.Context) error { return refused }, "refused"},
		"its panic":                   {func(context.Context) error { panic("boom") }, "panic: boom"},
		"its context":                 {func(ctx context.Context) error { return fmt.Errorf("%v", ctx.Value(key{})) }, "queued"},
	} {
		t.Run(fact, func(t *testing.T) {
			t.Parallel()
			err := (&dispatch.Queued{Ctx: ctx, Fn: c.fn}).Run(errorTypes())
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
}
