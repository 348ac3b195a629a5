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

// Open creates an empty database, and returns a function that opens it.
type Open func(tb testing.TB) func(config *gorm.Config) (*gorm.DB, error)

// world is one of the two databases of a script, with what is known about it.
type world struct {
	tb        testing.TB
	open      func(config *gorm.Config) (*gorm.DB, error)
	side      *gorm.DB // reads and resets the tables, unseen by the others and the plugin
	pool      *sql.DB  // of side
	columns   map[string]string
	start     state             // of the tables before any call
	sequences map[string]string // that count the keys of tables, on PostgreSQL
	touched   []string          // tables that were written since they were put back
	name      string            // of the database
	kinds     map[string]kind

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
	w.name, w.sequences = side.Migrator().CurrentDatabase(), w.findSequences()
	w.start.numbers = w.firstNumbers()
	w.reset(tb, w.state()) // the state of the tables is unknown, so this puts all of them back
	w.start.rows = w.state().rows
	return w
}

var startTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// anonymous removes the name of the database from a text, because errors of MariaDB and MySQL contain it.
func (w *world) anonymous(text string) string {
	if w.side.Name() != "mysql" {
		return text
	}
	return strings.ReplaceAll(text, w.name, "db")
}

// rows reads rows without GORM, sorted.
func (w *world) rows(query string) []string {
	lines := w.lines(query)
	slices.Sort(lines)
	return lines
}

// lines reads rows without GORM, in the order in which the database returns them.
func (w *world) lines(query string) []string {
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
	return lines
}

// exec runs a statement without GORM.
func exec(tb testing.TB, tx *sql.Tx, query string) {
	tb.Helper()
	if _, err := tx.ExecContext(context.Background(), query); err != nil {
		tb.Fatalf("%s: %v", query, err)
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

// begin prepares a step.
func (w *world) begin(tb testing.TB, keeps bool, now time.Time) {
	tb.Helper()
	w.calls, w.heard, w.now = nil, heard{}, now
	keep := 0
	if keeps {
		keep = 1
	}
	logged := w.logged()
	w.touched = append(w.touched, logged...)
	w.transaction(tb, func(tx *sql.Tx) {
		exec(tb, tx, fmt.Sprintf("UPDATE switches SET keeps = %d", keep))
		for _, table := range logged {
			exec(tb, tx, fmt.Sprintf("DELETE FROM %s_log", table))
		}
	})
}

// logged lists the tables whose triggers have logged something.
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
