package writes

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// foundVariable is where MySQL notes the keys of the rows that an INSERT finds stored. Nothing else tells: the number of rows
// depends on the settings of the connection, and MariaDB's RETURNING returns rows that were left alone as well.
//
// MySQL calls the assignment of a variable inside a statement deprecated, and compatible servers and proxies refuse it or keep no variables.
// The library then reads back what is stored.
const foundVariable = "@signals_found"

// noteStart is what every note begins with: a variable that was not kept does not.
const noteStart = ":"

// note makes the INSERT note the rows that it finds.
func (w *insert) note() error {
	noting, err := w.noteFound(w.race.conflict)
	if err != nil || w.reg.noNotes.Load() {
		return err
	}
	w.race.notes = true
	w.replaceClause("ON CONFLICT", noting)
	return nil
}

// refusesNotes reports whether an error may be due to the note: the server does not understand the statement. The transaction outlives it.
func refusesNotes(err error) bool {
	if err == nil {
		return false
	}
	text := strings.ToLower(err.Error())
	return slices.ContainsFunc([]string{":=", "1064", "1235", "syntax", "not supported", "unsupported"}, func(part string) bool {
		return strings.Contains(text, part)
	})
}

// withoutNote runs the INSERT as the caller gave it.
func (w *insert) withoutNote() {
	w.reg.noNotes.Store(true)
	w.race.notes, w.db.Error = false, nil
	n, err := w.insertAgain(&w.race.conflict, nil)
	w.setRowsAffected(n)
	_ = w.db.AddError(err)
}

// noteFound adds an assignment to ON DUPLICATE KEY UPDATE that makes the note and changes nothing. Where the server takes no assignment of
// a variable inside a statement, it leaves the clause as it is.
func (w *insert) noteFound(conflict clause.OnConflict) (clause.OnConflict, error) {
	if w.reg.noNotes.Load() {
		return conflict, nil
	}
	if w.exec("DO "+foundVariable+" := '"+noteStart+"'") != nil {
		if err := w.stmt.Context.Err(); err != nil {
			return conflict, err
		}
		w.reg.noNotes.Store(true)
		return conflict, nil
	}
	columns := w.keyColumns()
	conflict.DoUpdates = append(slices.Clone(conflict.DoUpdates), clause.Assignment{
		Column: clause.Column{Name: w.model.Keys[0].DBName},
		Value: clause.Expr{
			SQL:  "IF((" + foundVariable + " := CONCAT(" + foundVariable + ", " + w.hexSQL() + ", ',')) IS NULL, ?, ?)",
			Vars: append(columns, columns[0], columns[0]),
		},
	})
	conflict.DoNothing = false // as GORM's dialect says it, once it has made its own assignment
	return conflict, nil
}

func (w *insert) keyColumns() []any {
	columns := make([]any, len(w.model.Keys))
	for i, f := range w.model.Keys {
		columns[i] = clause.Column{Name: f.DBName}
	}
	return columns
}

// hexSQL writes a key in a form without commas.
func (w *insert) hexSQL() string {
	return "HEX(?)" + strings.Repeat(", '-', HEX(?)", len(w.model.Keys)-1)
}

// found reads the note.
func (w *insert) found() (note string, n int64, err error) {
	if w.reg.noNotes.Load() {
		return "", 0, nil
	}
	err = w.db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Raw("SELECT " + foundVariable).Scan(&note).Error
	note, kept := strings.CutPrefix(note, noteStart)
	if err == nil && !kept {
		w.reg.noNotes.Store(true) // a proxy sends every statement to another session
	}
	return note, int64(strings.Count(note, ",")), err
}

// askMySQL looks again when rows were found that were thought to be new. What it takes for their original is the row as it is by now.
func (w *insert) askMySQL() error {
	if !w.race.notes {
		return w.readBackMySQL()
	}
	note, n, err := w.found()
	switch {
	case err != nil:
		return err
	case w.reg.noNotes.Load():
		return w.readBackMySQL()
	case n == int64(len(w.rows))-w.race.fresh:
		return nil
	case w.misplaced():
		return w.oneByOne()
	}
	before := slices.Clone(w.rows)
	if err = w.resolveAgain(); err != nil { // by now they are all there, ours as well
		return err
	}
	found, err := w.noted(note)
	if err != nil {
		return err
	}
	for i := range w.rows {
		r := &w.rows[i]
		switch {
		case !before[i].Created:
			*r = before[i]
		case r.Original == nil: // found by an index that the model does not declare, or inserted with a key that nobody knows
			_, has := w.keyOf(r.Value())
			r.Created = n == 0 || (len(w.rows) > 1 && !has)
			r.Silent = !r.Created && w.race.conflict.DoNothing
		case !found[w.model.Identity(w.stmt.Context, r.Stored())]:
			*r = before[i]
		}
	}
	return nil
}

// misplaced reports whether GORM has given keys to the wrong rows: without RETURNING it counts on from the first key, as if no row had been
// found.
func (w *insert) misplaced() bool {
	return w.returned != nil && w.returned.savepoint && w.returned.fields == nil
}

// readBackMySQL finds out without a note who was written: the rows whose keys are stored now and were not before.
func (w *insert) readBackMySQL() error {
	switch {
	case w.db.RowsAffected == w.race.fresh && (w.race.conflict.DoNothing || len(w.rows) == 1):
		return nil
	case len(w.rows) == 1:
		r := &w.rows[0]
		if w.db.RowsAffected == 1 || !r.Created {
			return nil
		}
		r.Created, r.Silent = false, w.race.conflict.DoNothing
		return w.missing()
	case w.misplaced():
		return w.oneByOne()
	}
	written, _, err := w.writtenByKey(w.expected(), int(w.db.RowsAffected), false)
	if err != nil {
		return err
	}
	for _, i := range w.expected() {
		r := &w.rows[i]
		if r.Created && !slices.Contains(written, i) {
			r.Created, r.Silent = false, w.race.conflict.DoNothing
		}
	}
	return nil
}

// missing reads the stored row that was in the way of a row that was thought to be new.
func (w *insert) missing() error {
	r := w.rows[0]
	err := w.resolveAgain()
	if w.rows[0].Original == nil {
		w.rows[0] = r
	}
	return err
}

// noted returns the keys of the stored rows that the note names: the latest ones, not those of the snapshot.
func (w *insert) noted(note string) (map[string]bool, error) {
	var keys [][]any
	for i := range w.rows {
		if w.rows[i].Original != nil {
			key, _ := w.model.KeyOf(w.stmt.Context, w.rows[i].Stored())
			keys = append(keys, key)
		}
	}
	in := clause.Expr{SQL: "FIND_IN_SET(CONCAT(" + w.hexSQL() + "), ?)", Vars: append(w.keyColumns(), note)}
	return w.keysThat(keys, in, true)
}
