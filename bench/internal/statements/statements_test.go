package statements_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"

	"github.com/gorm-signals/signals/bench/internal/statements"
)

func TestEachStatementIsSeenOnceAndBeforeItRuns(t *testing.T) {
	t.Parallel()
	var seen []string
	pool, err := statements.Open(sqlite.DriverName, ":memory:", func(query string) { seen = append(seen, query) })
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	pool.SetMaxOpenConns(1)
	_, err = pool.ExecContext(t.Context(), "CREATE TABLE lamps (id INTEGER)")
	require.NoError(t, err)
	tx, err := pool.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "INSERT INTO lamps VALUES (?)", 7)
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	tx, err = pool.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, tx.Rollback())
	var id int
	require.NoError(t, pool.QueryRowContext(t.Context(), "SELECT id FROM lamps").Scan(&id))
	require.Equal(t, 7, id)
	require.Equal(t, []string{
		"CREATE TABLE lamps (id INTEGER)", "BEGIN", "INSERT INTO lamps VALUES (?)", "COMMIT", "BEGIN", "ROLLBACK", "SELECT id FROM lamps",
	}, seen)
}

func TestStatementsOfTransactionsAreKnown(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"BEGIN", "COMMIT", "savepoint a", "ROLLBACK TO SAVEPOINT a", " RELEASE SAVEPOINT a"} {
		require.True(t, statements.OfTransaction(query), query)
	}
	for _, query := range []string{"SELECT 1", "INSERT INTO beginnings VALUES (1)", ""} {
		require.False(t, statements.OfTransaction(query), query)
	}
}
