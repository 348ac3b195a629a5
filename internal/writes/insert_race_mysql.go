package writes

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/pool"
)

// foundVariable is where MySQL notes the keys of the rows that an INSERT finds stored. Often nothing else tells: the number of rows
// depends on the settings of the connection, and MariaDB's RETURNING returns rows that were left alone as well.
//
// MySQL calls the assignment of a variable inside a statement deprecated, and compatible servers and proxies refuse it or keep no variables.
// The library then reads back what is stored.
const foundVariable = "@signals_found"

// notes is what is known of notes on the servers of a database.
type notes struct {
	refused atomic.Bool   // variables are not assigned inside statements, or not kept
	kept    sync.Map      // pools whose transactions keep variables
	begun   atomic.Uint64 // how many notes there were
	process string        // a proxy may give sessions of other processes to this one
}

func (n *notes) open() { n.process = rand.Text()[:8] }

// token returns what a new note begins with. No other note that a session still holds begins with it.
func (n *notes) token() string {
	return ":" + n.process + strconv.FormatUint(n.begun.Add(1), 36) + ":"
}

// noteOrReturn makes the INSERT tell which rows it finds: MariaDB by returning it, if all rows are thought to be new, and MySQL by a note.
func (w *insert) noteOrReturn() error {
	if w.mayReturnFound() {
		w.returnFound()
		return nil
	}
	return w.note()
}

// note makes the INSERT note the rows that it finds.
func (w *insert) note() error {
	noting, err := w.noteFound(w.race.conflict, w.race.fresh < int64(len(w.rows)))
	if err != nil || w.reg.notes.refused.Load() {
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
	w.reg.notes.refused.Store(true)
	w.race.notes, w.race.returns, w.db.Error = false, false, nil
	n, err := w.insertAgain(&w.race.conflict, nil)
	w.setRowsAffected(n)
	_ = w.db.AddError(err)
}

// noteFound adds an assignment to ON DUPLICATE KEY UPDATE that makes the note and changes nothing. Where the server takes no assignment of
// a variable inside a statement, it leaves the clause as it is. An empty note means nothing unless variables are kept: if no row is expected to be
// found, a statement of its own begins the first note on each pool.
func (w *insert) noteFound(conflict clause.OnConflict, expected bool) (clause.OnConflict, error) {
	if w.reg.notes.refused.Load() {
		return conflict, nil
	}
	w.race.token, w.race.asked = w.reg.notes.token(), false
	if !expected && !w.keepsNotes() {
		if err := w.beginNote(); err != nil || w.reg.notes.refused.Load() {
			return conflict, err
		}
	}
	columns := w.keyColumns()
	conflict.DoUpdates = append(slices.Clone(conflict.DoUpdates), clause.Assignment{
		Column: clause.Column{Name: w.model.Keys[0].DBName},
		Value: clause.Expr{
			SQL:  "IF((" + foundVariable + " := CONCAT(IF(LEFT(" + foundVariable + ", ?) = ?, " + foundVariable + ", ?), " + w.hexSQL() + ", ',')) IS NULL, ?, ?)",
			Vars: append(append([]any{len(w.race.token), w.race.token, w.race.token}, columns...), columns[0], columns[0]),
		},
	})
	conflict.DoNothing = false // as GORM's dialect says it, once it has made its own assignment
	return conflict, nil
}

// beginNote writes an empty note.
func (w *insert) beginNote() error {
	w.race.asked = true
	if w.exec("DO "+foundVariable+" := '"+w.race.token+"'") == nil {
		return nil
	}
	if err := w.stmt.Context.Err(); err != nil {
		return err
	}
	w.reg.notes.refused.Store(true)
	return nil
}

// keepsNotes reports whether the transactions of the pool are known to keep variables.
func (w *insert) keepsNotes() bool {
	tx, _ := pool.Find(w.stmt.ConnPool)
	if tx == nil {
		return false
	}
	_, kept := w.reg.notes.kept.Load(tx.Outside)
	return kept
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
	if w.reg.notes.refused.Load() {
		return "", 0, nil
	}
	note, there, err := w.readNote()
	if err == nil && !there && !w.race.asked && !w.keepsNotes() { // none was found, or variables are not kept
		if err = w.beginNote(); err == nil && !w.reg.notes.refused.Load() {
			note, there, err = w.readNote()
		}
	}
	switch tx, _ := pool.Find(w.stmt.ConnPool); {
	case err != nil || w.reg.notes.refused.Load():
	case there && tx != nil && pool.Lasts(tx.Outside):
		w.reg.notes.kept.Store(tx.Outside, true)
	case !there && (w.race.asked || !w.keepsNotes()):
		w.reg.notes.refused.Store(true) // a proxy sends every statement to another session
	}
	return note, int64(strings.Count(note, ",")), err
}

// readNote returns the keys of the note, and whether it is there.
func (w *insert) readNote() (keys string, there bool, err error) {
	var note string
	err = w.db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Raw("SELECT COALESCE(" + foundVariable + ", '')").Scan(&note).Error
	keys, there = strings.CutPrefix(note, w.race.token)
	if !there {
		keys = ""
	}
	return keys, there, err
}

// numberTells reports whether the number of rows says that what was found is what was expected. It counts a row that was inserted as 1, one that
// was changed as 2, and one that was left alone as 0, or as 1 if the connection says so.
func (w *insert) numberTells() bool {
	n, all := w.db.RowsAffected, int64(len(w.rows))
	insert, _ := w.stmt.Clauses["INSERT"].Expression.(clause.Insert)
	switch {
	case w.returns() || insert.Modifier != "":
		return false
	case len(w.written) == 0:
		return n < all && n == w.race.fresh && (n == 0 || w.undisturbed())
	}
	return all == 1 && w.race.fresh == 0 && n != 1
}

// askMySQL looks again when rows were found that were thought to be new. What it takes for their original is the row as it is by now.
func (w *insert) askMySQL() error {
	switch {
	case w.race.found != nil:
		return w.askFound()
	case !w.race.notes:
		return w.readBackMySQL()
	case w.numberTells():
		return nil
	}
	note, n, err := w.found()
	switch {
	case err != nil:
		return err
	case w.reg.notes.refused.Load():
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
