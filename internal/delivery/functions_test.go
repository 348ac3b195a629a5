package delivery_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

type key struct{}

// queue lets a function wait that notes its name.
func (w *world) queue(db *gorm.DB, name string, on dispatch.Phase, do ...func(ctx context.Context) error) error {
	w.t.Helper()
	return delivery.AtEnd(w.Registry, db, func(ctx context.Context) error {
		w.note(name)
		for _, one := range do {
			if err := one(ctx); err != nil {
				return err
			}
		}
		return nil
	}, on, dispatch.Here(2))
}

func TestFunctionsWaitForTheEndOfTheTransaction(t *testing.T) {
	t.Parallel()
	for _, commit := range []bool{true, false} {
		w := newWorld(t)
		tx := w.db.Begin()
		require.NoError(t, w.queue(tx, "done1", dispatch.AfterCommit))
		require.NoError(t, w.queue(tx, "undone1", dispatch.AfterRollback))
		require.NoError(t, w.queue(tx, "done2", dispatch.AfterCommit))
		require.NoError(t, w.queue(tx, "undone2", dispatch.AfterRollback))
		assert.Empty(t, w.heard(), "nothing before the end")
		if commit {
			require.NoError(t, tx.Commit().Error)
			assert.Equal(t, "done1 done2", w.heard(), "in order")
		} else {
			require.NoError(t, tx.Rollback().Error)
			assert.Equal(t, "undone2 undone1", w.heard(), "the last one first")
		}
		require.Error(t, w.queue(tx, "late", dispatch.AfterCommit), "nothing waits for a transaction that has ended")
		assert.Empty(t, w.heard())
	}
}

func TestFunctionsAndReceiversShareOneOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("a@after")
	tx := w.db.Begin()
	require.NoError(t, w.queue(tx, "f", dispatch.AfterCommit))
	require.NoError(t, w.write(tx, "+1x"))
	require.NoError(t, w.queue(tx, "g", dispatch.AfterCommit))
	require.NoError(t, tx.Commit().Error)
	assert.Equal(t, "f a:+1x g", w.heard())
}

func TestOutsideATransactionAFunctionRunsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := errors.New("no")
	require.ErrorIs(t, w.queue(w.db, "f", dispatch.AfterCommit, func(context.Context) error { return refused }), refused, "its error is the caller's")
	assert.Equal(t, "f", w.heard())
	require.NoError(t, w.queue(w.db, "f", dispatch.AfterRollback))
	assert.Empty(t, w.heard(), "and never for a rollback")
}

func TestAFunctionGetsTheValuesOfItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
	tx := w.db.WithContext(ctx).Begin()
	require.NoError(t, w.queue(tx, "f", dispatch.AfterCommit, func(ctx context.Context) error {
		cancel()
		assert.Equal(t, "kept", ctx.Value(key{}))
		return ctx.Err()
	}))
	require.NoError(t, tx.Commit().Error)
	assert.Equal(t, "f", w.heard(), "and not its end")
}

func TestAFunctionThatADeferredReceiverQueuesRunsRightAfterIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("a@after b@after")
	w.does["a"] = func(f *dispatch.Frame) error {
		require.NoError(t, w.queue(f.Session(), "f", dispatch.AfterCommit))
		require.NoError(t, w.queue(f.Session(), "g", dispatch.AfterCommit))
		w.note("returns")
		return nil
	}
	require.NoError(t, w.play("+1x").Commit().Error)
	assert.Equal(t, "a:+1x returns f g b:+1x", w.heard())
}

func TestAFunctionThatFailsKeepsNoOtherFromRunning(t *testing.T) {
	t.Parallel()
	for fact, c := range map[string]struct {
		do   func(context.Context) error
		want string
	}{
		"an error": {func(context.Context) error { return errors.New("no") }, "f !no g"},
		"a panic":  {func(context.Context) error { panic("boom") }, "f !panic:_boom g"},
		"the end of a goroutine": {
			func(context.Context) error { runtime.Goexit(); return nil },
			"f !signals:_function_queued_at_HERE:_the_receiver_ended_its_goroutine_with_runtime.Goexit g",
		},
	} {
		t.Run(fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tx := w.db.Begin()
			place, err := dispatch.Here(1), w.queue(tx, "f", dispatch.AfterCommit, c.do) // on one line
			require.NoError(t, err)
			require.NoError(t, w.queue(tx, "g", dispatch.AfterCommit))
			done := make(chan struct{})
			go func() {
				defer close(done)
				tx.Commit()
			}()
			<-done
			assert.Equal(t, strings.Replace(c.want, "HERE", place.String(), 1), w.heard())
		})
	}
}

func TestNothingWaitsForATransactionThatCouldNotBeBegun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.db.Session(&gorm.Session{Context: t.Context()})
	db.Statement.ConnPool = nil
	_ = db.AddError(errors.New("of Begin"))
	err := w.queue(db, "f", dispatch.AfterCommit)
	require.ErrorIs(t, err, gorm.ErrInvalidTransaction)
	require.ErrorContains(t, err, "of Begin")
	assert.Empty(t, w.heard())
}

func TestAnEndThatNobodyKnowsIsHandled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("a@after u@undone")
	var handled error
	w.Handle = func(_ context.Context, err error) { handled = err }
	tx := w.play("+1x|ROLLBACK TO somewhere")
	require.NoError(t, w.queue(tx, "f", dispatch.AfterCommit))
	require.NoError(t, tx.Commit().Error)
	require.ErrorIs(t, handled, fault.ErrOutcomeUnknown)
	require.ErrorContains(t, handled, "(1 sends and functions waited for it)")
	assert.Equal(t, "f", w.heard(), "what came later is known")
}
