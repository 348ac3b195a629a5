package fuzzwrites_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// fuzzConflict is an ON CONFLICT clause.
type fuzzConflict struct {
	nothing bool
	all     bool // every column behind the key
	target  []int
	sets    []fuzzSet // columns taken from the new row, or added to
	where   *fuzzTerm // what the stored row must satisfy, or else it stays
	ignore  bool      // INSERT OR IGNORE
	quiet   bool      // rows of an association: one that the clause does not change is not heard of
}

// written returns the columns that the clause changes, and those that the database computes.
func (up *fuzzConflict) written(t *fuzzTable) (written, computed []bool) {
	written, computed = make([]bool, len(t.columns)), make([]bool, len(t.columns))
	for c := t.keys; c < len(t.columns); c++ {
		written[c] = up.all
	}
	for _, set := range up.sets {
		written[set.Column], computed[set.Column] = true, set.Add
	}
	return written, computed
}

// apply returns what the clause makes of a stored row.
func (up *fuzzConflict) apply(t *fuzzTable, old, row fuzzRow) fuzzRow {
	written, _ := up.written(t)
	result := old
	for c := range t.columns {
		if written[c] {
			result[c] = row[c]
		}
	}
	for _, set := range up.sets {
		if set.Add {
			result[set.Column] = old[set.Column] + set.Value
		}
	}
	return result
}

// hits reports whether a stored row is the one that the clause is about.
func (up *fuzzConflict) hits(stored, row fuzzRow) bool {
	if up.nothing && len(up.target) == 0 {
		return true
	}
	for _, c := range up.target {
		if stored[c] != row[c] {
			return false
		}
	}
	return true
}

// fuzzFate is what an INSERT does with one of its rows.
type fuzzFate struct {
	created, skipped bool
	kept             bool // the clause's condition leaves the stored row alone, which nobody asks beforehand
	twice            bool // the row stands for one that the same statement has written
	old              *fuzzRow
	key              int
}

// mixed reports whether some rows have a key and some have none.
func mixed(rows []*fuzzRow) bool {
	return slices.ContainsFunc(rows, func(r *fuzzRow) bool { return (r[0] == 0) != (rows[0][0] == 0) })
}

// empty reports whether an INSERT names no column at all.
func (t *fuzzTable) empty(rows []*fuzzRow, written []bool) bool {
	return written != nil && !slices.Contains(written[t.keys:], true) &&
		!slices.ContainsFunc(rows, func(r *fuzzRow) bool { return r[0] != 0 })
}

// errFuzzAside ends a script that nobody could predict: a row names a key that the database has just generated for another
// row of the same statement, GORM itself gives keys that are returned by DO NOTHING to the wrong rows, or it inserts one row
// of several that have no column.
var errFuzzAside = errors.New("the script leaves the known ground")

// errFuzzUnread is the error of an INSERT whose answer GORM cannot read.
var errFuzzUnread = fmt.Errorf("GORM cannot read the answer: %w", errFuzzSQL)

// fates works an INSERT out row by row, as the database does, and returns the table after it. written are the columns that
// the statement names, nil for all.
func (w *fuzzWorld) fates(
	table int, rows []*fuzzRow, up *fuzzConflict, written []bool,
) (fates []fuzzFate, after fuzzRows, err error) {
	t := w.tables[table]
	after = maps.Clone(w.rows[table])
	touched, made := map[fuzzKey]bool{}, map[int]bool{}
	if t.auto && len(rows) > 1 && ((up != nil && up.nothing && mixed(rows)) || t.empty(rows, written)) {
		return nil, nil, errFuzzAside
	}
	for _, r := range rows {
		row := *r
		for c := range written {
			if !written[c] {
				row[c] = 0
			}
		}
		if t.auto && row[0] == 0 {
			for key := range after {
				row[0] = max(row[0], key[0])
			}
			row[0]++
			made[row[0]] = true
		} else if t.auto && made[row[0]] {
			return nil, nil, errFuzzAside
		}
		fate, failure := up.place(t, after, touched, row)
		if failure != nil && err == nil {
			err = failure
		}
		fates = append(fates, fate)
	}
	return fates, after, err
}

// attempt is fates, but leaves the table as it is when the INSERT fails.
func (w *fuzzWorld) attempt(table int, rows []*fuzzRow, up *fuzzConflict, written []bool) ([]fuzzFate, fuzzRows, error) {
	fates, after, err := w.fates(table, rows, up, written)
	if err != nil {
		after = w.rows[table]
	}
	return fates, after, err
}

