package signals

import (
	"reflect"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// insertAgain runs the INSERT of the statement once more, for all rows or for one: without hooks, signals and callbacks of others, which have
// run. It returns the number of written rows.
func (w *write) insertAgain(conflict *clause.OnConflict, one any) (int64, error) {
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
	w.db.Callback().Create().Get("gorm:create")(tx)
	w.db.Logger.Trace(stmt.Context, start, func() (string, int64) {
		sql, vars := stmt.SQL.String(), stmt.Vars
		if filter, ok := w.db.Logger.(gorm.ParamsFilter); ok {
			sql, vars = filter.ParamsFilter(stmt.Context, sql, vars...)
		}
		return w.db.Explain(sql, vars...), tx.RowsAffected
	}, tx.Error)
	return tx.RowsAffected, tx.Error
}

// oneByOne undoes an INSERT of several rows and inserts one row after the other: a database that skipped rows tells of a single row whether
// it was written. The caller sees the number of rows that the INSERT reported, and the keys that the database gave the second time.
func (w *write) oneByOne() error {
	if err := w.exec("ROLLBACK TO SAVEPOINT " + insertSavepoint); err != nil {
		return err
	}
	w.disown()
	w.restoreReturned()
	for i := range w.rows {
		written, err := w.insertRow(&w.rows[i])
		if err != nil {
			return err
		}
		w.rows[i].silent = !written
	}
	w.fillReturned()
	return nil
}

// insertRow inserts one row, and reports whether it was written.
func (w *write) insertRow(r *row) (bool, error) {
	switch {
	case w.maps != nil:
		return w.maps.insertAlone(w, slices.IndexFunc(w.rows, func(one row) bool { return one.instance == r.instance }))
	case w.race == nil:
		n, err := w.insertAgain(nil, r.instance)
		return n > 0, err
	case !w.race.notes:
		n, err := w.insertAgain(&w.race.conflict, r.instance)
		return n > 0, err
	}
	noting, err := w.noteFound(w.race.conflict)
	if err != nil {
		return false, err
	}
	if _, err = w.insertAgain(&noting, r.instance); err != nil {
		return false, err
	}
	_, found, err := w.found()
	r.created = found == 0
	return r.created || !w.race.conflict.DoNothing, err
}
