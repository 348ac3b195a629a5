package txn_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/txn"
)

// play runs a script of a transaction. A word that starts with "+" adds an action; a text that starts with "!" is a statement that
// failed and may have been executed; "lost" and "doubt" are what the database may do by itself.
func play(d txn.Dialect, script string, outcome txn.Outcome) string {
	q := &txn.Queue[string]{Dialect: d}
	for line := range strings.SplitSeq(script, "|") {
		switch line = strings.TrimSpace(line); {
		case line == "":
		case line == "lost":
			q.Lost()
		case line == "doubt":
			q.Doubt()
		case strings.HasPrefix(line, "+"):
			if err := q.Add(line[1:]); err != nil {
				return err.Error()
			}
		case strings.HasPrefix(line, "!"):
			q.Failed(line[1:])
		default:
			q.Executed(line)
		}
	}
	ends, _ := q.End(outcome)
	var shown []string
	for _, part := range []struct {
		name  string
		items []txn.Item[string]
	}{{"committed", ends.Committed}, {"rolled back", ends.RolledBack}, {"unknown", ends.Unknown}} {
		if len(part.items) > 0 {
			names := make([]string, len(part.items))
			for i, it := range part.items {
				names[i] = it.Action
			}
			shown = append(shown, part.name+": "+strings.Join(names, " "))
		}
	}
	return strings.Join(shown, ", ")
}

func TestTheEndOfATransactionDecidesWhatWaits(t *testing.T) {
	t.Parallel()
	all := []txn.Dialect{txn.Other, txn.SQLite, txn.Postgres, txn.MySQL}
	for _, c := range []struct {
		in                           []txn.Dialect
		script, onCommit, onRollback string
	}{
		{all, "+a|+b", "committed: a b", "rolled back: a b"},
		{all, "", "", ""},

		// Savepoints.
		{all, "+a|SAVEPOINT x|+b|ROLLBACK TO x|+c", "committed: a c, rolled back: b", "rolled back: a b c"},
		{all, "+a|SAVEPOINT x|+b|RELEASE SAVEPOINT x|+c", "committed: a b c", "rolled back: a b c"},
		{all, "SAVEPOINT x|+a|SAVEPOINT y|+b|ROLLBACK TO x|+c|ROLLBACK TO x", "rolled back: a b c", "rolled back: a b c"},
		{all, "SAVEPOINT x|+a|SAVEPOINT X|+b|ROLLBACK TO x", "committed: a, rolled back: b", "rolled back: a b"},
		{[]txn.Dialect{txn.SQLite, txn.Postgres}, "SAVEPOINT x|+a|SAVEPOINT x|+b|RELEASE x|ROLLBACK TO x", "rolled back: a b", "rolled back: a b"},
		{[]txn.Dialect{txn.Postgres}, `SAVEPOINT x|+a|SAVEPOINT "X"|+b|ROLLBACK TO x`, "rolled back: a b", "rolled back: a b"},
		{[]txn.Dialect{txn.MySQL}, "SAVEPOINT x|+a|SAVEPOINT y|+b|SAVEPOINT x|+c|ROLLBACK TO y", "committed: a, rolled back: b c", "rolled back: a b c"},

		// A mark that somebody else has set.
		{all, "+a|ROLLBACK TO z|+b", "committed: b, unknown: a", "rolled back: a b"},
		{all, "+a|SAVEPOINT x|+b|ROLLBACK TO z|ROLLBACK TO x", "rolled back: b, unknown: a", "rolled back: a b"},

		// Statements that were sent and failed.
		{all, "+a|SAVEPOINT x|+b|!ROLLBACK TO x|+c", "committed: a c, unknown: b", "rolled back: a b c"},
		{all, "+a|!SAVEPOINT x|+b|ROLLBACK TO x|+c", "committed: a c, rolled back: b", "rolled back: a b c"},
		{all, "SAVEPOINT x|+a|!SAVEPOINT x|+b|ROLLBACK TO x", "rolled back: b, unknown: a", "rolled back: a b"},
		{all, "SAVEPOINT x|+a|SAVEPOINT y|+b|!RELEASE SAVEPOINT y|+c|ROLLBACK TO y", "committed: a, rolled back: b c", "rolled back: a b c"},
		{all, "+a|!SELECT 1|!INSERT INTO t VALUES (1)|+b", "committed: a b", "rolled back: a b"},
		{all, "+a|!ROLLBACK|+b", "committed: b, unknown: a", "rolled back: a, unknown: b"},
		{all, "+a|!COMMIT|+b", "committed: a b", "unknown: a b"},

		// A transaction that ended before its end.
		{all, "+a|ROLLBACK|+b", "committed: b, rolled back: a", "committed: b, rolled back: a"},
		{all, "+a|ROLLBACK AND CHAIN|+b", "committed: b, rolled back: a", "rolled back: a b"},
		{all, "+a|COMMIT|+b", "committed: a b", "committed: a b"},
		{all, "+a|COMMIT|BEGIN|+b", "committed: a b", "committed: a, rolled back: b"},
		{all, "+a|lost|+b", "committed: b, rolled back: a", "committed: b, rolled back: a"},
		{all, "+a|doubt|+b", "committed: b, unknown: a", "rolled back: a, unknown: b"},
		{[]txn.Dialect{txn.MySQL}, "+a|CREATE TABLE t (id int)|+b", "committed: a b", "committed: a b"},
		{[]txn.Dialect{txn.MySQL}, "+a|START TRANSACTION|+b", "committed: a b", "committed: a, rolled back: b"},
		{[]txn.Dialect{txn.SQLite}, "+a|lost|SAVEPOINT x|+b", "committed: b, rolled back: a", "rolled back: a b"},
		{[]txn.Dialect{txn.SQLite}, "+a|lost|SAVEPOINT x|+b|RELEASE x|+c", "committed: b c, rolled back: a", "committed: b c, rolled back: a"},
		{[]txn.Dialect{txn.MySQL}, "+a|lost|SAVEPOINT x|+b|!ROLLBACK TO x", "committed: b, rolled back: a", "committed: b, rolled back: a"},
	} {
		for _, d := range c.in {
			assert.Equal(t, c.onCommit, play(d, c.script, txn.Committed), "%d, committed: %s", d, c.script)
			assert.Equal(t, c.onRollback, play(d, c.script, txn.RolledBack), "%d, rolled back: %s", d, c.script)
		}
	}
	assert.Equal(t, "rolled back: b, unknown: a", play(txn.SQLite, "+a|SAVEPOINT x|+b|ROLLBACK TO x", txn.Unknown), "b is gone whatever COMMIT did")
}

