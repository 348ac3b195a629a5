package txn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gorm-signals/signals/internal/txn"
)

// play runs a script of a transaction and shows what became of its actions. The parts of a script are separated by "|":
//
//	+a            adds the action a
//	SAVEPOINT x   the database executed a statement
//	!ROLLBACK     the caller sent a statement, and an error left open whether the database executed it
//	lost          the database rolled back by itself
//	doubt         the database may have rolled back by itself
func play(d txn.Dialect, script string, outcome txn.Outcome) string {
	q := &txn.Queue[string]{Dialect: d}
	for part := range strings.SplitSeq(script, "|") {
		switch part = strings.TrimSpace(part); {
		case part == "":
		case part == "lost":
			q.Lost()
		case part == "doubt":
			q.Doubt()
		case strings.HasPrefix(part, "+"):
			if err := q.Add(part[1:]); err != nil {
				return err.Error()
			}
		case strings.HasPrefix(part, "!"):
			q.Failed(part[1:])
		default:
			q.Executed(part)
		}
	}
	ends, _ := q.End(outcome)
	var shown []string
	for _, part := range []struct {
		name  string
		items []txn.Item[string]
	}{{"committed", ends.Committed}, {"rolled back", ends.RolledBack}, {"unknown", ends.Unknown}} {
		if len(part.items) > 0 {
			shown = append(shown, part.name+": "+strings.Join(actions(part.items), " "))
		}
	}
	return strings.Join(shown, ", ")
}

// actions returns the actions of items.
func actions[A any](items []txn.Item[A]) (list []A) {
	for _, it := range items {
		list = append(list, it.Action)
	}
	return list
}

var (
	everywhere = []txn.Dialect{txn.Other, txn.SQLite, txn.Postgres, txn.MySQL}
	// nested are the databases in which a savepoint hides an older one of the same name. MySQL deletes the older one.
	nested     = []txn.Dialect{txn.Other, txn.SQLite, txn.Postgres}
	onPostgres = []txn.Dialect{txn.Postgres}
	onMySQL    = []txn.Dialect{txn.MySQL}
	onSQLite   = []txn.Dialect{txn.SQLite}
)

// story is a script, and what becomes of its actions when the transaction commits and when it rolls back.
type story struct {
	fact                         string
	in                           []txn.Dialect
	script, onCommit, onRollback string
}

func check(t *testing.T, stories []story) {
	t.Helper()
	for _, s := range stories {
		for _, d := range s.in {
			t.Run(fmt.Sprintf("%s (%d)", s.fact, d), func(t *testing.T) {
				t.Parallel()
				assert.Equal(t, s.onCommit, play(d, s.script, txn.Committed), "committed: %s", s.script)
				assert.Equal(t, s.onRollback, play(d, s.script, txn.RolledBack), "rolled back: %s", s.script)
			})
		}
	}
}

func TestTheEndOfATransactionDecidesItsActions(t *testing.T) {
	t.Parallel()
	check(t, []story{
		{"all of them", everywhere, "+a|+b", "committed: a b", "rolled back: a b"},
		{"none without any", everywhere, "", "", ""},
		{"other statements change nothing", everywhere, "+a|INSERT INTO t VALUES (1)|!SELECT 1|+b", "committed: a b", "rolled back: a b"},
	})
}

func TestAnUnknownEndLeavesOpenWhatWaitedForIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fact, script, want string }{
		{"what waits", "+a|+b", "unknown: a b"},
		{"but not what ROLLBACK TO took away before", "+a|SAVEPOINT x|+b|ROLLBACK TO x", "rolled back: b, unknown: a"},
		{"but not what was stored before", "+a|COMMIT|BEGIN|+b", "committed: a, unknown: b"},
		{"also what may have been rolled back", "+a|doubt", "unknown: a"},
		{"also what may have been stored", "+a|!COMMIT|+b", "unknown: a b"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			for _, d := range everywhere {
				assert.Equal(t, c.want, play(d, c.script, txn.Unknown), "%d", d)
			}
		})
	}
}

