package txn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// read shows what a text does to its transaction, one word a statement.
func read(d Dialect, text string) string {
	var did []string
	d.steps(text, func(s step) {
		shown := [...]string{
			none: "nothing", set: "set", release: "release", rollbackTo: "to", rollback: "rollback", commit: "commit", begin: "begin", unclear: "unclear",
		}[s.verb]
		if s.name != "" {
			shown += "(" + s.name + ")"
		}
		if s.chain {
			shown += "+"
		}
		did = append(did, shown)
	})
	return strings.Join(did, " ")
}

func TestStatementsAboutTransactionsAreRead(t *testing.T) {
	t.Parallel()
	all := []Dialect{Other, SQLite, Postgres, MySQL}
	for _, c := range []struct {
		in         []Dialect
		text, want string
	}{
		{all, "SAVEPOINT a", "set(a)"},
		{all, "savepoint sp1234 ;", "set(sp1234)"},
		{all, "RELEASE SAVEPOINT a", "release(a)"},
		{all, "RELEASE a", "release(a)"},
		{all, "ROLLBACK TO a", "to(a)"},
		{all, "Rollback Work To Savepoint a", "to(a)"},
		{all, "ROLLBACK", "rollback"},
		{all, "ROLLBACK WORK", "rollback"},
		{all, "ROLLBACK AND CHAIN", "rollback+"},
		{all, "ROLLBACK AND NO CHAIN", "rollback"},
		{all, "COMMIT", "commit"},
		{all, "BEGIN", "begin"},
		{all, "START TRANSACTION", "begin"},
		{all, "SAVEPOINT savepoint", "set(savepoint)"},
		{all, "ROLLBACK TO savepoint", "to(savepoint)"},
		{all, "SAVEPOINT a b", "unclear"},
		{all, "SAVEPOINT", "unclear"},
		{all, "SAVEPOINT ?", "unclear"},
		{all, "ROLLBACK a", "unclear"},
		{all, "ROLLBACK TO", "unclear"},
		{all, "ROLLBACK TO SAVEPOINT", "to(savepoint)"},
		{all, "ROLLBACK RELEASE", "rollback"},
		{all, "COMMIT WORK AND CHAIN", "commit+"},
		{all, "COMMIT AND NO CHAIN", "commit"},
		{all, "SAVE a", ""},
		{all, "START SLAVE", ""},

		{all, "/* a */ SAVEPOINT /* b */ a /*app='shop'*/", "set(a)"},
		{all, "-- first\n\tROLLBACK -- TO b\n TO a -- c", "to(a)"},
		{all, "/* ROLLBACK */ SELECT 1", ""},
		{[]Dialect{Postgres}, "/* a /* b */ ROLLBACK TO a; */ SAVEPOINT x", "set(x)"},
		{[]Dialect{SQLite, MySQL}, "/* a /* b */ ROLLBACK TO a", "to(a)"},
		{[]Dialect{MySQL}, "# ROLLBACK TO a\nROLLBACK TO b", "to(b)"},
		{[]Dialect{MySQL}, "ROLLBACK TO a --x", "unclear"},
		{[]Dialect{MySQL}, "/*!50000 SAVEPOINT */ a", "set(a)"},
		{[]Dialect{MySQL}, "/*M!100100 SAVEPOINT a */", "set(a)"},
		{[]Dialect{Other, SQLite, Postgres}, "/*!50000 SAVEPOINT */ ROLLBACK", "rollback"},
		{[]Dialect{MySQL}, "ROLLBACK --\n TO a", "to(a)"},
		{[]Dialect{MySQL}, "ROLLBACK TO a --", "to(a)"},
		{[]Dialect{Other, SQLite, Postgres}, "ROLLBACK TO a --x", "to(a)"},

		{[]Dialect{Other, SQLite, Postgres}, `SAVEPOINT "a b"`, "set(a b)"},
		{[]Dialect{Other, SQLite, Postgres}, `SAVEPOINT "a""b"`, `set(a"b)`},
		{[]Dialect{SQLite, MySQL}, "SAVEPOINT `a b``c`", "set(a b`c)"},
		{[]Dialect{Other, SQLite}, "SAVEPOINT [a b]", "set(a b)"},
		{[]Dialect{Other}, "SAVEPOINT [a]]b]", "set(a]b)"},
		{[]Dialect{SQLite}, "SAVEPOINT [a]]b]", "unclear"},
		{[]Dialect{Postgres, MySQL}, "SAVEPOINT [a b]", "unclear"},
		{[]Dialect{MySQL}, `SAVEPOINT "a\"; ROLLBACK"`, `set(a\"; rollback)`},
		{[]Dialect{SQLite}, "ROLLBACK TO 'a;b'", "to(a;b)"},
		{[]Dialect{Other, SQLite, MySQL}, "SAVEPOINT AbC", "set(abc)"},
		{[]Dialect{Postgres}, `SAVEPOINT AbC; SAVEPOINT "AbC"`, "set(abc) set(AbC)"},
		{[]Dialect{Postgres}, "SAVEPOINT " + strings.Repeat("x", 70), "set(" + strings.Repeat("x", 63) + ")"},

		{all, "SAVEPOINT a; INSERT INTO t VALUES ('ROLLBACK; COMMIT'); ROLLBACK TO a", "set(a) to(a)"},
		{all, "INSERT INTO t VALUES (1); ROLLBACK TO a;", "to(a)"},
		{all, ";; SAVEPOINT a", "set(a)"},
		{[]Dialect{MySQL}, `INSERT INTO t VALUES ('it\'s; COMMIT'); SAVEPOINT a`, "set(a)"},
		{[]Dialect{Postgres}, `INSERT INTO t VALUES (E'\';COMMIT;'); SAVEPOINT a`, "set(a)"},
		{[]Dialect{Postgres}, "DO $x$ BEGIN; ROLLBACK; END $x$; SAVEPOINT a", "set(a)"},
		{[]Dialect{SQLite}, "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END; SAVEPOINT a", "set(a)"},
		{[]Dialect{SQLite}, "CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; DELETE FROM t; END; SAVEPOINT a", "set(a)"},
		{[]Dialect{SQLite}, "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM t; END -- b\n; SAVEPOINT a", "set(a)"},
		{[]Dialect{SQLite}, "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; SAVEPOINT a", ""},
		{[]Dialect{SQLite}, "CREATE TABLE trigger (a int); SAVEPOINT a", "set(a)"},
		{[]Dialect{SQLite, Other}, "CREATE x; SAVEPOINT a", "set(a)"},
		{[]Dialect{Postgres}, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; SAVEPOINT a", "set(a)"},
		{[]Dialect{Postgres}, "CREATE TRIGGER r AFTER INSERT ON t EXECUTE FUNCTION f(); SAVEPOINT a", "set(a)"},
		{[]Dialect{Postgres}, "SELECT $1; SAVEPOINT a", "set(a)"},
		{[]Dialect{Postgres}, "SELECT $x$ ; ROLLBACK", ""},
		{[]Dialect{Postgres}, "SELECT $x$ $y$ $x$; ROLLBACK", "rollback"},
		{[]Dialect{Other, SQLite, MySQL}, "SELECT $x$ ; ROLLBACK", "rollback"},
		{[]Dialect{Postgres}, `SELECT 'it\'; SAVEPOINT a`, "set(a)"},
		{[]Dialect{Postgres}, `SELECT e'\'; ROLLBACK; '; SAVEPOINT a`, "set(a)"},

		{[]Dialect{SQLite}, "ROLLBACK TRANSACTION x", "rollback"},
		{[]Dialect{SQLite}, "ROLLBACK TRANSACTION TO x", "to(x)"},
		{[]Dialect{SQLite, Postgres}, "END", "commit"},
		{[]Dialect{SQLite}, "END TRANSACTION", "commit"},
		{[]Dialect{Postgres}, "ABORT", "rollback"},
		{[]Dialect{Postgres}, "COMMIT PREPARED 'x'", ""},
		{[]Dialect{Postgres}, "ROLLBACK PREPARED 'x'", ""},
		{[]Dialect{Other}, "SAVE TRANSACTION x", "set(x)"},
		{[]Dialect{Other}, "SAVE TRAN x", "set(x)"},
		{[]Dialect{Other}, "ROLLBACK TRANSACTION x", "to(x)"},
		{[]Dialect{MySQL}, "CREATE TABLE t (id int)", "commit"},
		{[]Dialect{MySQL}, "CREATE TEMPORARY TABLE t (id int)", ""},
		{[]Dialect{MySQL}, "TRUNCATE t", "commit"},
		{[]Dialect{MySQL}, "RENAME TABLE a TO b", "commit"},
		{[]Dialect{MySQL}, "CREATE PROCEDURE p() BEGIN ROLLBACK; END", "commit"},
		{[]Dialect{MySQL}, "CREATE DEFINER=`a`@`b` PROCEDURE p() BEGIN SELECT 1; ROLLBACK; END", "commit"},
		{[]Dialect{MySQL}, "CREATE OR REPLACE DEFINER=`a`@`b` PROCEDURE p() BEGIN SELECT 1; START TRANSACTION; END", "commit"},
		{[]Dialect{MySQL}, "CREATE OR REPLACE DEFINER=`a`@`b` AGGREGATE FUNCTION f(x INT) RETURNS INT BEGIN SELECT 1; START TRANSACTION; END", "commit"},
		{[]Dialect{MySQL}, "CREATE OR REPLACE TEMPORARY TABLE t (id int)", ""},
		{[]Dialect{MySQL}, "DROP TEMPORARY TABLE t", ""},
		{[]Dialect{MySQL}, "ALTER TABLE t ADD a int; GRANT ALL ON a TO b; REVOKE ALL ON a FROM b", "commit commit commit"},
		{[]Dialect{MySQL}, "BEGIN NOT ATOMIC ROLLBACK; END", ""},
		{[]Dialect{MySQL, Other}, "END", ""},
		{[]Dialect{Other, SQLite, MySQL}, "ABORT", ""},
		{[]Dialect{Postgres, SQLite}, "CREATE TABLE t (id int)", ""},

		{all, "SELECT 'SAVEPOINT a'", ""},
		{all, "REPLACE INTO t VALUES (1)", ""},
		{all, "EXPLAIN SELECT 1", ""},
		{all, "DELETE FROM t", ""},
		{all, "", ""},
		{all, ";", ""},
		{all, "'", ""},
		{all, "/*", ""},
	} {
		for _, d := range c.in {
			assert.Equal(t, c.want, read(d, c.text), "%d: %s", d, c.text)
		}
	}
}

//nolint:paralleltest // AllocsPerRun counts what the whole process allocates.
func TestOtherStatementsCostNoAllocation(t *testing.T) {
	for _, text := range []string{"SELECT * FROM t WHERE a = ?", "INSERT INTO t VALUES ('a;b')", "/* c */ UPDATE t SET a = 1", "CREATE TABLE t (a int)"} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { read(SQLite, text) }), text)
	}
}

func FuzzTextsAreReadToTheirEnd(f *testing.F) {
	for _, text := range []string{"SAVEPOINT a; 'x", "/*! /* */", "$a$ $b$", `"""`, "[a]]", "CREATE TRIGGER BEGIN; END", "E'\\"} {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		for d := range MySQL + 1 {
			_ = fmt.Sprint(read(d, text), d.Concerns(text))
		}
	})
}
