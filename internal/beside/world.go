package beside

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// Open makes an empty database and returns what opens it.
type Open func(tb testing.TB) func(config *gorm.Config) (*gorm.DB, error)

// world is one of the two databases of a script, with what is known about it.
type world struct {
	tb      testing.TB
	open    func(config *gorm.Config) (*gorm.DB, error)
	side    *gorm.DB // reads and resets the tables behind the back of the others and of the plugin
	pool    *sql.DB  // of side
	columns map[string]string
	start   map[string][]string // the rows of each table at the start
	first   []string            // the numbers of the tables then
	name    string              // of the database
	kinds   map[string]kind

	now     time.Time
	inHooks []placed
	calls   []string // of others and of hooks
	heard   heard
}

// newWorld makes a database with all tables and seeds.
func newWorld(tb testing.TB, open Open) *world {
	tb.Helper()
	w := &world{tb: tb, open: open(tb), columns: map[string]string{}, kinds: map[string]kind{}, now: startTime}
	side, err := w.open(&gorm.Config{Logger: logger.Discard, NowFunc: func() time.Time { return startTime }})
	if err == nil {
		err = Prepare(side)
	}
	if err == nil {
		w.pool, err = side.DB()
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = w.pool.Close() })
	w.side = side.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Unscoped().Session(&gorm.Session{})
	for _, k := range tables() {
		w.kinds[k.table] = k
	}
	for _, table := range watched() {
		columns, err := columnsOf(side, table)
		if err != nil {
			tb.Fatal(err)
		}
		w.columns[table] = strings.Join(columns, ", ")
	}
	w.start, w.first, w.name = w.dump(), w.numbers(), side.Migrator().CurrentDatabase()
	return w
}

var startTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// dump returns the rows of all tables as texts.
func (w *world) dump() map[string][]string {
	all := map[string][]string{}
	for _, table := range watched() {
		all[table] = w.rows("SELECT " + w.columns[table] + " FROM " + table)
	}
	return all
}

// anonymous takes the name of the database out of a text: MariaDB and MySQL have it in their errors.
func (w *world) anonymous(text string) string {
	if w.side.Name() != "mysql" {
		return text
	}
	return strings.ReplaceAll(text, w.name, "db")
}

