package rows_test

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/rows"
)

// contexts is a pool that notes whether the contexts of the queries can end.
type contexts struct {
	gorm.ConnPool

	canEnd *[]bool
	before func() // runs before a query; nil does nothing
}

// QueryContext notes the context.
func (p contexts) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	*p.canEnd = append(*p.canEnd, ctx.Done() != nil)
	if p.before != nil {
		p.before()
	}
	return p.ConnPool.QueryContext(ctx, query, args...)
}

// transaction is contexts in a transaction.
type transaction struct {
	contexts
	gorm.TxCommitter
}

// within returns a session of db in a transaction, or outside, under a context that can end.
func within(t *testing.T, db *gorm.DB, inTransaction bool, before func()) (tx *gorm.DB, end func(), canEnd *[]bool) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	t.Cleanup(end)
	tx, canEnd = db.WithContext(ctx), new([]bool)
	if !inTransaction {
		tx.Statement.ConnPool = contexts{tx.Statement.ConnPool, canEnd, before}
		return tx, end, canEnd
	}
	tx = tx.Begin()
	require.NoError(t, tx.Error)
	t.Cleanup(func() { tx.Rollback() })
	committer, ok := tx.Statement.ConnPool.(gorm.TxCommitter)
	require.True(t, ok)
	tx.Statement.ConnPool = &transaction{contexts{tx.Statement.ConnPool, canEnd, before}, committer}
	return tx, end, canEnd
}

func TestAReadInATransactionOfSQLiteSparesTheDriverAContextThatCanEnd(t *testing.T) {
	t.Parallel()
	for _, inTransaction := range []bool{true, false} {
		m, db := items(t)
		tx, _, canEnd := within(t, db, inTransaction, nil)
		set, err := m.Find(tx, rows.Query{})
		require.NoError(t, err)
		assert.Equal(t, []uint{1, 2, 3, 4}, ids(t, set))
		require.NoError(t, m.Pairs(tx, m.Keys, [][]any{{1}}, nil, func(int, reflect.Value) {}))
		assert.Equal(t, []bool{!inTransaction, !inTransaction}, *canEnd)
	}
}

func TestAReadWhoseContextHasEndedReadsNothing(t *testing.T) {
	t.Parallel()
	for _, inTransaction := range []bool{true, false} {
		m, db := items(t)
		tx, end, _ := within(t, db, inTransaction, nil)
		end()
		set, err := m.Find(tx, rows.Query{})
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, set.Len())
		require.ErrorIs(t, m.Pairs(tx, m.Keys, [][]any{{1}}, nil, func(int, reflect.Value) {}), context.Canceled)
	}
}

func TestAReadEndsBetweenRowsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	m, db := items(t)
	end := func() {}
	tx, ends, _ := within(t, db, true, func() { end() })
	end = ends
	_, err := m.Find(tx, rows.Query{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestAReadThatMeetsATransactionRolledBackByItsContextSaysThatTheContextHasEnded(t *testing.T) {
	t.Parallel()
	reads := map[string]func(m *rows.Model, tx *gorm.DB) error{
		"Find": func(m *rows.Model, tx *gorm.DB) error {
			_, err := m.Find(tx, rows.Query{})
			return err
		},
		"Pairs": func(m *rows.Model, tx *gorm.DB) error {
			return m.Pairs(tx, m.Keys, [][]any{{1}}, nil, func(int, reflect.Value) {})
		},
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, db := items(t)
			gone := func() {}
			tx, end, _ := within(t, db, true, func() { gone() })
			begun, ok := tx.Statement.ConnPool.(*transaction)
			require.True(t, ok)
			gone = func() {
				end()
				for {
					if _, err := begun.ExecContext(context.Background(), "UPDATE items SET id = id"); errors.Is(err, sql.ErrTxDone) {
						return
					}
					runtime.Gosched()
				}
			}
			err := read(m, tx)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, sql.ErrTxDone)
		})
	}
}
