package parity_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"
)

var parityStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// parityWorld is one of the two databases of the script, with its events.
type parityWorld struct {
	db     *gorm.DB
	side   *sql.DB           // reads and resets the tables without GORM
	tables map[string]string // columns that can be written, by table
	show   *sql.Stmt         // shows all tables
	start  []string          // the result of show at the start
	now    time.Time
	hooks  []string // calls of GORM's hooks
	heard  parityHeard
}

// newParityWorld makes a database with all tables and seeds, and with triggers that log each written row.
func newParityWorld(t *testing.T, config gorm.Config) *parityWorld {
	t.Helper()
	w := &parityWorld{now: parityStart}
	config.Logger, config.NowFunc = logger.Discard, func() time.Time { return w.now }
	path := filepath.Join(t.TempDir(), "parity.db") + "?_busy_timeout=5000&_sync=0&_journal=MEMORY"
	db, err := gorm.Open(sqlite.Open(path+"&_foreign_keys=on"), &config)
	require.NoError(t, err)
	w.side, err = sql.Open("sqlite3", path)
	require.NoError(t, err)
	w.side.SetMaxOpenConns(1)
	t.Cleanup(func() {
		_ = w.side.Close()
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	})
	require.NoError(t, db.SetupJoinTable(&parityUser{}, "Clubs", &parityMember{}))
	require.NoError(t, db.AutoMigrate(parityModels()...))
	for _, rows := range paritySeeds() {
		require.NoError(t, db.Create(rows).Error)
	}
	w.exec(t, parityLinks)
	w.exec(t, parityOlds)
	w.watch(t, db)
	w.db = db.WithContext(context.WithValue(t.Context(), parityHookKey{}, w))
	return w
}

func (w *parityWorld) exec(t *testing.T, query string) {
	t.Helper()
	_, err := w.side.ExecContext(t.Context(), query)
	require.NoError(t, err, query)
}

// watch keeps a copy of every table, and adds the triggers.
func (w *parityWorld) watch(t *testing.T, db *gorm.DB) {
	t.Helper()
	w.tables = map[string]string{}
	shows := make([]string, 0, 32)
	for _, table := range w.lines("SELECT name FROM sqlite_master WHERE type = 'table'") {
		columns := w.lines(fmt.Sprintf(`SELECT '"' || name || '"' FROM pragma_table_info('%s')`, table))
		w.tables[table] = strings.Join(columns, ",")
		shows = append(shows, fmt.Sprintf(`SELECT '%s|' || quote(%s) FROM %q`, table, strings.Join(columns, ") || ' ' || quote("), table))
		w.exec(t, fmt.Sprintf(`CREATE TABLE "seed_%s" AS SELECT * FROM %q`, table, table))
	}
	w.exec(t, "CREATE TABLE audit (line text)")
	w.trigger(t, db)
	var err error
	w.show, err = w.side.PrepareContext(t.Context(), strings.Join(shows, " UNION ALL ")+" ORDER BY 1")
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.show.Close() })
	w.start = w.dump()
}

// trigger returns triggers that log changes of a table's rows.
func (w *parityWorld) trigger(t *testing.T, db *gorm.DB) {
	t.Helper()
	keys := map[string][]string{"parity_olds": {"id"}}
	for _, model := range parityModels() {
		stmt := &gorm.Statement{DB: db}
		require.NoError(t, stmt.Parse(model))
		keys[stmt.Schema.Table] = keyColumns(stmt.Schema)
	}
	for table, columns := range keys {
		same := strings.Split(w.tables[table], ",")
		for i, column := range same {
			same[i] = "OLD." + column + " IS NEW." + column
		}
		touched := fmt.Sprintf("CASE WHEN %s THEN 'touch' ELSE 'update' END", strings.Join(same, " AND "))
		for _, trigger := range []struct{ when, verb, row string }{
			{"insert", "'insert'", "NEW."}, {"update", touched, "NEW."}, {"delete", "'delete'", "OLD."},
		} {
			key := trigger.row + strings.Join(columns, " || '/' || "+trigger.row)
			w.exec(t, fmt.Sprintf(`CREATE TRIGGER "audit_%s_%s" AFTER %s ON %q BEGIN
				INSERT INTO audit VALUES (%s || ' %s ' || %s); END`, table, trigger.when, trigger.when, table, trigger.verb, table, key))
		}
	}
}

// keyColumns returns the columns that identify rows. Lines have no primary key, so their names are used.
func keyColumns(s *schema.Schema) []string {
	if len(s.PrimaryFieldDBNames) == 0 {
		return []string{"name"}
	}
	return s.PrimaryFieldDBNames
}

// reset puts the tables back to their start.
func (w *parityWorld) reset(t *testing.T, now []string) {
	t.Helper()
	changed := map[string]bool{}
	gone, added := difference(w.start, now)
	for _, line := range append(gone, added...) {
		table, _, _ := strings.Cut(line, "|")
		changed[table] = true
	}
	var script strings.Builder
	script.WriteString("BEGIN;")
	for table := range changed {
		fmt.Fprintf(&script, `DELETE FROM %q; INSERT INTO %q (%s) SELECT %s FROM "seed_%s";`,
			table, table, w.tables[table], w.tables[table], table)
	}
	if len(changed) > 0 { // the inserts have moved the counters of keys
		script.WriteString("DELETE FROM sqlite_sequence; INSERT INTO sqlite_sequence SELECT * FROM seed_sqlite_sequence;")
	}
	script.WriteString("COMMIT;")
	w.exec(t, script.String())
}

// forget prepares the next step.
func (w *parityWorld) forget(t *testing.T) {
	t.Helper()
	w.exec(t, "DELETE FROM audit")
	w.hooks, w.heard = nil, parityHeard{}
}

// lines reads texts without GORM.
func (w *parityWorld) lines(query string) []string {
	rows, err := w.side.QueryContext(context.Background(), query)
	return linesOf(rows, err)
}

func linesOf(rows *sql.Rows, err error) []string {
	if err != nil {
		return []string{err.Error()}
	}
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var line sql.NullString
		if err := rows.Scan(&line); err != nil {
			return append(lines, err.Error())
		}
		lines = append(lines, line.String)
	}
	if err := rows.Err(); err != nil {
		lines = append(lines, err.Error())
	}
	return lines
}

// dump formats the rows of all tables.
func (w *parityWorld) dump() []string {
	rows, err := w.show.QueryContext(context.Background())
	return linesOf(rows, err)
}

// audit lists the written rows in the log of the triggers, "update parity_items 3", sorted.
func (w *parityWorld) audit() []string {
	lines := w.lines("SELECT line FROM audit")
	slices.Sort(lines)
	return lines
}
