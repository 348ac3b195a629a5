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
	where   *fuzzTerm // the stored row is updated only if it satisfies this
	ignore  bool      // INSERT OR IGNORE
	quiet   bool      // rows of an association: a row that the clause does not change sends nothing
}

// written returns the columns that the clause assigns, and those among them that the database computes.
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

// apply returns a stored row after the clause.
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

// hits reports whether the clause covers the conflict with a stored row.
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
	kept             bool // the condition of the clause leaves the stored row alone, which is not known beforehand
	twice            bool // it conflicts with a row of the same statement
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

// errFuzzAside ends a script whose result cannot be predicted. A row may name a key that the database has just generated for another row of the
// statement. GORM may write keys that DO NOTHING returns into the wrong rows. Or it inserts one row instead of several without columns.
var errFuzzAside = errors.New("the script leaves the known ground")

// errFuzzUnread is the error of an INSERT whose result GORM cannot read.
var errFuzzUnread = fmt.Errorf("GORM cannot read the answer: %w", errFuzzSQL)

// fates predicts an INSERT row by row, and returns the table after it. written are the columns that the statement names; nil means all.
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

// attempt is fates, but leaves the table unchanged if the INSERT fails.
func (w *fuzzWorld) attempt(table int, rows []*fuzzRow, up *fuzzConflict, written []bool) ([]fuzzFate, fuzzRows, error) {
	fates, after, err := w.fates(table, rows, up, written)
	if err != nil {
		after = w.rows[table]
	}
	return fates, after, err
}

// place inserts one row of an INSERT into its table.
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

// insert predicts an INSERT. The rows get the keys that GORM writes back. between runs after the pre_save events and before the statement.
func (w *fuzzWorld) insert(
	table int, rows []*fuzzRow, up *fuzzConflict, written []bool, between, behind func() error,
) (err error) {
	var late error                                           // an error after the statement, which undoes nothing
	if restore := w.snapshot(); up != nil && len(rows) > 1 { // the library opens a transaction
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
	case err != nil && up != nil: // which events such an INSERT sends before it fails is not promised
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

// heard reports whether an INSERT writes a row, as far as this is known beforehand.
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
	if !pre && up != nil && w.tables[table].auto && (row[0] == 0 || fate.created) { // events have the key of the row, wherever GORM has written it
		s.row[0] = fate.key
	}
	if fate.created {
		return s
	}
	var computed []bool
	if s.written, computed = up.written(w.tables[table]); pre {
		s.computed = computed
	}
	if t := w.tables[table]; !pre && slices.Contains(computed, true) { // after the statement, events show the stored row
		s.row = w.rows[table][t.key(up.apply(t, *fate.old, row))]
	}
	return s
}

// writeKeys sets the keys that the database returns, in the rows in which GORM sets them: after DO NOTHING these are all rows without a key, written
// or not.
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
