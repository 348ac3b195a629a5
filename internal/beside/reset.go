package beside

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// state has everything in the tables of a world that a later call can see.
type state struct {
	rows    map[string][]string // of each table, as text
	numbers []string            // key that each table gives the next row, if it counts them
}

func (s state) equal(other state) bool {
	return maps.EqualFunc(s.rows, other.rows, slices.Equal) && slices.Equal(s.numbers, other.numbers)
}

// state reads the state of the tables.
func (w *world) state() state {
	rows := map[string][]string{}
	for _, table := range watched() {
		rows[table] = w.rows("SELECT " + w.columns[table] + " FROM " + table)
	}
	return state{rows, w.numbers()}
}

// reset puts the tables from their current state back to their start. Two worlds are equal after a reset.
func (w *world) reset(tb testing.TB, now state) {
	tb.Helper()
	var changed []string
	written := slices.Concat(w.touched, w.logged()) // a row that was deleted and inserted again may have moved
	for _, table := range watched() {
		if !slices.Equal(w.start.rows[table], now.rows[table]) || slices.Contains(written, table) {
			changed = append(changed, table)
		}
	}
	w.touched = nil
	if changed = withReferring(changed); len(changed) > 0 {
		w.transaction(tb, func(tx *sql.Tx) {
			exec(tb, tx, "UPDATE switches SET keeps = 0")
			w.empty(tb, tx, changed)
			for _, table := range slices.Backward(changed) {
				exec(tb, tx, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s_seed", table, w.columns[table], w.columns[table], table))
			}
			for _, table := range changed { // the triggers have logged all of this
				exec(tb, tx, fmt.Sprintf("DELETE FROM %s_log", table))
			}
		})
	}
	w.renumber(tb)
}

// withReferring adds the tables that refer to the given ones, and returns all in an order in which they can be emptied.
func withReferring(tables []string) []string {
	named := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(tables, name) })
	}
	if named("items") {
		tables = append(tables, "owners")
	}
	if named("owners") {
		tables = append(tables, "children")
	}
	if named("owners", "tags") {
		tables = append(tables, "owner_tags")
	}
	return slices.DeleteFunc(watched(), func(table string) bool { return !slices.Contains(tables, table) })
}

// empty deletes all rows of some tables. PostgreSQL fills free places first, and so returns rows in another order. TRUNCATE gives it new files.
func (w *world) empty(tb testing.TB, tx *sql.Tx, tables []string) {
	tb.Helper()
	if w.side.Name() == "postgres" {
		exec(tb, tx, "TRUNCATE "+strings.Join(tables, ", "))
		return
	}
	for _, table := range tables {
		exec(tb, tx, "DELETE FROM "+table)
	}
}

// counted are the tables whose keys the database may count.
func counted() []string {
	return slices.DeleteFunc(watched(), func(table string) bool { return table == "owner_tags" })
}

// findSequences finds PostgreSQL's sequences of keys. Other databases have none.
func (w *world) findSequences() map[string]string {
	found := map[string]string{}
	if w.side.Name() != "postgres" {
		return found
	}
	for _, table := range counted() {
		if name := w.rows("SELECT pg_get_serial_sequence('" + table + "', 'id')")[0]; name != "NULL" {
			found[table] = strings.Trim(name, `"`)
		}
	}
	return found
}

// firstNumbers returns the first key of each table after its seeds.
func (w *world) firstNumbers() []string {
	var parts []string
	for _, table := range counted() {
		parts = append(parts, fmt.Sprintf("SELECT '%s', COALESCE(MAX(id), 0) + 1 FROM %s_seed", table, table))
	}
	return w.rows(strings.Join(parts, " UNION ALL "))
}

// numbers returns the next key of each table. Statements that were rolled back have used up keys.
func (w *world) numbers() []string {
	switch w.side.Name() {
	case "sqlite":
		return w.rows("SELECT name, seq + 1 FROM sqlite_sequence")
	case "mysql":
		return w.rows(`SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES
			WHERE TABLE_SCHEMA = DATABASE() AND AUTO_INCREMENT IS NOT NULL AND TABLE_NAME NOT LIKE '%log'`)
	}
	parts := make([]string, 0, len(w.sequences))
	for table, sequence := range w.sequences {
		parts = append(parts, fmt.Sprintf("SELECT '%s', last_value + is_called::int FROM %s", table, sequence))
	}
	return w.rows(strings.Join(parts, " UNION ALL "))
}

// renumber makes every table count from its seeds again.
func (w *world) renumber(tb testing.TB) {
	tb.Helper()
	moved := slices.DeleteFunc(w.numbers(), func(line string) bool { return slices.Contains(w.start.numbers, line) })
	if len(moved) == 0 {
		return
	}
	w.transaction(tb, func(tx *sql.Tx) {
		for _, line := range moved {
			table := strings.Split(line, `"`)[1]
			switch w.side.Name() {
			case "sqlite":
				exec(tb, tx, fmt.Sprintf("DELETE FROM sqlite_sequence WHERE name = '%s'", table))
				exec(tb, tx, fmt.Sprintf("INSERT INTO sqlite_sequence (name, seq) SELECT '%s', n FROM (SELECT MAX(id) AS n FROM %s_seed) WHERE n > 0", table, table))
			case "postgres":
				exec(tb, tx, fmt.Sprintf("SELECT setval('%s', (SELECT COALESCE(MAX(id), 0) + 1 FROM %s_seed), false)", w.sequences[table], table))
			case "mysql": // uses the smallest free number above all rows
				exec(tb, tx, "ALTER TABLE "+table+" AUTO_INCREMENT = 1")
			}
		}
	})
}