// place puts one row of an INSERT into its table.
func (up *fuzzConflict) place(t *fuzzTable, after fuzzRows, touched map[fuzzKey]bool, row fuzzRow) (fuzzFate, error) {
	clashes := t.clashes(after, row)
	if len(clashes) == 0 {
		after[t.key(row)], touched[t.key(row)] = row, true
		return fuzzFate{created: true, key: row[0]}, nil
	}
	for _, key := range clashes {
		old := after[key]
		if up == nil || !up.hits(old, row) {
			continue
		}
		fate := fuzzFate{old: &old, twice: touched[key], key: old[0], skipped: up.nothing}
		if fate.kept = up.where != nil && !up.where.holds(old); fate.kept || up.nothing {
			return fate, nil
		}
		touched[key] = true
		return fate, t.put(after, &key, up.apply(t, old, row))
	}
	return fuzzFate{created: true}, errFuzzSQL
}

// insert models an INSERT. The rows get their keys as GORM writes them back; between runs what comes between the pre_save
// events and the statement.
func (w *fuzzWorld) insert(
	table int, rows []*fuzzRow, up *fuzzConflict, written []bool, between, behind func() error,
) (err error) {
	var late error                                           // of what comes behind the statement, when nothing undoes that
	if restore := w.snapshot(); up != nil && len(rows) > 1 { // the library begins a transaction of its own
		defer func() {
			if err != nil && late == nil {
				restore()
			}
		}()
	}
	fates, _, err := w.fates(table, rows, up, written)
	switch {
	case errors.Is(err, errFuzzAside), err != nil && up != nil && !w.script.listens():
		return errFuzzAside
	case err != nil && up != nil: // what is found out beforehand about rows that cannot be written is nobody's promise
		w.vague = true
		return err
	}
	heard := make([]bool, len(rows))
	for i, r := range rows {
		heard[i] = up.heard(w.tables[table], fates[i], *r)
		if !heard[i] {
			continue
		}
		if err = w.save("pre_save", table, w.inserted(table, *r, fates[i], up, written, true)); err != nil {
			return err
		}
		*r = w.ruled(table, *r)
	}
	if between != nil {
		if err = between(); err != nil {
			return err
		}
	}
	if fates, w.rows[table], err = w.attempt(table, rows, up, written); err != nil {
		return err
	}
	w.writeKeys(table, rows, fates, up)
	if behind != nil {
		if late = behind(); late != nil && (!w.script.Plain || errors.Is(late, errFuzzAside) || errors.Is(late, errFuzzUnread)) {
			err, late = late, nil
			return err
		}
	}
	sent := 0
	for i, r := range rows {
		if fates[i].skipped || fates[i].kept || (!heard[i] && !fates[i].created) {
			continue
		}
		sent++
		if err = w.save("post_save", table, w.inserted(table, *r, fates[i], up, written, false)); err != nil {
			return err
		}
	}
	w.together("post_save", table, sent)
	for _, r := range rows {
		w.caller = append(w.caller, *r)
	}
	return late
}

// heard reports whether a row of an INSERT is written, as far as is known beforehand.
func (up *fuzzConflict) heard(t *fuzzTable, fate fuzzFate, row fuzzRow) bool {
	if fate.skipped {
		return false
	}
	return up == nil || !up.quiet || fate.created || up.apply(t, *fate.old, row) != *fate.old
}

func (w *fuzzWorld) inserted(table int, row fuzzRow, fate fuzzFate, up *fuzzConflict, written []bool, pre bool) fuzzSaved {
	s := fuzzSaved{
		row: row, old: fate.old, created: fate.created, loose: fate.twice, written: written, unnamed: up != nil || written != nil,
	}
	if !pre && up != nil && w.tables[table].auto && (row[0] == 0 || fate.created) { // events show the row's own key, wherever GORM has put it
		s.row[0] = fate.key
	}
	if fate.created {
		return s
	}
	var computed []bool
	if s.written, computed = up.written(w.tables[table]); pre {
		s.computed = computed
	}
	if t := w.tables[table]; !pre && slices.Contains(computed, true) { // the event shows what is stored when the statement has run
		s.row = w.rows[table][t.key(up.apply(t, *fate.old, row))]
	}
	return s
}

// writeKeys gives the rows the keys that the database returns, to which rows GORM thinks they belong: after DO NOTHING it
// takes those without a key, whether they were written or not.
func (w *fuzzWorld) writeKeys(table int, rows []*fuzzRow, fates []fuzzFate, up *fuzzConflict) {
	if !w.tables[table].auto {
		return
	}
	at := 0
	for _, fate := range fates {
		if fate.skipped || fate.kept {
			continue
		}
		for up != nil && up.nothing && len(rows) > 1 && at < len(rows) && rows[at][0] != 0 {
			at++
		}
		if at < len(rows) {
			rows[at][0] = fate.key
			at++
		}
	}
}