func TestAQueueHandsOutItsActionsOnce(t *testing.T) {
	t.Parallel()
	var q txn.Queue[int]
	require.NoError(t, q.Add(1))
	require.NoError(t, q.Add(2))
	assert.Equal(t, 2, q.Last())
	ends, ok := q.End(txn.Committed)
	assert.True(t, ok)
	assert.Len(t, ends.Committed, 2)
	_, ok = q.End(txn.RolledBack)
	assert.False(t, ok)
	_, ok = q.Abandon()
	assert.False(t, ok)
	require.Error(t, q.Add(3))
	assert.False(t, q.Commit())
	assert.Equal(t, txn.Committed, q.Outcome())
}

func TestACommitThatIsUnderWayIsNotAbandoned(t *testing.T) {
	t.Parallel()
	var q txn.Queue[int]
	require.True(t, q.Commit())
	_, ok := q.Abandon()
	assert.False(t, ok)
	_, ok = q.End(txn.Committed)
	assert.True(t, ok)
}

func TestEveryActionHasOneTurnBeforeTheCommit(t *testing.T) {
	t.Parallel()
	var q txn.Queue[string]
	turns := func() (names []string) {
		for {
			name, ok := q.Next()
			if !ok {
				return names
			}
			names = append(names, name)
		}
	}
	require.NoError(t, q.Add("a"))
	q.Executed("SAVEPOINT x")
	require.NoError(t, q.Add("b"))
	assert.Equal(t, []string{"a", "b"}, turns())
	q.Executed("ROLLBACK TO x")
	require.NoError(t, q.Add("c"))
	assert.Equal(t, []string{"c"}, turns())
	require.NoError(t, q.Add("d"))
	q.Executed("ROLLBACK TO unknown")
	assert.Empty(t, turns(), "d may be rolled back")
}
