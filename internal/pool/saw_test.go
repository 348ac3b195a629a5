package pool_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/pool"
)

// fates says how actions have ended: "before" was added before an error, "after" after it, and at last the transaction was rolled back.
type fates struct{ rolledBack, unknown, committed []any }

func fatesOf(t *testing.T, d *diary) fates {
	t.Helper()
	end := d.end(t)
	return fates{rolledBack: actions(end.RolledBack), unknown: actions(end.Unknown), committed: actions(end.Committed)}
}

var (
	unhurt = fates{rolledBack: []any{"before", "after"}}
	lost   = fates{rolledBack: []any{"before"}, committed: []any{"after"}} // the database stored the rest at once
	inside = fates{rolledBack: []any{"before"}, unknown: []any{"after"}}   // the outcome is unknown
)

func TestAnErrorCanMeanThatTheDatabaseHasRolledBack(t *testing.T) {
	t.Parallel()
	const asks, asksMySQL, begins = "SELECT @@in_transaction", "SELECT @@innodb_rollback_on_timeout", "BEGIN"
	no := errors.New("cannot start a transaction within a transaction")
	unknown := mysqlError{1193} // Unknown system variable
	for _, c := range []struct {
		fact    string
		dialect string
		err     error
		answers map[string]any // to the questions of the library
		want    fates
	}{
		{"MySQL: a deadlock", "mysql", mysqlError{1213}, nil, lost},
		{"MySQL: a duplicate key", "mysql", mysqlError{1062}, nil, unhurt},
		{"MariaDB: a lock was not got, and it has", "mysql", mysqlError{1205}, map[string]any{asks: false}, lost},
		{"MariaDB: a lock was not got, and it has not", "mysql", mysqlError{1205}, map[string]any{asks: true}, unhurt},
		{"MariaDB: a row has changed", "mysql", mysqlError{1020}, map[string]any{asks: false}, lost},
		{"MariaDB: no room for locks", "mysql", mysqlError{1206}, map[string]any{asks: false}, lost},
		{"MySQL: a lock was not got, and that ends transactions", "mysql", mysqlError{1205}, map[string]any{asks: unknown, asksMySQL: true}, lost},
		{"MySQL: a lock was not got, and that ends statements", "mysql", mysqlError{1205}, map[string]any{asks: unknown, asksMySQL: false}, unhurt},
		{"MySQL: it does not answer", "mysql", mysqlError{1205}, map[string]any{asks: errors.New("EOF")}, inside},
		{"SQLite: it is full, and has", "sqlite", sqliteError{13}, nil, lost},
		{"SQLite: it is full, and has not", "sqlite", sqliteError{13}, map[string]any{begins: no}, unhurt},
		{"SQLite: it is full, and does not answer", "sqlite", sqliteError{13}, map[string]any{begins: errors.New("EOF")}, inside},
		{"SQLite: aborted", "sqlite", sqliteError{4}, nil, lost},
		{"SQLite: busy", "sqlite", sqliteError{5}, nil, lost},
		{"SQLite: no memory", "sqlite", sqliteError{7}, nil, lost},
		{"SQLite: interrupted", "sqlite", sqliteError{9}, nil, lost},
		{"SQLite: reading and writing", "sqlite", &moderncError{10 | 3<<8}, nil, lost},
		{"SQLite: ON CONFLICT ROLLBACK", "sqlite", sqliteError{19}, nil, lost},
		{"SQLite: a context that ended", "sqlite", fmt.Errorf("a: %w", context.Canceled), nil, lost},
		{"SQLite: a context that was too slow", "sqlite", context.DeadlineExceeded, nil, lost},
		{"SQLite: a text that is wrong", "sqlite", sqliteError{1}, nil, unhurt},
		{"SQLite: what no driver says", "sqlite", errors.New("some error"), nil, unhurt},
		{"PostgreSQL keeps an aborted transaction open", "postgres", postgresError{"40P01"}, nil, unhurt},
		{"no error", "mysql", nil, nil, unhurt},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			d, f := newDiary(c.dialect), &fake{}
			tx := begin(t.Context(), t, d, openFake(t, f))
			require.NoError(t, tx.Add("before"))
			f.answer = func(query string) (any, error) {
				if query == "UPDATE t SET a = 1" {
					return nil, c.err
				}
				if err, ok := c.answers[query].(error); ok {
					return nil, err
				}
				return c.answers[query], nil
			}
			_, err := tx.ExecContext(t.Context(), "UPDATE t SET a = 1")
			assert.Equal(t, c.err, err)
			require.NoError(t, tx.Add("after"))
			asked := len(f.sent)
			_ = tx.Rollback()
			assert.Equal(t, c.want, fatesOf(t, d))
			assert.Equal(t, asked+1, len(f.sent), "the database is asked once, before the next action")
		})
	}
}

