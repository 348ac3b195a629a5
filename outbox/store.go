package outbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// store holds the SQL of the tables. It does not know what the records mean.
type store struct {
	table   string // quoted, as leases and the names of indexes
	leases  string
	index   func(suffix string) string // for CREATE INDEX
	former  func(suffix string) string // for DROP INDEX
	dialect string
	now     string // an expression: milliseconds since 1970 by the database's clock
}

func newStore(db *gorm.DB, table string) (store, error) {
	quote := func(name string) string { return (&gorm.Statement{DB: db}).Quote(name) }
	s := store{table: quote(table), leases: quote(table + "_leases"), dialect: db.Name()}
	// CREATE INDEX takes the schema from the table; DROP INDEX needs it in the name of the index.
	s.index = func(suffix string) string { return quote(table[strings.LastIndex(table, ".")+1:] + suffix) }
	s.former = func(suffix string) string { return quote(table + suffix) }
	switch s.dialect {
	case "sqlite":
		s.now = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
	case "postgres":
		s.now = "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)"
	case "mysql":
		s.now = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)" // UNIX_TIMESTAMP depends on the session's time zone
	default:
		return s, fmt.Errorf("outbox: no SQL for the database %q: it knows sqlite, postgres and mysql", s.dialect)
	}
	return s, nil
}

// read begins a query that must not run on a replica, which may be behind. Plugins that choose replicas look at the first word, and this is no
// SELECT.
const read = "/* outbox */ SELECT "

// clock reads the database's clock, for statements that must compare with the same time.
func (s store) clock(db *gorm.DB) (now int64, err error) {
	err = db.Raw(read + s.now).Scan(&now).Error
	return now, err
}

// padded repeats the last value until the length of the list is a power of two. PrepareStmt keeps a statement for each length, and servers limit the
// number of kept statements.
func padded[T any](list []T) []T {
	list = slices.Clip(list) // append must not overwrite the caller's array
	for len(list)&(len(list)-1) != 0 {
		list = append(list, list[len(list)-1])
	}
	return list
}

// by makes MySQL use an index. The optimizer may otherwise scan another index that is short, and an UPDATE locks every entry that it scans. It would
// then wait for each open transaction that has written an event, or two of them would wait for each other. So statements that change rows name a
// unique index.
func (s store) by(index string) string {
	if s.dialect == "mysql" {
		return " FORCE INDEX (" + index + ")"
	}
	return ""
}

// waits is the condition for pending records in statements that name records by their keys. The plus keeps the planner away from indexes by state: an
// index that was small in the last statistics may hold any number of records now.
const waits = "+state = 0"

// finish marks records as done.
func (s store) finish(db *gorm.DB, sequences ...uint64) error {
	if len(sequences) == 0 {
		return nil
	}
	return db.Exec("UPDATE "+s.table+s.by("PRIMARY")+" SET state = 1, due_at = "+s.now+", error = '' WHERE sequence IN ?", padded(sequences)).Error
}

// finishIn marks a record as done in a transaction, if its claim is still the one that r knows.
func (s store) finishIn(tx *gorm.DB, r *record) (mine bool, err error) {
	tx = tx.Exec("UPDATE "+s.table+s.by("PRIMARY")+" SET state = 1, due_at = "+s.now+", error = '' WHERE sequence = ? AND "+waits+
		" AND holder = ? AND tries = ?", r.Sequence, r.Holder, r.Tries)
	return tx.RowsAffected > 0, tx.Error
}

// again returns the statement that makes records of a state pending again.
func (s store) again(from state) string {
	return fmt.Sprintf("UPDATE %s%s SET state = 0, tries = 0, due_at = 0 WHERE +state = %d AND sequence IN ?", s.table, s.by("PRIMARY"), from)
}

// purge returns the statement that deletes done records.
func (s store) purge() string {
	if s.dialect == "mysql" {
		return "DELETE o FROM " + s.table + " o" + s.by("PRIMARY") + " WHERE +o.state = 1 AND o.sequence IN ?"
	}
	return "DELETE FROM " + s.table + " WHERE +state = 1 AND sequence IN ?"
}

// fail stores a failed try, if the claim is still the one that r knows. The record is then due after next, or parked.
func (s store) fail(db *gorm.DB, r *record, cause error, next time.Duration, park bool) error {
	to := pending
	if park {
		to = dead
	}
	return db.Exec("UPDATE "+s.table+s.by("PRIMARY")+" SET state = ?, tries = ?, error = ?, holder = '', due_at = "+s.now+" + ? WHERE sequence = ? AND "+waits+" AND holder = ? AND tries = ?",
		to, r.Tries, shown(cause), next.Milliseconds(), r.Sequence, r.Holder, r.Tries-1).Error
}

// shown returns the text of an error so that every database can store it: valid UTF-8 without NUL, 4096 bytes at most.
func shown(err error) string {
	const most = 4096
	text := strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "?"), "\x00", "?")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}
