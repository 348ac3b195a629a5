package beside

import (
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// RunReset tests that each script finds the tables as in a new world, whichever script ran before it.
func RunReset(t *testing.T, open Open) {
	t.Helper()
	fresh, p := newWorld(t, open), NewPair(t, open)
	fresh.begin(t, false, startTime)
	expected := fresh.seen()
	worlds := []*world{p.plain, p.with}
	schemas := [][]string{p.plain.schema(), p.with.schema()} // taken here, because GORM migrates constraints in random order
	same := func(after string) {
		for i, w := range worlds {
			w.begin(t, false, startTime)
			for at, line := range w.seen() {
				if line != expected[at] {
					t.Errorf("world %d after %s:\n%s\nand not\n%s", i, after, line, expected[at])
				}
			}
			if !slices.Equal(w.schema(), schemas[i]) {
				t.Errorf("world %d after %s: another schema", i, after)
			}
		}
	}
	same("nothing")
	for _, w := range worlds {
		w.stir(t)
		now := w.state()
		for _, number := range fresh.numbers() {
			if slices.Contains(now.numbers, number) {
				t.Errorf("has not moved: %s", number)
			}
		}
		w.reset(t, now)
	}
	same("every number moved")
	p.resetScripts(t, same)
}

// resetScripts plays a script at each place, alone and beside an other that fails calls in a mode in which nothing undoes them.
func (p *Pair) resetScripts(t *testing.T, same func(after string)) {
	t.Helper()
	refuses := slices.IndexFunc(others(), func(o other) bool { return o.name == "refuses" })
	unguarded := slices.IndexFunc(modes(), func(m mode) bool { return m.name == "SkipDefaultTransaction" })
	for place := range places() {
		for i, s := range []*Setup{{Others: [][2]int{{0, place}}}, {Others: [][2]int{{refuses, place}}, Mode: unguarded}} {
			kind := (2*place + i) % len(p.kinds)
			var calls []Call
			for step := place % 8; step < len(p.kinds[kind].steps); step += 8 {
				calls = append(calls, Call{kind, step, argsOf(step)})
			}
			p.play(t, s, calls, false)
			same(fmt.Sprintf("%v\n%v", s, calls))
		}
	}
}

// seen returns a line for each thing in the database that a call can see, with the order of the rows.
func (w *world) seen() []string {
	lines := []string{"numbers " + strings.Join(w.numbers(), ", "), "logged " + strings.Join(w.logged(), ", ")}
	for _, table := range append(watched(), "switches") {
		lines = append(lines, table+" "+strings.Join(w.lines("SELECT * FROM "+table), "\n"))
	}
	if w.side.Name() == "sqlite" {
		lines = append(lines, "places of owner_tags "+strings.Join(w.rows("SELECT rowid, * FROM owner_tags"), "\n"))
	}
	return lines
}

// schema returns the tables and triggers of SQLite.
func (w *world) schema() []string {
	if w.side.Name() != "sqlite" {
		return nil
	}
	return w.rows("SELECT name, sql FROM sqlite_master")
}

// stir moves the place of every row, and the number of the next key of each table. It leaves the same rows.
func (w *world) stir(tb testing.TB) {
	tb.Helper()
	w.transaction(tb, func(tx *sql.Tx) {
		for _, table := range watched() {
			exec(tb, tx, "DELETE FROM "+table)
		}
		for _, table := range slices.Backward(watched()) {
			if table == "owner_tags" {
				exec(tb, tx, "INSERT INTO owner_tags SELECT owner_id, tag_id FROM owner_tags_seed ORDER BY tag_id DESC, owner_id DESC")
				continue
			}
			exec(tb, tx, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s_seed ORDER BY id DESC", table, w.columns[table], w.columns[table], table))
		}
	})
	for _, k := range tables() {
		row := reflect.New(reflect.TypeOf(k.model).Elem())
		row.Elem().FieldByName("Name").SetString("stirred")
		if err := w.side.Omit("Chief", "Children", "Tags").Create(row.Interface()).Error; err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.side.Create(&Audit{Line: "stirred"}).Error; err != nil {
		tb.Fatal(err)
	}
	w.transaction(tb, func(tx *sql.Tx) {
		for _, table := range counted() {
			exec(tb, tx, "DELETE FROM "+table+" WHERE id > 6 OR '"+table+"' = 'audits'")
		}
	})
}
