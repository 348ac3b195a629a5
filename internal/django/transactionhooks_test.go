package django_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// After Django's tests/transaction_hooks/tests.py. As there, rows are written in parallel with the notifications, so that
// what is notified and what is stored can be compared.

func TestExecutesImmediatelyIfNoTransaction(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.do(th.db, 1)
	th.assertDone(1)
}

func TestRobustIfNoTransaction(t *testing.T) {
	t.Parallel()
	th, forced := newThings(t, &gorm.Config{}), errors.New("robust callback")
	// Differs: outside a transaction there is a caller to tell, so the error is returned and not logged.
	require.ErrorIs(t, signals.OnCommit(th.db, func(context.Context) error { return forced }), forced)
	th.do(th.db, 1)
	th.assertDone(1)
	assert.Empty(t, th.handled)
}

func TestRobustTransaction(t *testing.T) {
	t.Parallel()
	th, forced := newThings(t, &gorm.Config{}), errors.New("robust callback")
	th.atomic(th.db, func(tx *gorm.DB) {
		// Differs: every function is robust, and ErrorHandler is told instead of a logger.
		th.onCommit(tx, func(context.Context) error { return forced })
		th.onCommit(tx, func(context.Context) error { panic(forced) })
		th.do(tx, 1)
	})
	th.assertDone(1)
	require.Len(t, th.handled, 2)
	require.ErrorIs(t, th.handled[0], forced)
	require.ErrorIs(t, th.handled[1], forced)
}

func TestDelaysExecutionUntilAfterTransactionCommit(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.atomic(th.db, func(tx *gorm.DB) {
		th.do(tx, 1)
		th.assertNotified()
	})
	th.assertDone(1)
}

func TestDoesNotExecuteIfTransactionRolledBack(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.failing(th.db, func(tx *gorm.DB) { th.do(tx, 1) })
	th.assertDone()
}

func TestExecutesOnlyAfterFinalTransactionCommitted(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.atomic(th.db, func(tx *gorm.DB) {
		th.atomic(tx, func(tx *gorm.DB) {
			th.do(tx, 1)
			th.assertNotified()
		})
		th.assertNotified()
	})
	th.assertDone(1)
}

func TestDiscardsHooksFromRolledBackSavepoint(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.atomic(th.db, func(tx *gorm.DB) {
		th.atomic(tx, func(tx *gorm.DB) { th.do(tx, 1) })
		th.failing(tx, func(tx *gorm.DB) { th.do(tx, 2) })
		th.atomic(tx, func(tx *gorm.DB) { th.do(tx, 3) })
	})
	th.assertDone(1, 3)
}

func TestNoHooksRunFromFailedTransaction(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.failing(th.db, func(tx *gorm.DB) {
		th.atomic(tx, func(tx *gorm.DB) { th.do(tx, 1) })
	})
	th.assertDone()
}

func TestInnerSavepointRolledBackWithOuter(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.atomic(th.db, func(tx *gorm.DB) {
		th.failing(tx, func(tx *gorm.DB) {
			th.atomic(tx, func(tx *gorm.DB) { th.do(tx, 1) })
		})
		th.do(tx, 2)
	})
	th.assertDone(2)
}

func TestNoSavepointsAtomicMergedWithOuter(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{DisableNestedTransaction: true})
	th.atomic(th.db, func(tx *gorm.DB) {
		th.atomic(tx, func(tx *gorm.DB) {
			th.do(tx, 1)
			th.failing(tx, func(*gorm.DB) {})
		})
	})
	// Differs: Django dooms the outer transaction. In GORM an inner error that nobody returns rolls nothing back, so the
	// row stays, and the function runs with it.
	th.assertDone(1)
	th.failing(th.db, func(tx *gorm.DB) {
		th.failing(tx, func(tx *gorm.DB) { th.do(tx, 2) })
	})
	th.assertDone(1)
}

func TestInnerSavepointDoesNotAffectOuter(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.atomic(th.db, func(tx *gorm.DB) {
		th.atomic(tx, func(tx *gorm.DB) {
			th.do(tx, 1)
			th.failing(tx, func(*gorm.DB) {})
		})
	})
	th.assertDone(1)
}