func TestRollbackToTakesAwayWhatCameAfterTheSavepoint(t *testing.T) {
	t.Parallel()
	check(t, []story{
		{"and keeps the rest", everywhere, "+a|SAVEPOINT x|+b|ROLLBACK TO x|+c", "committed: a c, rolled back: b", "rolled back: a b c"},
		{"a release keeps the actions", everywhere, "+a|SAVEPOINT x|+b|RELEASE SAVEPOINT x|+c", "committed: a b c", "rolled back: a b c"},
		{"the savepoint stays", everywhere, "SAVEPOINT x|+a|ROLLBACK TO x|+b|ROLLBACK TO x|+c", "committed: c, rolled back: a b", "rolled back: a b c"},
		{
			"savepoints inside it go", everywhere, "SAVEPOINT x|+a|SAVEPOINT y|+b|ROLLBACK TO x|+c|ROLLBACK TO y",
			"rolled back: a b, unknown: c", "rolled back: a b c",
		},
		{"a release removes the savepoints inside", everywhere, "SAVEPOINT x|SAVEPOINT y|+a|RELEASE SAVEPOINT x|ROLLBACK TO y", "unknown: a", "rolled back: a"},
		{
			"the release of an unknown savepoint removes none", everywhere, "+a|SAVEPOINT x|+b|RELEASE SAVEPOINT z|ROLLBACK TO x",
			"committed: a, rolled back: b", "rolled back: a b",
		},
		{"the innermost of a name counts", everywhere, "SAVEPOINT x|+a|SAVEPOINT X|+b|ROLLBACK TO x", "committed: a, rolled back: b", "rolled back: a b"},
		{"the older one is there again after its release", nested, "SAVEPOINT x|+a|SAVEPOINT x|+b|RELEASE x|ROLLBACK TO x", "rolled back: a b", "rolled back: a b"},
		{"MySQL has no older one", onMySQL, "SAVEPOINT x|+a|SAVEPOINT x|+b|RELEASE SAVEPOINT x|ROLLBACK TO x", "unknown: a b", "rolled back: a b"},
		{
			"nor between others", onMySQL, "SAVEPOINT x|+a|SAVEPOINT y|+b|SAVEPOINT x|+c|ROLLBACK TO y",
			"committed: a, rolled back: b c", "rolled back: a b c",
		},
		{"quotes keep the case in PostgreSQL", onPostgres, `SAVEPOINT x|+a|SAVEPOINT "X"|+b|ROLLBACK TO x`, "rolled back: a b", "rolled back: a b"},
	})
}

func TestARollbackToASavepointThatNobodySawLeavesEverythingOpen(t *testing.T) {
	t.Parallel()
	check(t, []story{
		{"before it, not after it", everywhere, "+a|ROLLBACK TO z|+b", "committed: b, unknown: a", "rolled back: a b"},
		{"known savepoints still take away", everywhere, "+a|SAVEPOINT x|+b|ROLLBACK TO z|ROLLBACK TO x", "rolled back: b, unknown: a", "rolled back: a b"},
		{"a statement that nobody can read does the same", everywhere, "+a|SAVEPOINT a b|+c", "committed: c, unknown: a", "rolled back: a c"},
		{"also when it fails", everywhere, "+a|!SAVEPOINT a b|+c", "committed: c, unknown: a", "rolled back: a c"},
		{
			"known savepoints may be gone", nested, "SAVEPOINT x|+a|SAVEPOINT x|ROLLBACK TO z|+b|ROLLBACK TO x|+c",
			"committed: c, rolled back: b, unknown: a", "rolled back: a b c",
		},
	})
}

