package writes

import (
	"reflect"
	"slices"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
)

// Two connections may insert the same new row at once. Both have read that it does not exist. One inserts it, the other updates or skips it, and ON
// CONFLICT does not say which.
//
// On PostgreSQL, an upsert whose rows all look new runs with DO NOTHING. If it inserts fewer rows, another connection has won: the write rolls back
// to a savepoint if some were inserted, reads again, and runs the original upsert. MySQL notes the keys of the rows that it finds in a session
// variable. SQLite has one writer at a time, and needs none of this.

// race is the state of an INSERT that other connections may overtake.
type race struct {
	conflict  clause.OnConflict // as the caller gave it
	fresh     int64             // rows that look new
	savepoint string            // set before the INSERT, so that it can be undone; empty without one
	ran       bool              // the INSERT has run with DO NOTHING
	notes     bool              // MySQL notes the rows that it finds
	returns   bool              // MariaDB returns for each row whether it was found
	token     string            // marks a note, or a found row
	asked     bool              // a statement of its own has begun the note
	found     []bool            // by row: MariaDB has returned that it was found
}

// lateConflict reads the stored rows if another callback has added a conflict clause after pre_save.
func (w *insert) lateConflict() error {
	if w.conflicting {
		return nil
	}
	if _, w.conflicting = w.conflict(); !w.conflicting {
		return nil
	}
	return w.resolveFirst()
}

// maySkip reports whether the conflict clause may leave stored rows alone.
func (w *insert) maySkip() bool {
	conflict, _ := w.conflict()
	return conflict.DoNothing || len(conflict.Where.Exprs) > 0
}

// hasCondition reports whether an upsert has a condition on the stored rows.
func (w *insert) hasCondition() bool {
	conflict, _ := w.conflict()
	return len(conflict.Where.Exprs) > 0
}

// returnsSlice reports whether GORM will read a slice back from the INSERT.
func (w *insert) returnsSlice() bool {
	return w.returns() && w.stmt.ReflectValue.Kind() != reflect.Struct
}

// run makes the INSERT one with DO NOTHING, whose number of rows says whether it has won.
func (w *insert) run() error {
	only := w.onlyInsert(w.race.conflict)
	if w.race.fresh > 1 {
		var err error
		if w.race.savepoint, err = w.setSavepoint("race"); w.race.savepoint == "" {
			return err
		}
	}
	w.race.ran = true
	w.replaceClause("ON CONFLICT", only)
	return nil
}

// onlyInsert returns DO NOTHING for the same conflicts.
func (w *insert) onlyInsert(conflict clause.OnConflict) clause.OnConflict {
	if !conflict.DoNothing && len(conflict.Columns) == 0 && conflict.OnConstraint == "" {
		for _, f := range w.schema.PrimaryFields { // as GORM does for UpdateAll
			conflict.Columns = append(conflict.Columns, clause.Column{Name: f.DBName})
		}
	}
	conflict.DoNothing, conflict.UpdateAll, conflict.DoUpdates, conflict.Where = true, false, nil, clause.Where{}
	return conflict
}

func (w *insert) countFresh() int64 {
	n := int64(0)
	for i := range w.rows {
		if w.rows[i].Created && !w.rows[i].Silent {
			n++
		}
	}
	return n
}

// returns reports whether GORM's INSERT will have RETURNING. GORM then counts the rows of a slice by their keys.
func (w *insert) returns() bool {
	if !slices.Contains(w.db.Callback().Create().Clauses, "RETURNING") {
		return false
	}
	_, asked := w.stmt.Clauses["RETURNING"]
	return asked || len(w.schema.FieldsWithDefaultDBValue) > 0
}

// lost undoes an INSERT that has not written all rows that looked new, and reads the stored rows again.
func (w *insert) lost(wrote int64) error {
	if w.race.savepoint != "" && wrote > 0 {
		if err := w.exec("ROLLBACK TO SAVEPOINT " + w.race.savepoint); err != nil {
			return err
		}
	}
	if err := w.release(); err != nil {
		return err
	}
	w.stmt.Clauses["ON CONFLICT"] = clause.Clause{Name: "ON CONFLICT", Expression: w.race.conflict}
	if err := w.resolveAgain(); err != nil {
		return err
	}
	for i := range w.rows { // the model may not declare what the row conflicts on
		w.rows[i].Created = w.rows[i].Created && wrote > 0
	}
	return nil
}

func (w *insert) release() error {
	name := w.race.savepoint
	if name == "" {
		return nil
	}
	w.race.savepoint = ""
	return w.exec("RELEASE SAVEPOINT " + name)
}

// settleRows finds out which rows the INSERT wrote, and which of them existed before.
func (w *insert) settleRows() error {
	switch {
	case w.race == nil:
		return w.dropSkipped()
	case w.dialect().NotesFound():
		return w.askMySQL()
	case w.race.ran && w.db.RowsAffected == w.race.fresh:
		return w.release()
	case w.race.ran:
		wrote := w.db.RowsAffected
		if err := w.lost(wrote); err != nil {
			return err
		}
		if w.race.conflict.DoNothing && wrote == 0 {
			w.silenceAll()
			return nil
		}
		n, err := w.insertAgain(&w.race.conflict, nil)
		if w.setRowsAffected(n); err != nil {
			return err
		}
	}
	if err := w.dropSkipped(); err != nil {
		return err
	}
	return w.askPostgres() // the conflicting row may be gone again
}

// refersToItself reports whether the check of a foreign key may lock rows of the statement for other rows of it.
func (w *insert) refersToItself() bool {
	all := &w.schema.Relationships
	return slices.ContainsFunc(slices.Concat(all.BelongsTo, all.HasMany, all.HasOne), func(r *schema.Relationship) bool {
		return r.FieldSchema == w.schema
	})
}

// undisturbed reports whether the INSERT is the only statement of the transaction since the stored rows were read. If they were locked, they existed
// when the INSERT ran: no receiver has deleted them.
func (w *insert) undisturbed() bool {
	n := w.statements()
	return n > 0 && n == w.looked+1
}

// hitsLocked reports whether the only row of the INSERT has certainly hit the stored row that was read: that row was locked and has the same key.
func (w *insert) hitsLocked() bool {
	if len(w.rows) != 1 || w.rows[0].Original == nil || !w.undisturbed() || !w.lockable() {
		return false
	}
	ctx, r := w.stmt.Context, &w.rows[0]
	return w.model.Identity(ctx, r.Value()) == w.model.Identity(ctx, r.Stored())
}

// askPostgres finds out which rows of an upsert are new: ON CONFLICT DO UPDATE leaves the mark of its lock, xmax, on a row that it finds, and none on
// a row that it inserts.
func (w *insert) askPostgres() error {
	if !w.dialect().MarksWritten() || w.written == nil || len(w.model.Keys) == 0 || w.refersToItself() || w.hitsLocked() {
		return nil
	}
	if !w.reg.Catalog.Relation(w.db, w.tableName()).Table {
		return nil
	}
	fresh, err := w.keysThat(w.keysOf((*change.Row).Value), clause.Expr{SQL: "xmax = 0"}, false)
	if err != nil {
		return err
	}
	for i := range w.rows {
		r := &w.rows[i]
		if r.Created = fresh[w.model.Identity(w.stmt.Context, r.Value())]; r.Created {
			r.Original = nil
		}
	}
	return nil
}
