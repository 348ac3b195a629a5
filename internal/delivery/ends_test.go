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

func TestReceiversThatWaitAreCalledAtTheEndOfTheTransaction(t *testing.T) {
	t.Parallel()
	const all = "a@after b@before u@undone n@send"
	for _, c := range []struct{ fact, receivers, script, sent, onCommit, onRollback string }{
		{"each in its phase", all, "+1x", "n:+1x", "b:+1x a:+1x", "u:+1x"},
		{"in the order of the writes, and after a rollback the last first", all, "+1x|1x>y", "n:+1x n:1x>y", "b:+1x b:1x>y a:+1x a:1x>y", "u:1x>y u:+1x"},
		{"row by row", "a@after b@after u@undone v@undone", "+1x,+2y", "", "a:+1x a:+2y b:+1x b:+2y", "v:+2y u:+2y v:+1x u:+1x"},
		{"deletes as saves", all, "-1x", "n:-1x", "b:-1x a:-1x", "u:-1x"},
		{
			"ROLLBACK TO decides what came after its savepoint", all, "+1x|SAVEPOINT s|+2y|ROLLBACK TO s|+3z",
			"n:+1x n:+2y n:+3z", "b:+1x b:+3z u:+2y a:+1x a:+3z", "u:+3z u:+2y u:+1x",
		},
		{"a batch receiver once, with all rows of the transaction", "A@after a@after", "+1x|+2y,+3z", "", "A:+1x,+2y,+3z a:+1x a:+2y a:+3z", ""},
		{"a batch receiver that comes before the commit once for each write", "B@before", "+1x|+2y,+3z", "", "B:+1x B:+2y,+3z", ""},
		{"nobody without a row that is written", all, "SELECT 1", "", "", ""},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.connect(c.receivers)
			tx := w.play(c.script)
			assert.Equal(t, c.sent, w.heard(), "before the end")
			require.NoError(t, tx.Commit().Error)
			assert.Equal(t, c.onCommit, w.heard(), "committed")
			tx = w.play(c.script)
			w.heard()
			require.NoError(t, tx.Rollback().Error)
			assert.Equal(t, c.onRollback, w.heard(), "rolled back")
		})
	}
}

func TestAnErrorBeforeTheCommitRollsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("b@before c@before a@after u@undone")
	refused := errors.New("refused")
	w.does["b"] = func(*dispatch.Frame) error { return refused }
	tx := w.play("+1x")
	require.ErrorIs(t, tx.Commit().Error, refused)
	assert.Equal(t, "b:+1x u:+1x", w.heard())
}

func TestAWriteBeforeTheCommitIsHeardOfBeforeTheCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("b@before a@after")
	tx := w.play("+1x")
	written := false
	w.does["b"] = func(f *dispatch.Frame) error {
		if written {
			return nil
		}
		written = true
		return w.write(f.Session(), "+2y")
	}
	require.NoError(t, tx.Commit().Error)
	assert.Equal(t, "b:+1x b:+2y a:+1x a:+2y", w.heard())
}

func TestFailuresAfterTheEndAreHandledAndKeepNobodyFromBeingCalled(t *testing.T) {
	t.Parallel()
	goexit := strings.ReplaceAll(fault.ErrGoexit.Error(), " ", "_")
	for _, c := range []struct {
		fact string
		does func(*dispatch.Frame) error // by the first receiver
		want string
	}{
		{"an error", func(*dispatch.Frame) error { return errors.New("no") }, "!a:_no"},
		{"a panic", func(*dispatch.Frame) error { panic("boom") }, "!a:_panic:_boom"},
		{"the end of a goroutine", func(*dispatch.Frame) error { runtime.Goexit(); return nil }, "!a:_" + goexit},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			for _, phase := range []string{"after", "undone"} {
				w := newWorld(t)
				w.connect("c@" + phase + " a@" + phase + " d@" + phase)
				w.does["a"] = c.does
				tx := w.play("+1x|+2y")
				done := make(chan struct{})
				go func() { // a receiver may end it
					defer close(done)
					if phase == "after" {
						tx.Commit()
					} else {
						tx.Rollback()
					}
				}()
				<-done
				want := "c:+1x a:+1x " + c.want + " d:+1x c:+2y a:+2y " + c.want + " d:+2y"
				if phase == "undone" {
					want = "d:+2y a:+2y " + c.want + " c:+2y d:+1x a:+1x " + c.want + " c:+1x"
				}
				assert.Equal(t, want, w.heard(), phase)
			}
		})
	}
}

