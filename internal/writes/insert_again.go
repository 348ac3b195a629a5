package writes

import (
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// insertAgain runs the INSERT again, for all rows or for one. It skips hooks, signals and other callbacks, which have run already. It returns the
// number of written rows.
func (w *insert) insertAgain(conflict *clause.OnConflict, one any) (int64, error) {
	tx := w.db.Session(&gorm.Session{SkipHooks: true})
	stmt := tx.Statement
	stmt.SQL.Reset()
	stmt.Vars, stmt.Result = nil, nil
	delete(stmt.Clauses, writeClause)
	if conflict != nil {
		stmt.Clauses["ON CONFLICT"] = clause.Clause{Name: "ON CONFLICT", Expression: *conflict}
	}
	stmt.BuildClauses = w.db.Callback().Create().Clauses
	if one != nil {
		stmt.Dest, stmt.ReflectValue = one, reflect.ValueOf(one).Elem()
	}
	tx.RowsAffected = 0
	start := time.Now()
	w.db.Callback().Create().Get(w.reg.creates.name)(tx)
	w.trace(start, stmt.SQL.String(), stmt.Vars, tx.RowsAffected, tx.Error)
	return tx.RowsAffected, tx.Error
}

// oneByOne undoes an INSERT of several rows and inserts them one by one: only for a single row the database says whether it was written. The caller
// sees the number of rows of the first INSERT, and the keys of the second ones.
func (w *insert) oneByOne() error {
	if err := w.exec("ROLLBACK TO SAVEPOINT " + w.returned.savepoint); err != nil {
		return err
	}
	w.disown()
	w.restoreReturned()
	for i := range w.rows {
		written, err := w.insertRow(i)
		if err != nil {
			return err
		}
		w.rows[i].Silent = !written
	}
	w.fillReturned()
	return nil
}

// insertRow inserts row i alone, and reports whether the database wrote it.
func (w *insert) insertRow(i int) (bool, error) {
	r := &w.rows[i]
	switch {
	case w.maps != nil:
		return w.maps.insertAlone(w, i)
	case w.race == nil:
		n, err := w.insertAgain(nil, r.Instance)
		return n > 0, err
	case !w.race.notes:
		n, err := w.insertAgain(&w.race.conflict, r.Instance)
		return n > 0, err
	}
	noting, err := w.noteFound(w.race.conflict, false)
	if err != nil {
		return false, err
	}
	if _, err = w.insertAgain(&noting, r.Instance); err != nil {
		return false, err
	}
	_, found, err := w.found()
	r.Created = found == 0
	return r.Created || !w.race.conflict.DoNothing, err
}