func TestRunsHooksInOrderRegistered(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.atomic(th.db, func(tx *gorm.DB) {
		th.do(tx, 1)
		th.atomic(tx, func(tx *gorm.DB) { th.do(tx, 2) })
		th.do(tx, 3)
	})
	th.assertDone(1, 2, 3)
}

func TestHooksClearedAfterSuccessfulCommit(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.atomic(th.db, func(tx *gorm.DB) { th.do(tx, 1) })
	th.atomic(th.db, func(tx *gorm.DB) { th.do(tx, 2) })
	th.assertDone(1, 2)
}

func TestHooksClearedAfterRollback(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.failing(th.db, func(tx *gorm.DB) { th.do(tx, 1) })
	th.atomic(th.db, func(tx *gorm.DB) { th.do(tx, 2) })
	th.assertDone(2)
}

func TestHooksClearedOnReconnect(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	ctx, lose := context.WithCancel(t.Context())
	lost := make(chan struct{})
	// A pool has no connection of its own to close: a transaction is lost with its context.
	tx := th.db.WithContext(ctx).Begin()
	th.do(tx, 1)
	require.NoError(t, signals.OnRollback(tx, func(context.Context) error {
		close(lost)
		return nil
	}))
	lose()
	<-lost
	require.Error(t, tx.Commit().Error)
	th.atomic(th.db, func(tx *gorm.DB) { th.do(tx, 2) })
	th.assertDone(2)
}

func TestErrorInHookDoesntPreventClearingHooks(t *testing.T) {
	t.Parallel()
	th, forced := newThings(t, &gorm.Config{}), errors.New("forced")
	// Differs: the transaction has committed, so its caller gets no error.
	th.atomic(th.db, func(tx *gorm.DB) {
		th.onCommit(tx, func(context.Context) error { return forced })
	})
	th.atomic(th.db, func(tx *gorm.DB) { th.do(tx, 1) })
	th.assertDone(1)
	assert.Len(t, th.handled, 1)
}

func TestDBQueryInHook(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.atomic(th.db, func(tx *gorm.DB) {
		create(t, tx, &Thing{Num: 1})
		th.onCommit(tx, func(ctx context.Context) error {
			var all []Thing
			err := th.db.WithContext(ctx).Find(&all).Error
			for _, thing := range all {
				th.notify(thing.Num)
			}
			return err
		})
	})
	th.assertDone(1)
}

func TestTransactionInHook(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	th.atomic(th.db, func(tx *gorm.DB) {
		th.onCommit(tx, func(context.Context) error {
			th.atomic(th.db, func(tx *gorm.DB) {
				create(t, tx, &Thing{Num: 1})
				th.notify(1)
			})
			return nil
		})
	})
	th.assertDone(1)
	assert.Empty(t, th.handled)
}

func TestHookInHook(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	var hook func(num int, another bool) func(context.Context) error
	hook = func(num int, another bool) func(context.Context) error {
		return func(context.Context) error {
			th.atomic(th.db, func(tx *gorm.DB) {
				if another {
					th.onCommit(tx, hook(num+10, false))
				}
				create(t, tx, &Thing{Num: num})
				th.notify(num)
			})
			return nil
		}
	}
	th.atomic(th.db, func(tx *gorm.DB) {
		th.onCommit(tx, hook(1, true))
		th.onCommit(tx, hook(2, true))
	})
	th.assertDone(1, 11, 2, 12)
	assert.Empty(t, th.handled)
}

func TestRaisesExceptionNonAutocommitMode(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	pool, err := th.db.DB()
	require.NoError(t, err)
	// Autocommit cannot be turned off: what the library cannot see the end of is a transaction that it did not begin.
	foreign, err := pool.BeginTx(t.Context(), &sql.TxOptions{})
	require.NoError(t, err)
	over, err := gorm.Open(sqlite.Dialector{Conn: foreign}, &gorm.Config{})
	require.NoError(t, err)
	require.NoError(t, over.Use(signals.Plugin{}))
	called := false
	require.ErrorIs(t, signals.OnCommit(over, func(context.Context) error {
		called = true
		return nil
	}), signals.ErrUntracked)
	require.NoError(t, foreign.Rollback())
	assert.False(t, called)
}

func TestRaisesExceptionNonCallable(t *testing.T) {
	t.Parallel()
	th := newThings(t, &gorm.Config{})
	require.ErrorContains(t, signals.OnCommit(th.db, nil), "need a function, and this one is nil")
}