func TestAReceiverAfterTheEndIsOutsideTheTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("a@after")
	ctx, cancel := context.WithCancel(t.Context())
	tx := w.db.WithContext(ctx).Begin()
	require.NoError(t, tx.Error)
	require.NoError(t, w.write(tx, "+1x"))
	w.does["a"] = func(f *dispatch.Frame) error {
		cancel()
		require.NoError(t, f.Err(), "the end of its context is nothing to it")
		require.NotNil(t, f.Ended)
		assert.Same(t, w.db.ConnPool, f.Session().Statement.ConnPool)
		return nil
	}
	require.NoError(t, tx.Commit().Error)
	assert.Equal(t, "a:+1x", w.heard())
}

func TestNetEventsAreOneForEachRowOfATransaction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fact, script, want string }{
		{"one write is itself", "1x>y", "n:1x>y"},
		{"updates are one, from the first old to the last new values", "1x>y|1y>z", "n:1x>z"},
		{"a row that is created and updated is created with its last values", "+1x|1x>y", "n:+1y"},
		{"a row that is created and deleted never was", "+1x|-1x", ""},
		{"a row that is updated and deleted is deleted as it was", "1x>y|-1y", "n:-1x"},
		{"a row that is updated back is not changed", "1x>y|1y>x", ""},
		{"a row that is deleted and created again is updated", "-1x|+1y", "n:1x>y"},
		{"each row has its own, in the order of the last writes", "+1x|+2y|1x>z", "n:+2y n:+1z"},
		{"what a savepoint took away does not count", "1x>y|SAVEPOINT s|1y>z|ROLLBACK TO s", "n:1x>y"},
		{"rows of one write each", "+1x,+2y|1x>z,2y>z", "n:+1z n:+2z"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.connect("n@net")
			require.NoError(t, w.play(c.script).Commit().Error)
			assert.Equal(t, c.want, w.heard())
			require.NoError(t, w.play(c.script).Rollback().Error)
			assert.Empty(t, w.heard(), "rolled back")
		})
	}
}

func TestABatchReceiverGetsAllNetEventsAtTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("N@net a@after")
	require.NoError(t, w.play("+1x|1x>y|+2z|-3q").Commit().Error)
	assert.Equal(t, "a:+1x a:1x>y a:+2z a:-3q N:+1y,+2z N:-3q", w.heard(), "after all others, saves and deletes apart")
}

func TestOutsideATransactionAWriteEndsWithItsStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("b@before a@after n@net u@undone")
	require.NoError(t, w.write(w.db, "1x>y"))
	assert.Equal(t, "b:1x>y a:1x>y n:1x>y", w.heard())
	w.does["b"] = func(*dispatch.Frame) error { return errors.New("no") }
	require.EqualError(t, w.write(w.db, "1x>y"), "b: no")
	assert.Equal(t, "b:1x>y", w.heard(), "a statement that fails is heard of by nobody else")
	delivery.Finish(nil, true)
}

// foreign returns a session in a transaction whose end cannot be seen.
func (w *world) foreign() *gorm.DB {
	w.t.Helper()
	raw, err := w.db.DB()
	require.NoError(w.t, err)
	tx, err := raw.BeginTx(context.WithoutCancel(w.t.Context()), nil) // the test's context ends before its cleanup
	require.NoError(w.t, err)
	w.t.Cleanup(func() { assert.NoError(w.t, tx.Rollback()) })
	db := w.db.Session(&gorm.Session{Context: w.t.Context()})
	db.Statement.ConnPool = tx
	return db
}

func TestThePolicySaysWhatWaitsInATransactionWhoseEndCannotBeSeen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact       string
		policy     dispatch.Policy
		err        error
		heard, fns string
	}{
		{"the write is refused", dispatch.Refuse, fault.ErrUntracked, "", ""},
		{"receivers run after the statement", dispatch.Refuse + 1, nil, "b:+1x a:+1x", "f"},
		{"nobody is called", dispatch.Drop, nil, "", ""},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(of *dispatch.Config) { of.Untracked = c.policy })
			w.connect("b@before a@after")
			tx := w.foreign()
			require.ErrorIs(t, w.write(tx, "+1x"), c.err)
			assert.Equal(t, c.heard, w.heard())
			fn := func(context.Context) error { w.note("f"); return nil }
			require.ErrorIs(t, delivery.AtEnd(w.Registry, tx, fn, dispatch.AfterCommit, dispatch.Here(1)), c.err)
			assert.Equal(t, c.fns, w.heard(), "the same is true of functions")
		})
	}
}
