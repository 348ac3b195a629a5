package pool_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

func TestCommitHandsOutWhatWaits(t *testing.T) {
	t.Parallel()
	db, d := open(t), newDiary("sqlite")
	db.SetMaxOpenConns(1)
	tx := begin(t.Context(), t, d, db)
	d.before = func(in *pool.Tx) error {
		assert.Same(t, tx, in)
		exec(t, in, "INSERT INTO t VALUES (2)")
		return in.Add("b")
	}
	d.ended = func(of *pool.Tx) {
		assert.Same(t, tx, of)
		assert.Equal(t, 2, count(t, db), "the only connection is back in the pool")
		require.ErrorIs(t, of.Add("too late"), sql.ErrTxDone)
	}
	require.NoError(t, tx.Add("a"))
	exec(t, tx, "INSERT INTO t VALUES (1)")
	require.NoError(t, tx.Commit())
	end := d.end(t)
	assert.Equal(t, []any{"a", "b"}, actions(end.Committed), "what was added right before COMMIT is in it")
	assert.Empty(t, end.RolledBack)
	assert.NoError(t, end.Cause)
	d.before = nil
	require.ErrorIs(t, tx.Rollback(), sql.ErrTxDone)
	require.ErrorIs(t, tx.Commit(), sql.ErrTxDone)
	assert.Len(t, d.ends, 1, "it ends once")
}

func TestRollbackHandsOutWhatWaits(t *testing.T) {
	t.Parallel()
	db, d := open(t), newDiary("sqlite")
	d.before = func(*pool.Tx) error { panic("there is no commit") }
	tx := begin(t.Context(), t, d, db)
	require.NoError(t, tx.Add("a"))
	exec(t, tx, "INSERT INTO t VALUES (1)")
	require.NoError(t, tx.Rollback())
	end := d.end(t)
	assert.Equal(t, []any{"a"}, actions(end.RolledBack))
	assert.NoError(t, end.Cause, "the caller wanted it")
	assert.Zero(t, count(t, db))
	require.ErrorIs(t, tx.Rollback(), sql.ErrTxDone)
	assert.Len(t, d.ends, 1, "it ends once")
}

func TestAnErrorBeforeTheCommitRollsBack(t *testing.T) {
	t.Parallel()
	db, d := open(t), newDiary("sqlite")
	errVeto := errors.New("veto")
	d.before = func(*pool.Tx) error { return errVeto }
	tx := begin(t.Context(), t, d, db)
	require.NoError(t, tx.Add("a"))
	exec(t, tx, "INSERT INTO t VALUES (1)")
	assert.Equal(t, errVeto, tx.Commit(), "as it is")
	assert.Equal(t, []any{"a"}, actions(d.end(t).RolledBack))
	assert.Equal(t, errVeto, d.end(t).Cause)
	assert.Zero(t, db.Stats().InUse, "the connection is back in the pool")
	assert.Zero(t, count(t, db))
}

func TestStatementsAreFollowed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		run  func(tx *pool.Tx, query string) error
	}{
		{"ExecContext", func(tx *pool.Tx, query string) error {
			_, err := tx.ExecContext(t.Context(), query)
			return err
		}},
		{"QueryContext", func(tx *pool.Tx, query string) error {
			rows, err := tx.QueryContext(t.Context(), query)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
			}
			return rows.Err()
		}},
		{"QueryRowContext", func(tx *pool.Tx, query string) error {
			err := tx.QueryRowContext(t.Context(), query).Scan(new(int))
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db, d := open(t), newDiary("sqlite")
			tx := begin(t.Context(), t, d, db)
			require.NoError(t, tx.Add("a"))
			require.NoError(t, c.run(tx, "SAVEPOINT x"))
			require.NoError(t, tx.Add("b"))
			require.NoError(t, c.run(tx, "SELECT 1"))
			require.Error(t, c.run(tx, "ROLLBACK TO z"), "the database says that it did nothing")
			require.NoError(t, c.run(tx, "ROLLBACK TO x"))
			require.NoError(t, tx.Add("c"))
			assert.Equal(t, 4, tx.Statements())
			require.NoError(t, tx.Commit())
			assert.Equal(t, []any{"a", "c"}, actions(d.end(t).Committed))
			assert.Equal(t, []any{"b"}, actions(d.end(t).RolledBack))
		})
	}
}