func TestAStatementWithoutAnAnswerLeavesOpenWhetherItRan(t *testing.T) {
	t.Parallel()
	check(t, []story{
		{"ROLLBACK TO", everywhere, "+a|SAVEPOINT x|+b|!ROLLBACK TO x|+c", "committed: a c, unknown: b", "rolled back: a b c"},
		{"ROLLBACK TO a savepoint that nobody saw", everywhere, "+a|SAVEPOINT x|+b|!ROLLBACK TO z|+c", "committed: c, unknown: a b", "rolled back: a b c"},
		{
			"savepoints inside of which may be gone", nested, "SAVEPOINT y|+a|SAVEPOINT x|SAVEPOINT y|!ROLLBACK TO x|ROLLBACK TO y",
			"unknown: a", "rolled back: a",
		},
		{"SAVEPOINT", everywhere, "+a|!SAVEPOINT x|+b|ROLLBACK TO x|+c", "committed: a c, rolled back: b", "rolled back: a b c"},
		{"SAVEPOINT that may hide an older one", everywhere, "SAVEPOINT x|+a|!SAVEPOINT x|+b|ROLLBACK TO x", "rolled back: b, unknown: a", "rolled back: a b"},
		{"SAVEPOINT, and ROLLBACK TO it", everywhere, "SAVEPOINT x|+a|!SAVEPOINT x|+b|!ROLLBACK TO x", "unknown: a b", "rolled back: a b"},
		{
			"RELEASE", everywhere, "SAVEPOINT x|+a|SAVEPOINT y|+b|!RELEASE SAVEPOINT y|+c|ROLLBACK TO y",
			"committed: a, rolled back: b c", "rolled back: a b c",
		},
		{"RELEASE that may uncover an older one", nested, "SAVEPOINT x|+a|SAVEPOINT x|+b|!RELEASE x|ROLLBACK TO x", "rolled back: b, unknown: a", "rolled back: a b"},
		{"RELEASE of a savepoint that nobody saw", nested, "SAVEPOINT x|+a|SAVEPOINT x|!RELEASE z|ROLLBACK TO x", "unknown: a", "rolled back: a"},
		{"ROLLBACK", everywhere, "+a|!ROLLBACK|+b", "committed: b, unknown: a", "rolled back: a, unknown: b"},
		{
			"ROLLBACK, though a savepoint is still there", everywhere, "+a|SAVEPOINT x|+b|!ROLLBACK|+c|ROLLBACK TO x",
			"rolled back: b c, unknown: a", "rolled back: a b c",
		},
		{"COMMIT", everywhere, "+a|!COMMIT|+b", "committed: a b", "unknown: a b"},
		{"COMMIT, and another one with an answer", everywhere, "+a|!COMMIT|+b|COMMIT", "committed: a b", "committed: a b"},
		{"COMMIT, and a ROLLBACK with an answer", everywhere, "+a|!COMMIT|+b|ROLLBACK", "unknown: a b", "unknown: a b"},
		{
			"COMMIT, though a savepoint is still there", everywhere, "+a|SAVEPOINT x|+b|!COMMIT|+c|ROLLBACK TO x",
			"committed: a, rolled back: b c", "rolled back: b c, unknown: a",
		},
		{"BEGIN of MySQL, which commits", onMySQL, "+a|!BEGIN|+b", "committed: a b", "unknown: a b"},
		{"COMMIT, but a BEGIN of MySQL with an answer commits surely", onMySQL, "+a|!COMMIT|BEGIN|+b", "committed: a b", "committed: a, rolled back: b"},
		{"BEGIN of others does nothing", nested, "+a|!BEGIN|+b", "committed: a b", "rolled back: a b"},
		{"ROLLBACK and COMMIT", everywhere, "+a|!ROLLBACK|!COMMIT|+b", "committed: b, unknown: a", "unknown: a b"},
		{"COMMIT and ROLLBACK", everywhere, "+a|!COMMIT|!ROLLBACK|+b", "committed: b, unknown: a", "unknown: a b"},
	})
}

