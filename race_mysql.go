package signals

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// foundVariable is where MySQL notes the keys of the rows that an INSERT finds stored. Nothing else tells: the number of rows
// depends on the settings of the connection, and MariaDB's RETURNING returns rows that were left alone as well.
const foundVariable = "@signals_found"

// noteFound adds an assignment to ON DUPLICATE KEY UPDATE that makes the note and changes nothing.
func (w *write) noteFound(conflict clause.OnConflict) (clause.OnConflict, error) {
	columns := w.keyColumns()
	conflict.DoUpdates = append(slices.Clone(conflict.DoUpdates), clause.Assignment{
		Column: clause.Column{Name: w.model.Keys[0].DBName},
		Value: clause.Expr{
			SQL:  "IF((" + foundVariable + " := CONCAT(" + foundVariable + ", " + w.hexSQL() + ", ',')) IS NULL, ?, ?)",
			Vars: append(columns, columns[0], columns[0]),
		},
	})
	conflict.DoNothing = false // as GORM's dialect says it, once it has made its own assignment
	return conflict, w.exec("SET " + foundVariable + " = ''")
}

func (w *write) keyColumns() []any {
	columns := make([]any, len(w.model.Keys))
	for i, f := range w.model.Keys {
		columns[i] = clause.Column{Name: f.DBName}
	}
	return columns
}

// hexSQL writes a key in a form without commas.
func (w *write) hexSQL() string {
	return "HEX(?)" + strings.Repeat(", '-', HEX(?)", len(w.model.Keys)-1)
}

// found reads the note.
func (w *write) found() (note string, n int64, err error) {
	err = w.db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Raw("SELECT " + foundVariable).Scan(&note).Error
	return note, int64(strings.Count(note, ",")), err
}

// askMySQL looks again when rows were found that were thought to be new. What it takes for their original is the row as it is by now.
func (w *write) askMySQL() error {
	note, n, err := w.found()
	if err != nil || n == int64(len(w.rows))-w.race.fresh {
		return err
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
		case !before[i].created:
			*r = before[i]
		case r.original == nil: // found by an index that the model does not declare
			r.created = n == 0 || len(w.rows) > 1
			r.silent = !r.created && w.race.conflict.DoNothing
		case !found[w.model.Identity(w.stmt.Context, r.stored())]:
			*r = before[i]
		}
	}
	return nil
}

// noted returns the keys of the stored rows that the note names: the latest ones, not those of the snapshot.
func (w *write) noted(note string) (map[string]bool, error) {
	var keys [][]any
	for i := range w.rows {
		if w.rows[i].original != nil {
			key, _ := w.model.KeyOf(w.stmt.Context, w.rows[i].stored())
			keys = append(keys, key)
		}
	}
	in := clause.Expr{SQL: "FIND_IN_SET(CONCAT(" + w.hexSQL() + "), ?)", Vars: append(w.keyColumns(), note)}
	return w.keysThat(keys, in, true)
}