// rows reads rows behind GORM's back, sorted.
func (w *world) rows(query string) []string {
	rows, err := w.pool.QueryContext(context.Background(), query)
	if err != nil {
		w.tb.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	columns, _ := rows.Columns()
	values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	var lines []string
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			w.tb.Fatalf("%s: %v", query, err)
		}
		parts := make([]string, len(values))
		for i, v := range values {
			parts[i] = "NULL"
			if v.Valid {
				parts[i] = fmt.Sprintf("%q", v.String)
			}
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	if err := rows.Err(); err != nil {
		w.tb.Fatalf("%s: %v", query, err)
	}
	slices.Sort(lines)
	return lines
}

// exec runs a statement of a connection behind GORM's back.
func exec(tb testing.TB, tx *sql.Tx, query string) {
	tb.Helper()
	if _, err := tx.ExecContext(context.Background(), query); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

// reset puts the tables back to what they were at the start, and the counters of keys where they may have moved apart.
func (w *world) reset(tb testing.TB, now map[string][]string, counters bool) {
	tb.Helper()
	defer w.renumber(tb)
	var changed, moved []string
	if w.side.Name() == "postgres" { // a row that is written as it was moves behind the others all the same
		moved = w.logged()
	}
	for _, table := range watched() {
		if !slices.Equal(w.start[table], now[table]) || slices.Contains(moved, table) {
			changed = append(changed, table)
		}
	}
	if len(changed) == 0 && !counters {
		return
	}
	if slices.Contains(changed, "owners") { // whose going takes these along
		changed = slices.Concat([]string{"owner_tags", "children"}, slices.DeleteFunc(changed, func(t string) bool { return t == "owner_tags" || t == "children" }))
	}
	if slices.Contains(changed, "tags") || slices.Contains(changed, "items") {
		changed = slices.Concat([]string{"owner_tags", "children", "owners"}, slices.DeleteFunc(changed, func(t string) bool { return t == "owner_tags" || t == "children" || t == "owners" }))
	}
	w.transaction(tb, func(tx *sql.Tx) {
		exec(tb, tx, "UPDATE switches SET keeps = 0")
		w.empty(tb, tx, changed)
		for _, c := range slices.Backward(changed) {
			exec(tb, tx, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s_seed", c, w.columns[c], w.columns[c], c))
		}
		w.counters(tb, tx, changed, counters)
	})
}

// empty deletes all rows of some tables. PostgreSQL keeps rows in the order of the places that are free, and returns them so: it gets new files.
func (w *world) empty(tb testing.TB, tx *sql.Tx, tables []string) {
	tb.Helper()
	if w.side.Name() == "postgres" && len(tables) > 0 {
		exec(tb, tx, "TRUNCATE "+strings.Join(tables, ", "))
		return
	}
	for _, table := range tables {
		exec(tb, tx, "DELETE FROM "+table)
	}
}

// counters puts back what the keys of new rows are counted by.
func (w *world) counters(tb testing.TB, tx *sql.Tx, changed []string, all bool) {
	tb.Helper()
	tables := changed
	if all {
		tables = watched()
	}
	for _, table := range tables {
		if table == "owner_tags" || table == "seats" {
			continue
		}
		switch w.side.Name() {
		case "sqlite":
			exec(tb, tx, fmt.Sprintf("DELETE FROM sqlite_sequence WHERE name = '%s'", table))
			exec(tb, tx, fmt.Sprintf("INSERT INTO sqlite_sequence (name, seq) SELECT '%s', n FROM (SELECT MAX(id) AS n FROM %s_seed) WHERE n > 0", table, table))
		case "postgres":
			exec(tb, tx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%s', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM %s_seed), false)", table, table))
		}
	}
}

// numbers returns which number each table of MariaDB or MySQL gives next. Statements that were undone have used some up.
func (w *world) numbers() []string {
	if w.side.Name() != "mysql" {
		return nil
	}
	return w.rows(`SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND AUTO_INCREMENT IS NOT NULL AND TABLE_NAME NOT LIKE '%log'`)
}

// renumber lets the tables of MariaDB or MySQL give the numbers that they gave at the start. DDL is dear there, and ends a transaction.
func (w *world) renumber(tb testing.TB) {
	tb.Helper()
	for _, line := range w.numbers() {
		if slices.Contains(w.first, line) {
			continue
		}
		table := strings.Split(line, `"`)[1]
		if _, err := w.pool.ExecContext(context.Background(), "ALTER TABLE "+table+" AUTO_INCREMENT = 1"); err != nil {
			tb.Fatal(err)
		}
	}
}

func (w *world) transaction(tb testing.TB, do func(tx *sql.Tx)) {
	tb.Helper()
	tx, err := w.pool.BeginTx(context.Background(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	do(tx)
	if err := tx.Commit(); err != nil {
		tb.Fatal(err)
	}
}

// begin makes ready for a step.
func (w *world) begin(tb testing.TB, keeps bool, now time.Time) {
	tb.Helper()
	w.calls, w.heard, w.now = nil, heard{}, now
	keep := 0
	if keeps {
		keep = 1
	}
	w.transaction(tb, func(tx *sql.Tx) {
		exec(tb, tx, fmt.Sprintf("UPDATE switches SET keeps = %d", keep))
		for _, table := range w.logged() {
			exec(tb, tx, fmt.Sprintf("DELETE FROM %s_log", table))
		}
	})
}

// logged lists the tables whose triggers have written something down.
func (w *world) logged() []string {
	parts := make([]string, 0, len(w.columns))
	for _, table := range watched() {
		parts = append(parts, fmt.Sprintf("SELECT DISTINCT '%s' FROM %s_log", table, table))
	}
	lines := w.rows(strings.Join(parts, " UNION ALL "))
	for i, line := range lines {
		lines[i] = strings.Trim(line, `"`)
	}
	return lines
}

// read reads the rows of a log in order.
func (w *world) read(table string) (verbs []string, rows any, err error) {
	session := w.side.Table(table + "_log").Order(clause.OrderByColumn{Column: clause.Column{Name: logOrder(w.side.Name())}}).Session(&gorm.Session{})
	if err = session.Pluck("verb", &verbs).Error; err != nil {
		return nil, nil, err
	}
	if k, known := w.kinds[table]; known {
		rows, err = k.rows(session)
		return verbs, rows, err
	}
	var links []struct{ OwnerID, TagID uint }
	err = session.Find(&links).Error
	return verbs, links, err
}