func TestATransactionThatEndsByAStatementStoresTheRestAtOnce(t *testing.T) {
	t.Parallel()
	check(t, []story{
		{"after ROLLBACK", everywhere, "+a|ROLLBACK|+b", "committed: b, rolled back: a", "committed: b, rolled back: a"},
		{"not after ROLLBACK AND CHAIN", everywhere, "+a|ROLLBACK AND CHAIN|+b", "committed: b, rolled back: a", "rolled back: a b"},
		{"after COMMIT", everywhere, "+a|COMMIT|+b", "committed: a b", "committed: a b"},
		{"not after COMMIT AND CHAIN", everywhere, "+a|COMMIT AND CHAIN|+b", "committed: a b", "committed: a, rolled back: b"},
		{"until BEGIN", everywhere, "+a|COMMIT|BEGIN|+b", "committed: a b", "committed: a, rolled back: b"},
		{"a later ROLLBACK does not reach it", everywhere, "+a|COMMIT|+b|ROLLBACK", "committed: a b", "committed: a b"},
		{"nor does one in the next transaction", everywhere, "+a|COMMIT|BEGIN|+b|ROLLBACK|+c", "committed: a c, rolled back: b", "committed: a c, rolled back: b"},
		{"COMMIT settles no doubt", everywhere, "+a|doubt|COMMIT|+b", "committed: b, unknown: a", "committed: b, unknown: a"},
		{"COMMIT ends the savepoints", everywhere, "+a|SAVEPOINT x|COMMIT|BEGIN|+b|ROLLBACK TO x", "committed: a, unknown: b", "committed: a, rolled back: b"},
		{"MySQL commits before CREATE TABLE", onMySQL, "+a|CREATE TABLE t (id int)|+b", "committed: a b", "committed: a b"},
		{"and before BEGIN", onMySQL, "+a|START TRANSACTION|+b", "committed: a b", "committed: a, rolled back: b"},
		{"with its savepoints", onMySQL, "+a|SAVEPOINT x|+b|BEGIN|+c|ROLLBACK TO x", "committed: a b, unknown: c", "committed: a b, rolled back: c"},
		{"BEGIN of others does nothing inside", nested, "+a|BEGIN|+b", "committed: a b", "rolled back: a b"},
	})
}

func TestADatabaseThatRollsBackByItselfStoresTheRestAtOnce(t *testing.T) {
	t.Parallel()
	check(t, []story{
		{"when it has", everywhere, "+a|lost|+b", "committed: b, rolled back: a", "committed: b, rolled back: a"},
		{"its savepoints are gone", everywhere, "SAVEPOINT x|+a|lost|+b|ROLLBACK TO x", "committed: b, rolled back: a", "committed: b, rolled back: a"},
		{"perhaps when it may have", everywhere, "+a|doubt|+b", "committed: b, unknown: a", "rolled back: a, unknown: b"},
		{"twice in doubt", everywhere, "+a|doubt|+b|doubt|+c", "committed: c, unknown: a b", "rolled back: a, unknown: b c"},
		{"until it surely has", everywhere, "+a|doubt|lost|+b", "committed: b, rolled back: a", "committed: b, rolled back: a"},
	})
}

func TestASavepointOutsideOfATransaction(t *testing.T) {
	t.Parallel()
	check(t, []story{
		{"begins one in SQLite", onSQLite, "+a|lost|SAVEPOINT x|+b", "committed: b, rolled back: a", "rolled back: a b"},
		{"which its release commits", onSQLite, "+a|lost|SAVEPOINT x|+b|RELEASE x|+c", "committed: b c, rolled back: a", "committed: b c, rolled back: a"},
		{"and the release of one inside does not", onSQLite, "lost|SAVEPOINT x|+a|SAVEPOINT y|+b|RELEASE y", "committed: a b", "rolled back: a b"},
		{"is not there later", []txn.Dialect{txn.Other}, "lost|SAVEPOINT x|BEGIN|+a|ROLLBACK TO x", "unknown: a", "rolled back: a"},
		{"is none elsewhere", onMySQL, "+a|lost|SAVEPOINT x|+b|!ROLLBACK TO x", "committed: b, rolled back: a", "committed: b, rolled back: a"},
	})
}
