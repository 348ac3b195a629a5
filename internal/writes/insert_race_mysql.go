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

// foundVariable is the session variable in which an INSERT on MySQL notes the keys of the stored rows that it finds. Often nothing else says this:
// the number of rows depends on settings of the connection, and MariaDB's RETURNING also returns rows that were left alone.
//
// MySQL deprecates assignments of variables inside statements. Compatible servers and proxies may refuse them, or keep no variables. The library then
// reads the stored rows back.
const foundVariable = "@signals_found"

// notes is what is known about notes on the servers of a database.
type notes struct {
	refused atomic.Bool   // servers do not assign variables inside statements, or do not keep them
	kept    sync.Map      // pools whose transactions keep variables
	begun   atomic.Uint64 // number of notes so far
	process string        // distinguishes processes: a proxy may share sessions between them
}

func (n *notes) open() { n.process = rand.Text()[:8] }

// token returns the text that a new note begins with. No other note that a session still holds begins with it.
func (n *notes) token() string {
	return ":" + n.process + strconv.FormatUint(n.begun.Add(1), 36) + ":"
}

// noteOrReturn makes the INSERT say which rows it finds: on MariaDB by RETURNING if all rows look new, otherwise by a note.
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

// Errors of MySQL by which servers and proxies say that they do not understand a statement.
const (
	unknownError  = 1105 // the only one of some proxies
	parseError    = 1064
	syntaxError   = 1149
	notSupported  = 1235
	cannotPrepare = 1295
)

// refusesNotes reports whether the server has answered that it does not understand the note. Such an error does not end the transaction. The texts of
// other errors may hold values of the program.
func refusesNotes(err error) bool {
	switch pool.Number(err) {
	case parseError, syntaxError, notSupported, cannotPrepare:
		return true
	case unknownError:
		text := strings.ToLower(err.Error())
		return slices.ContainsFunc([]string{":=", "syntax", "not supported", "unsupported"}, func(part string) bool {
			return strings.Contains(text, part)
		})
	}
	return false
}

// withoutNote runs the INSERT as the caller gave it.
func (w *insert) withoutNote() {
	w.reg.notes.refused.Store(true)
	w.race.notes, w.race.returns, w.db.Error = false, false, nil
	n, err := w.insertAgain(&w.race.conflict, nil)
	w.setRowsAffected(n)
	_ = w.db.AddError(err)
}

// noteFound adds an assignment to ON DUPLICATE KEY UPDATE that writes the note and changes no column. If the servers refuse notes, it leaves the
// clause alone. An empty note means nothing unless variables are kept. So if no row is expected to be found, a statement of its own begins the first
// note on each pool.
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
	conflict.DoNothing = false // GORM's dialect does the same once it has made its own assignment
	return conflict, nil
}

// beginNote writes an empty note. If the server answers with an error, it refuses notes.
func (w *insert) beginNote() error {
	w.race.asked = true
	if err := w.exec("DO " + foundVariable + " := '" + w.race.token + "'"); err == nil || !w.reg.Pools.Answered(err) {
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

// found reads the note, and counts its keys.
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
		w.reg.notes.refused.Store(true) // a proxy sends each statement to another session
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

// numberTells reports whether the number of rows proves that exactly the expected rows were found. MySQL counts an inserted row as 1, a changed one
// as 2, and one left alone as 0, or as 1 if the connection says so.
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

// askMySQL reads the stored rows again if the INSERT found rows that looked new. Their current state becomes their original.
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
	if err = w.resolveAgain(); err != nil { // now all rows exist, ours as well
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

// misplaced reports whether GORM has given keys to the wrong rows: without RETURNING it counts up from the first key, as if all rows were inserted.
func (w *insert) misplaced() bool {
	return w.returned != nil && w.returned.savepoint != "" && w.returned.fields == nil
}

// readBackMySQL finds the written rows without a note: their keys are stored now, and were not before.
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

// missing reads the stored row that a row conflicted with although it looked new.
func (w *insert) missing() error {
	r := w.rows[0]
	err := w.resolveAgain()
	if w.rows[0].Original == nil {
		w.rows[0] = r
	}
	return err
}

// noted returns the keys of the stored rows that the note names. It locks the rows to read their latest version, not the snapshot's.
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
