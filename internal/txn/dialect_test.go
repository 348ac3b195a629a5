package txn_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gorm-signals/signals/internal/txn"
)

func TestADialectIsKnownByTheNameThatGORMGivesIt(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]txn.Dialect{
		"sqlite": txn.SQLite, "sqlite3": txn.SQLite, "postgres": txn.Postgres, "mysql": txn.MySQL,
		"sqlserver": txn.Other, "clickhouse": txn.Other, "": txn.Other, "SQLite": txn.Other,
	} {
		assert.Equal(t, want, txn.DialectOf(name), name)
	}
}

func TestATextConcernsTheTransactionIfItsFirstLettersSaySo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact  string
		in    []txn.Dialect
		texts []string
		want  bool
	}{
		{"statements about transactions", everywhere, []string{
			"SAVEPOINT a", "SAVE TRANSACTION a", "START TRANSACTION", "rollback", "RELEASE a", "Begin", "END", "COMMIT", "ABORT", "\n\t ROLLBACK",
		}, true},
		{"a comment may stand before one", everywhere, []string{"/* a */ SELECT 1", "-- a\nROLLBACK", "(SELECT 1)"}, true},
		{"a second statement may be one", everywhere, []string{"SELECT 1; ROLLBACK", "SELECT ';' || 'a'"}, true},
		{"reads and writes do not", everywhere, []string{
			"SELECT 1", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "WITH a AS (SELECT 1) SELECT * FROM a", "REPLACE INTO t VALUES (1)",
			"SELECT 1;", "SELECT 1; ;\n", "", "  ", "s", "sa",
		}, false},
		{"MySQL commits before some", onMySQL, []string{"DROP TABLE t", "TRUNCATE t", "GRANT ALL ON a TO b", "RENAME TABLE a TO b", "REVOKE ALL ON a FROM b"}, true},
		{"others do not", nested, []string{"DROP TABLE t", "TRUNCATE t", "GRANT ALL ON a TO b", "RENAME TABLE a TO b", "REVOKE ALL ON a FROM b"}, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			for _, d := range c.in {
				for _, text := range c.texts {
					assert.Equal(t, c.want, d.Concerns(text), "%d: %q", d, text)
				}
			}
		})
	}
}