func TestAPreparedStatementCounts(t *testing.T) {
	t.Parallel()
	db, d := open(t), newDiary("sqlite")
	stmt, err := db.PrepareContext(t.Context(), "INSERT INTO t VALUES (1)")
	require.NoError(t, err)
	defer stmt.Close()
	tx := begin(t.Context(), t, d, db)
	bound := tx.StmtContext(t.Context(), stmt)
	defer bound.Close()
	_, err = bound.ExecContext(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, tx.Statements())
	require.NoError(t, tx.Commit())
	assert.Equal(t, 1, count(t, db))
}

func TestATransactionThatSomebodyElseEndedHasAnUnknownEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(tx *pool.Tx) error{"Commit": (*pool.Tx).Commit, "Rollback": (*pool.Tx).Rollback} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDiary("sqlite")
			tx := begin(t.Context(), t, d, open(t))
			require.NoError(t, tx.Add("a"))
			require.NoError(t, tx.Tx.Rollback())
			require.ErrorIs(t, end(tx), sql.ErrTxDone)
			assert.Equal(t, []any{"a"}, actions(d.end(t).Unknown))
			assert.ErrorIs(t, d.end(t).Cause, sql.ErrTxDone)
		})
	}
}

func TestAContextThatEndedRollsBack(t *testing.T) {
	t.Parallel()
	errLate := errors.New("too late")
	for name, end := range map[string]func(tx *pool.Tx) error{"Commit": (*pool.Tx).Commit, "Rollback": (*pool.Tx).Rollback} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rolledBack := make(chan struct{})
			f := &fake{answer: func(query string) (any, error) {
				if query == "ROLLBACK" {
					close(rolledBack)
				}
				return nil, nil
			}}
			ctx, cancel := context.WithCancelCause(t.Context())
			d := newDiary("postgres")
			tx := begin(ctx, t, d, openFake(t, f))
			require.NoError(t, tx.Add("a"))
			cancel(errLate)
			<-rolledBack // by database/sql
			if err := end(tx); name == "Commit" {
				require.ErrorIs(t, err, context.Canceled)
			}
			assert.Equal(t, []any{"a"}, actions(d.end(t).RolledBack))
			assert.NotContains(t, f.sent, "COMMIT", "it is not sent")
		})
	}
}

func TestAWatchedTransactionEndsWithItsContext(t *testing.T) {
	t.Parallel()
	errLate := errors.New("too late")
	ctx, cancel := context.WithCancelCause(t.Context())
	d := newDiary("sqlite")
	tx := begin(ctx, t, d, open(t))
	tx.Watch()
	tx.Watch() // once is enough
	require.NoError(t, tx.Add("a"))
	cancel(errLate)
	<-d.done // nobody calls Rollback
	assert.Equal(t, []any{"a"}, actions(d.end(t).RolledBack))
	assert.Equal(t, errLate, d.end(t).Cause)
	err := tx.Commit()
	require.ErrorIs(t, err, sql.ErrTxDone, "rollback functions have run: it must not commit now")
	require.ErrorIs(t, err, context.Canceled)
	assert.Len(t, d.ends, 1)
}

func TestAWatchedTransactionThatEndedForgetsItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	d := newDiary("sqlite")
	tx := begin(ctx, t, d, open(t))
	tx.Watch()
	require.NoError(t, tx.Add("a"))
	require.NoError(t, tx.Commit())
	cancel()
	assert.Equal(t, []any{"a"}, actions(d.end(t).Committed))
	unlimited := begin(context.WithoutCancel(t.Context()), t, newDiary("sqlite"), open(t))
	unlimited.Watch() // there is nothing to watch
	require.NoError(t, unlimited.Rollback())
}

func TestAbandonRollsBackBecauseOfACause(t *testing.T) {
	t.Parallel()
	db, d := open(t), newDiary("sqlite")
	errPanic := errors.New("panic")
	tx := begin(t.Context(), t, d, db)
	require.NoError(t, tx.Add("a"))
	exec(t, tx, "INSERT INTO t VALUES (1)")
	tx.Abandon(errPanic)
	assert.Equal(t, []any{"a"}, actions(d.end(t).RolledBack))
	require.ErrorIs(t, d.end(t).Cause, errPanic)
	assert.Zero(t, count(t, db))
	tx.Abandon(errors.New("another one"))
	assert.Len(t, d.ends, 1, "it has ended")
}

