package signals

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/rows"
)

// Two connections may insert the same new row at once with ON CONFLICT DO UPDATE. Both have read that it is not there, one inserts it
// and the other updates it, and the database does not say which. So an upsert of rows that are all new runs as DO NOTHING,
// whose number of rows says whether it won, and as what it was when it did not.

// insertFirst makes an upsert of new rows one that only inserts, where its number of rows can be trusted.
func (w *write) insertFirst() {
	conflict, ok := w.stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if !ok || conflict.DoNothing || !w.allNew() || !w.counts() {
		return
	}
	w.upsert = &conflict
	w.replaceClause("ON CONFLICT", w.onlyInsert(conflict))
}

// onlyInsert returns what to do about the same conflicts, which is nothing.
func (w *write) onlyInsert(conflict clause.OnConflict) clause.OnConflict {
	conflict.DoNothing, conflict.UpdateAll, conflict.DoUpdates, conflict.Where = true, false, nil, clause.Where{}
	if len(conflict.Columns) == 0 && conflict.OnConstraint == "" {
		for _, f := range w.schema.PrimaryFields { // as GORM does for UpdateAll
			conflict.Columns = append(conflict.Columns, clause.Column{Name: f.DBName})
		}
	}
	return conflict
}

func (w *write) allNew() bool {
	for i := range w.rows {
		if !w.rows[i].created || w.rows[i].silent {
			return false
		}
	}
	return len(w.rows) > 0
}

// counts reports whether GORM will count the rows that DO NOTHING inserts. With RETURNING it counts those of a slice by their keys.
func (w *write) counts() bool {
	if w.maps != nil || (w.db.Name() != "postgres" && w.db.Name() != "mysql") { // SQLite has one writer at a time
		return false
	}
	_, returning := w.stmt.Clauses["RETURNING"]
	returning = returning || len(w.schema.FieldsWithDefaultDBValue) > 0
	return w.stmt.ReflectValue.Kind() == reflect.Struct || !returning || !slices.Contains(w.stmt.BuildClauses, "RETURNING")
}

// inserted runs right after an INSERT, before anything refers to its rows.
func (r *registry) inserted(db *gorm.DB) {
	w := writeOf(db)
	if w != nil && db.Error == nil && db.AddError(w.settle()) != nil {
		return
	}
	if w == nil || w.plan.marks {
		r.saveLinks(db)
	}
}

// settle finds out which rows of an upsert others have inserted in the meantime.
func (w *write) settle() error {
	switch {
	case !w.conflicting:
	case w.upsert != nil && w.db.RowsAffected < int64(len(w.rows)):
		w.conflicts, w.loaded = "", false
		conflict := *w.upsert
		w.stmt.Clauses["ON CONFLICT"] = clause.Clause{Name: "ON CONFLICT", Expression: conflict}
		if err := w.resolveConflicts(); err != nil {
			return err
		}
		return w.insert(conflict, slices.Concat(w.stmt.Omits, []string{clause.Associations}))
	case w.upsert == nil && w.written != nil && w.update == nil && w.db.Name() == "postgres":
		return w.askPostgres()
	}
	return nil
}

// insert runs the INSERT of the statement by itself, without hooks and signals.
func (w *write) insert(conflict clause.OnConflict, omits []string) error {
	tx := w.db.Session(&gorm.Session{SkipHooks: true})
	stmt := tx.Statement
	stmt.SQL.Reset()
	stmt.Vars = nil
	delete(stmt.Clauses, writeClause)
	stmt.Settings.Delete("gorm:saved_association_map")
	stmt.Omits = omits
	tx = tx.Clauses(conflict).Create(stmt.Dest)
	w.setRowsAffected(tx.RowsAffected)
	return tx.Error
}

// askPostgres looks which of the rows that were thought to be new are not: PostgreSQL leaves the mark of a lock on a row that
// ON CONFLICT DO UPDATE has found, and none on one that it has inserted.
func (w *write) askPostgres() error {
	var keys [][]any
	for i := range w.rows {
		if r := &w.rows[i]; r.created && !r.silent {
			if key, set := w.model.KeyOf(w.stmt.Context, r.value()); set {
				keys = append(keys, key)
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	found := map[string]bool{}
	q := rows.Query{Where: []clause.Expression{rows.In("postgres", w.model.Keys, keys), clause.Expr{SQL: "xmax <> 0"}}, KeysOnly: true}
	set, err := w.model.Find(w.db, q)
	if err != nil {
		return err
	}
	for _, v := range set.Rows() {
		found[w.model.Identity(w.stmt.Context, v)] = true
	}
	for i := range w.rows {
		if r := &w.rows[i]; found[w.model.Identity(w.stmt.Context, r.value())] {
			r.created = false
		}
	}
	return nil
}