func TestAnErrorThatIsTheDatabasesAnswerLeavesSavepointsAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact    string
		dialect string
		err     error
		unknown bool
	}{
		{"PostgreSQL", "postgres", postgresError{"3B001"}, false},
		{"PostgreSQL: the answer of another", "postgres", postgresError{"57P01"}, true},
		{"MySQL", "mysql", mysqlError{1305}, false},
		{"MySQL: interrupted", "mysql", mysqlError{1317}, true},
		{"SQLite", "sqlite", sqliteError{1}, false},
		{"SQLite: a context that ended", "sqlite", sqliteError{9}, true},
		{"the answer was lost", "postgres", errors.New("EOF"), true},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			d := newDiary(c.dialect)
			no := errors.New("cannot start a transaction within a transaction")
			tx := begin(t.Context(), t, d, openFake(t, &fake{answer: func(query string) (any, error) {
				return nil, map[string]error{"ROLLBACK TO x": c.err, "BEGIN": no}[query]
			}}))
			exec(t, tx, "SAVEPOINT x")
			require.NoError(t, tx.Add("a"))
			_, err := tx.ExecContext(t.Context(), "ROLLBACK TO x")
			require.ErrorIs(t, err, c.err)
			require.NoError(t, tx.Commit())
			if c.unknown {
				assert.Equal(t, []any{"a"}, actions(d.end(t).Unknown))
			} else {
				assert.Equal(t, []any{"a"}, actions(d.end(t).Committed))
			}
		})
	}
}

func TestDidFollowsAStatementThatBypassesTheTransaction(t *testing.T) {
	t.Parallel()
	d := newDiary("postgres")
	tx := begin(t.Context(), t, d, openFake(t, &fake{}))
	tx.Did("SAVEPOINT x", nil)
	require.NoError(t, tx.Add("a"))
	tx.Did("ROLLBACK TO x", postgresError{"3B001"})
	tx.Did("SAVEPOINT y", nil)
	require.NoError(t, tx.Add("b"))
	tx.Did("ROLLBACK TO y", errors.New("EOF"))
	tx.Did("ROLLBACK TO y", nil)
	tx.Saw(nil)
	assert.Zero(t, tx.Statements(), "who bypasses counts by himself")
	require.NoError(t, tx.Commit())
	assert.Equal(t, []any{"a"}, actions(d.end(t).Committed))
	assert.Equal(t, []any{"b"}, actions(d.end(t).RolledBack))
}

func TestRowsThatTheCallerReadsTellOfErrorsLater(t *testing.T) {
	t.Parallel()
	errDeadlock := mysqlError{1213}
	for _, c := range []struct {
		fact string
		read bool
		want fates
	}{{"read to their end", true, lost}, {"not read to their end", false, unhurt}} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			d := newDiary("mysql")
			tx := begin(t.Context(), t, d, openFake(t, &fake{answer: func(query string) (any, error) {
				return int64(1), map[string]error{"SELECT a FROM t FOR UPDATE": late{errDeadlock}}[query]
			}}))
			require.NoError(t, tx.Add("before"))
			rows, err := tx.Tx.QueryContext(t.Context(), "SELECT a FROM t FOR UPDATE")
			require.NoError(t, err)
			defer rows.Close()
			tx.Reads(rows, "")
			require.True(t, rows.Next())
			if c.read {
				require.False(t, rows.Next())
				require.ErrorIs(t, rows.Err(), errDeadlock)
			}
			require.NoError(t, tx.Add("after"))
			require.NoError(t, tx.Rollback())
			assert.Equal(t, c.want, fatesOf(t, d))
		})
	}
}

func TestAStatementAboutSavepointsCountsWhenItsRowsAreRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact    string
		read    bool
		unknown bool
	}{
		{"read before the commit", true, false},
		{"never read", false, true},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			d := newDiary("postgres")
			tx := begin(t.Context(), t, d, openFake(t, &fake{}))
			exec(t, tx, "SAVEPOINT x")
			require.NoError(t, tx.Add("a"))
			rows, err := tx.QueryContext(t.Context(), "ROLLBACK TO x")
			require.NoError(t, err)
			defer rows.Close()
			if c.read {
				for rows.Next() {
				}
				require.NoError(t, rows.Err())
			}
			require.NoError(t, tx.Commit())
			if c.unknown {
				assert.Equal(t, []any{"a"}, actions(d.end(t).Unknown))
			} else {
				assert.Equal(t, []any{"a"}, actions(d.end(t).RolledBack))
			}
		})
	}
}

func TestReadsTakesNothingWhereNothingCanHappen(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"postgres", "sqlserver", "mysql"} {
		d := newDiary(dialect)
		tx := begin(t.Context(), t, d, openFake(t, &fake{}))
		tx.Reads(nil, "ROLLBACK")
		require.NoError(t, tx.Add("a"))
		require.NoError(t, tx.Commit())
		assert.Equal(t, []any{"a"}, actions(d.end(t).Committed))
	}
}

func TestRowsOfShowsWhatARowReads(t *testing.T) {
	t.Parallel()
	db := open(t)
	assert.Nil(t, pool.RowsOf(nil)) //nolint:rowserrcheck // there is none
	row := db.QueryRowContext(t.Context(), "SELECT a FROM t")
	rows := pool.RowsOf(row) //nolint:rowserrcheck // it is compared
	require.NotNil(t, rows)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, columns)
	broken := db.QueryRowContext(t.Context(), "SELECT nothing")
	require.Error(t, broken.Err())
	assert.Nil(t, pool.RowsOf(broken)) //nolint:rowserrcheck // there is none
}