func TestTheAnswerToCommitDecides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact    string
		dialect string
		answer  error
		want    txn.Outcome
	}{
		{"no error", "postgres", nil, txn.Committed},
		{"PostgreSQL: a constraint that was checked at last", "postgres", postgresError{"23503"}, txn.RolledBack},
		{"PostgreSQL: a serialization failure", "postgres", postgresError{"40001"}, txn.RolledBack},
		{"PostgreSQL: a value", "postgres", postgresError{"22001"}, txn.RolledBack},
		{"PostgreSQL: an aborted transaction", "postgres", postgresError{"25P02"}, txn.RolledBack},
		{"PostgreSQL: a check option", "postgres", postgresError{"44000"}, txn.RolledBack},
		{"PostgreSQL: a trigger", "postgres", postgresError{"P0001"}, txn.RolledBack},
		{"PostgreSQL: it does not know itself", "postgres", postgresError{"40003"}, txn.Unknown},
		{"PostgreSQL: it is shut down", "postgres", postgresError{"57P01"}, txn.Unknown},
		{"PostgreSQL: no SQLSTATE", "postgres", postgresError{"23"}, txn.Unknown},
		{"pgx: ROLLBACK is the answer", "postgres", errors.New("commit unexpectedly resulted in rollback"), txn.RolledBack},
		{"lib/pq: ROLLBACK is the answer", "postgres", errors.New("pq: Could not complete operation in a failed transaction"), txn.RolledBack},
		{"MySQL: a deadlock", "mysql", mysqlError{1213}, txn.RolledBack},
		{"MySQL: a deadlock of Galera, as text", "mysql", errors.New("Error 1213 (40001): Deadlock found"), txn.RolledBack},
		{"MySQL: anything else", "mysql", mysqlError{1205}, txn.Unknown},
		{"the connection is lost", "mysql", errors.New("invalid connection"), txn.Unknown},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			d := newDiary(c.dialect)
			tx := begin(t.Context(), t, d, openFake(t, &fake{commit: c.answer}))
			require.NoError(t, tx.Add("a"))
			assert.Equal(t, c.answer, tx.Commit(), "as it is")
			assert.Equal(t, c.want, tx.Queue.Outcome())
			end := d.end(t)
			assert.Equal(t, c.answer, end.Cause)
			assert.Equal(t, []any{"a"}, actions(map[txn.Outcome][]txn.Item[any]{
				txn.Committed: end.Committed, txn.RolledBack: end.RolledBack, txn.Unknown: end.Unknown,
			}[c.want]))
		})
	}
}

func TestAnErrorRightBeforeTheCommitCanMeanThatTheDatabaseHasRolledBack(t *testing.T) {
	t.Parallel()
	d := newDiary("mysql")
	f := &fake{answer: func(query string) (any, error) {
		return false, map[string]error{"UPDATE t SET a = 1": mysqlError{1205}}[query] // it has no transaction open when it is asked
	}}
	d.before = func(tx *pool.Tx) error {
		_, err := tx.ExecContext(t.Context(), "UPDATE t SET a = 1")
		assert.Error(t, err)
		return nil // the receiver did not mind
	}
	tx := begin(t.Context(), t, d, openFake(t, f))
	require.NoError(t, tx.Add("a"))
	require.NoError(t, tx.Commit())
	assert.Equal(t, []any{"a"}, actions(d.end(t).RolledBack))
}

func TestCapturedIsWhatThePoolsWereMadeWith(t *testing.T) {
	t.Parallel()
	tx := begin(t.Context(), t, newDiary("sqlite"), open(t))
	assert.Equal(t, noCapture{}, tx.Captured())
	require.NoError(t, tx.Rollback())
}

func TestATransactionHasTheDialectOfItsPools(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]txn.Dialect{"postgres": txn.Postgres, "mysql": txn.MySQL, "sqlite": txn.SQLite, "sqlserver": txn.Other} {
		tx := begin(t.Context(), t, newDiary(name), openFake(t, &fake{}))
		assert.Equal(t, want, tx.Queue.Dialect)
		require.NoError(t, tx.Rollback())
	}
}

var _ gorm.Tx = (*pool.Tx)(nil)
