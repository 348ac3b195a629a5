package outbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// store holds the SQL of the table. It knows nothing of what the records mean.
type store struct {
	table   string // quoted, as the next ones
	leases  string
	index   func(suffix string) string // the name of an index that is created
	former  func(suffix string) string // the name of an index that is dropped
	dialect string
	now     string // milliseconds by the database's clock
}

func newStore(db *gorm.DB, table string) (store, error) {
	quote := func(name string) string { return (&gorm.Statement{DB: db}).Quote(name) }
	s := store{table: quote(table), leases: quote(table + "_leases"), dialect: db.Name()}
	// CREATE INDEX puts an index into the schema of its table, and DROP INDEX has to be told.
	s.index = func(suffix string) string { return quote(table[strings.LastIndex(table, ".")+1:] + suffix) }
	s.former = func(suffix string) string { return quote(table + suffix) }
	switch s.dialect {
	case "sqlite":
		s.now = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
	case "postgres":
		s.now = "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)"
	case "mysql":
		s.now = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)" // UNIX_TIMESTAMP minds the session's time zone
	default:
		return s, fmt.Errorf("outbox: no SQL for the database %q: it knows sqlite, postgres and mysql", s.dialect)
	}
	return s, nil
}

// maxBytes is how many bytes of records one INSERT writes: MySQL refuses a statement that is larger than max_allowed_packet. A record that
// has more goes alone. Numbers of records above hundreds are whole hundreds, as with PrepareStmt every number is a statement that is kept.
const (
	hundreds = 100
	maxBytes = 1 << 20
)

// fitting returns how many of the records one INSERT writes.
func fitting(records []record) int {
	size, n := 0, min(len(records), batch)
	for i := range records[:n] {
		r := &records[i]
		size += len(r.ID) + len(r.Channel) + len(r.Type) + len(r.Subject) + len(r.Headers) + len(r.ContentType) + len(r.Data)
		if size > maxBytes && i > 0 {
			n = i
			break
		}
	}
	if n > hundreds {
		n -= n % hundreds
	}
	return n
}

// insert writes records. Claimed ones learn their sequences where the database tells them.
func (s store) insert(tx *gorm.DB, records []record, when due) error {
	at := "0"
	if when.after > 0 {
		at = fmt.Sprintf("%s + %d", s.now, when.after.Milliseconds())
	}
	row := "(?, ?, ?, ?, ?, ?, ?, " + s.now + ", " + at + ", '')"
	for len(records) > 0 {
		some := records[:fitting(records)]
		records = records[len(some):]
		vars := make([]any, 0, len(some)*7)
		for i := range some {
			r := &some[i]
			vars = append(vars, r.ID, r.Channel, r.Type, r.Subject, r.Headers, r.ContentType, r.Data)
		}
		sql := "INSERT INTO " + s.table + " (id, channel, type, subject, headers, content_type, data, created_at, due_at, error) VALUES " +
			row + strings.Repeat(", "+row, len(some)-1)
		var err error
		if when.claimed && s.dialect != "mysql" {
			err = numbered(tx.Raw(sql+" RETURNING id, sequence", vars...), some)
		} else {
			err = tx.Exec(sql, vars...).Error
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// numbered runs an INSERT that returns the sequences of records.
func numbered(insert *gorm.DB, records []record) error {
	var given []record
	if err := insert.Scan(&given).Error; err != nil {
		return err
	}
	sequences := make(map[string]uint64, len(given)) // in no order that anybody promises
	for i := range given {
		sequences[given[i].ID] = given[i].Sequence
	}
	for i := range records {
		records[i].Sequence = sequences[records[i].ID]
	}
	return nil
}

// read begins a query that plugins must not send to a replica, which may know less: they look at the first word.
const read = "/* outbox */ SELECT "

// clock reads the database's clock, for statements in which it must not move.
func (s store) clock(db *gorm.DB) (now int64, err error) {
	err = db.Raw(read + s.now).Scan(&now).Error
	return now, err
}

// padded repeats the last value until their number is a power of two. With PrepareStmt every length of a list is a statement that
// is kept, and servers have room for so many.
func padded[T any](list []T) []T {
	list = slices.Clip(list) // what follows it in the caller's array stays
	for len(list)&(len(list)-1) != 0 {
		list = append(list, list[len(list)-1])
	}
	return list
}

// by makes MySQL find the rows that a statement changes through a unique index. Its optimizer is free to walk another one when that
// is short, and would lock all that it meets there, in another order than others do: they would wait for every open transaction that
// has written an event, or for each other in a circle.
func (s store) by(index string) string {
	if s.dialect == "mysql" {
		return " FORCE INDEX (" + index + ")"
	}
	return ""
}

// waits is what pending records have in common, for statements that name records by their keys. The plus keeps databases away from indexes by
// state: one that was small when the database last counted it may hold any number of records now.
const waits = "+state = 0"

// finish notes that records are done.
func (s store) finish(db *gorm.DB, sequences ...uint64) error {
	if len(sequences) == 0 {
		return nil
	}
	return db.Exec("UPDATE "+s.table+s.by("PRIMARY")+" SET state = 1, due_at = "+s.now+", error = '' WHERE sequence IN ?", padded(sequences)).Error
}

// finishIn notes in a transaction that a record is done, if it is still the holder's.
func (s store) finishIn(tx *gorm.DB, r *record) (mine bool, err error) {
	tx = tx.Exec("UPDATE "+s.table+s.by("PRIMARY")+" SET state = 1, due_at = "+s.now+", error = '' WHERE sequence = ? AND "+waits+
		" AND holder = ? AND tries = ?", r.Sequence, r.Holder, r.Tries)
	return tx.RowsAffected > 0, tx.Error
}

// again returns the statement that makes records of a state pending.
func (s store) again(from state) string {
	return fmt.Sprintf("UPDATE %s%s SET state = 0, tries = 0, due_at = 0 WHERE +state = %d AND sequence IN ?", s.table, s.by("PRIMARY"), from)
}

// purge returns the statement that deletes records that are done.
func (s store) purge() string {
	if s.dialect == "mysql" {
		return "DELETE o FROM " + s.table + " o" + s.by("PRIMARY") + " WHERE +o.state = 1 AND o.sequence IN ?"
	}
	return "DELETE FROM " + s.table + " WHERE +state = 1 AND sequence IN ?"
}

// fail notes a failed try of a record that is still the holder's: the next one is after some time, or never when the record is parked.
func (s store) fail(db *gorm.DB, r *record, cause error, next time.Duration, park bool) error {
	to := pending
	if park {
		to = dead
	}
	return db.Exec("UPDATE "+s.table+s.by("PRIMARY")+" SET state = ?, tries = ?, error = ?, holder = '', due_at = "+s.now+" + ? WHERE sequence = ? AND "+waits+" AND holder = ? AND tries = ?",
		to, r.Tries, shown(cause), next.Milliseconds(), r.Sequence, r.Holder, r.Tries-1).Error
}

// shown returns the text of an error as every database takes it.
func shown(err error) string {
	const most = 4096
	text := strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "?"), "\x00", "?")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}
