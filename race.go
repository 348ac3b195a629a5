package signals

import (
	"database/sql"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// Two connections may insert the same new row at once. Both have read that it is not there, one inserts it and the other updates or
// skips it, and with ON CONFLICT the database does not say which. So an upsert of rows that are all new runs as DO NOTHING, whose
// number of rows says whether it won, and as what it was when it did not. Where the number is not enough, what was
// tried is rolled back to a savepoint and looked at again. SQLite has one writer at a time, and needs none of this.

const raceSavepoint = "signals_race"

// race is what a write keeps of an INSERT that others may overtake.
type race struct {
	conflict  clause.OnConflict // as the caller gave it
	fresh     int64             // rows that are thought to be new
	savepoint bool
	settled   bool
}

// enterRace runs right before an INSERT.
func (r *registry) enterRace(db *gorm.DB) {
	w := writeOf(db)
	if w == nil || db.Error != nil || !w.conflicting || w.maps != nil || (db.Name() != "postgres" && db.Name() != "mysql") {
		return
	}
	conflict, ok := w.stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if !ok {
		return
	}
	w.race = &race{conflict: conflict, fresh: w.countFresh()}
	all := w.race.fresh == int64(len(w.rows))
	if w.race.fresh == 0 || (!conflict.DoNothing && !all) || (w.returns() && db.Name() == "postgres" && w.stmt.ReflectValue.Kind() != reflect.Struct) {
		return
	}
	_ = db.AddError(w.run())
}

// run makes the INSERT one that tells whether it won.
func (w *write) run() error {
	only := w.onlyInsert(w.race.conflict)
	if w.race.fresh > 1 {
		if err := w.savepoint("SAVEPOINT "); err != nil {
			return err
		}
		w.race.savepoint = true
	}
	if w.returns() && w.db.Name() == "mysql" {
		return w.insertThenSelect(only)
	}
	w.replaceClause("ON CONFLICT", only)
	return nil
}

func (w *write) savepoint(does string) error {
	return w.db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Exec(does + raceSavepoint).Error
}

// onlyInsert returns what to do about the same conflicts, which is nothing.
func (w *write) onlyInsert(conflict clause.OnConflict) clause.OnConflict {
	if !conflict.DoNothing && len(conflict.Columns) == 0 && conflict.OnConstraint == "" {
		for _, f := range w.schema.PrimaryFields { // as GORM does for UpdateAll
			conflict.Columns = append(conflict.Columns, clause.Column{Name: f.DBName})
		}
	}
	conflict.DoNothing, conflict.UpdateAll, conflict.DoUpdates, conflict.Where = true, false, nil, clause.Where{}
	return conflict
}

func (w *write) countFresh() int64 {
	n := int64(0)
	for i := range w.rows {
		if w.rows[i].created && !w.rows[i].silent {
			n++
		}
	}
	return n
}

// returns reports whether GORM will ask the INSERT for RETURNING. PostgreSQL returns the rows that it inserts; MariaDB returns those
// that it leaves alone as well, so that their number says nothing.
func (w *write) returns() bool {
	if !slices.Contains(w.db.Callback().Create().Clauses, "RETURNING") {
		return false
	}
	_, asked := w.stmt.Clauses["RETURNING"]
	return asked || len(w.schema.FieldsWithDefaultDBValue) > 0
}

// insertThenSelect runs the INSERT without RETURNING. When it won, it leaves GORM a SELECT of what RETURNING would have given.
func (w *write) insertThenSelect(only clause.OnConflict) error {
	made := w.madeKey()
	if made == nil && !w.allKeyed() {
		return w.release() // some keys are given and others made: nothing tells which row got which
	}
	wrote, result, err := w.insertOnly(only)
	if err != nil {
		return err
	}
	if wrote != w.race.fresh {
		return w.lost(wrote)
	}
	w.race.settled = true
	if made != nil {
		first, err := result.LastInsertId()
		if err != nil {
			return err
		}
		for i := range w.rows { // GORM counts them in the same way where there is no RETURNING
			if err := made.Set(w.stmt.Context, w.rows[i].value(), first+int64(i)*max(made.AutoIncrementIncrement, 1)); err != nil {
				return err
			}
		}
	}
	if err := w.release(); err != nil {
		return err
	}
	return w.selectInserted()
}

// insertOnly runs the INSERT of the statement without RETURNING, and returns how many rows it wrote.
func (w *write) insertOnly(only clause.OnConflict) (int64, sql.Result, error) {
	stmt := w.db.Session(&gorm.Session{SkipHooks: true}).Statement
	stmt.SQL.Reset()
	stmt.Vars = nil
	stmt.AddClauseIfNotExists(clause.Insert{})
	stmt.AddClause(callbacks.ConvertToCreateValues(stmt))
	stmt.AddClause(only)
	stmt.Build("INSERT", "VALUES", "ON CONFLICT")
	result := gorm.WithResult()
	tx := w.db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Clauses(result).Exec(stmt.SQL.String(), stmt.Vars...)
	return tx.RowsAffected, result.Result, tx.Error
}

// madeKey returns the key column when the database makes the keys of all rows.
func (w *write) madeKey() *schema.Field {
	f := w.schema.PrioritizedPrimaryField
	if f == nil || !f.AutoIncrement || len(w.model.Keys) != 1 {
		return nil
	}
	for i := range w.rows {
		if rows.Valued(w.stmt.Context, f, w.rows[i].value()) {
			return nil
		}
	}
	return f
}

func (w *write) allKeyed() bool {
	for i := range w.rows {
		if _, set := w.model.KeyOf(w.stmt.Context, w.rows[i].value()); !set {
			return false
		}
	}
	return len(w.model.Keys) > 0
}

// selectInserted makes the statement a SELECT of the columns that the database fills in, in the order of the rows.
func (w *write) selectInserted() error {
	keys := make([][]any, len(w.rows))
	order := make([]any, 0, len(w.rows)+1)
	for i := range w.rows {
		keys[i], _ = w.model.KeyOf(w.stmt.Context, w.rows[i].value())
	}
	columns := make([]clause.Column, 0, len(w.schema.FieldsWithDefaultDBValue))
	if asked, ok := w.stmt.Clauses["RETURNING"].Expression.(clause.Returning); ok {
		columns = asked.Columns
	} else {
		for _, f := range w.schema.FieldsWithDefaultDBValue {
			columns = append(columns, clause.Column{Name: f.DBName})
		}
	}
	stmt := &gorm.Statement{DB: w.db, Schema: w.schema, Table: w.stmt.Table, Context: w.stmt.Context, Clauses: map[string]clause.Clause{}}
	stmt.AddClause(clause.Select{Columns: columns})
	stmt.AddClause(clause.From{})
	stmt.AddClause(clause.Where{Exprs: []clause.Expression{rows.In(w.db.Name(), w.model.Keys, keys)}})
	if len(keys) > 1 && len(w.model.Keys) == 1 {
		order = append(order, clause.Column{Table: clause.CurrentTable, Name: w.model.Keys[0].DBName})
		for _, k := range keys {
			order = append(order, k[0])
		}
		stmt.AddClause(clause.OrderBy{Expression: clause.Expr{SQL: "FIELD(?)", Vars: []any{order}, WithoutParentheses: true}})
	}
	stmt.Build("SELECT", "FROM", "WHERE", "ORDER BY")
	w.stmt.SQL.WriteString(stmt.SQL.String())
	w.stmt.Vars = stmt.Vars
	w.restore = append(w.restore, func() { w.stmt.SQL.Reset() })
	if _, asked := w.stmt.Clauses["RETURNING"]; !asked {
		w.replaceClause("RETURNING", clause.Returning{Columns: columns})
	}
	return nil
}

// lost looks again after an INSERT that did not write all rows that were thought to be new.
func (w *write) lost(wrote int64) error {
	if w.race.savepoint && wrote > 0 {
		if err := w.savepoint("ROLLBACK TO SAVEPOINT "); err != nil {
			return err
		}
	}
	if err := w.release(); err != nil {
		return err
	}
	w.conflicts, w.loaded, w.race.settled = "", false, true
	if err := w.resolveConflicts(); err != nil {
		return err
	}
	for i := range w.rows { // what it conflicts with may be nothing that the model declares
		w.rows[i].created = w.rows[i].created && wrote > 0
	}
	return nil
}

func (w *write) release() error {
	if !w.race.savepoint {
		return nil
	}
	w.race.savepoint = false
	return w.savepoint("RELEASE SAVEPOINT ")
}

// leaveRace runs right after an INSERT, before anything refers to its rows.
func (r *registry) leaveRace(db *gorm.DB) {
	w := writeOf(db)
	if w != nil && w.race != nil && db.Error == nil && db.AddError(w.settle()) != nil {
		return
	}
	if w == nil || w.plan.marks {
		r.saveLinks(db)
	}
}

// settle finds out which rows others have inserted in the meantime.
func (w *write) settle() error {
	race := w.race
	only, _ := w.stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	switch {
	case race.settled:
		return nil
	case !only.DoNothing || (w.returns() && w.stmt.ReflectValue.Kind() != reflect.Struct):
		return w.askPostgres()
	case w.db.RowsAffected == race.fresh:
		return w.release()
	}
	wrote := w.db.RowsAffected
	if err := w.lost(wrote); err != nil {
		return err
	}
	if race.conflict.DoNothing && wrote == 0 {
		for i := range w.rows {
			w.rows[i].silent = true
		}
		return nil
	}
	return w.insert(race.conflict, slices.Concat(w.stmt.Omits, []string{clause.Associations}))
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

// refersToItself reports whether foreign keys may lock rows of the statement for other rows of it.
func (w *write) refersToItself() bool {
	return slices.ContainsFunc(w.schema.Relationships.BelongsTo, func(r *schema.Relationship) bool { return r.FieldSchema == w.schema }) ||
		slices.ContainsFunc(w.schema.Relationships.HasMany, func(r *schema.Relationship) bool { return r.FieldSchema == w.schema }) ||
		slices.ContainsFunc(w.schema.Relationships.HasOne, func(r *schema.Relationship) bool { return r.FieldSchema == w.schema })
}

// askPostgres looks which rows of an upsert are new: PostgreSQL leaves the mark of a lock on a row that ON CONFLICT DO UPDATE has
// found, and none on one that it has inserted.
func (w *write) askPostgres() error {
	if w.db.Name() != "postgres" || w.written == nil || len(w.model.Keys) == 0 || w.refersToItself() {
		return nil
	}
	if !w.reg.catalog.Relation(w.db, w.stmt.Table).Table {
		return nil
	}
	var keys [][]any
	for i := range w.rows {
		if key, set := w.model.KeyOf(w.stmt.Context, w.rows[i].value()); set && !w.rows[i].silent {
			keys = append(keys, key)
		}
	}
	fresh := map[string]bool{}
	for some := range slices.Chunk(keys, w.reg.BatchSize) {
		q := rows.Query{Where: []clause.Expression{rows.In("postgres", w.model.Keys, some), clause.Expr{SQL: "xmax = 0"}}, KeysOnly: true}
		set, err := w.model.Find(w.db, q)
		if err != nil {
			return err
		}
		for _, v := range set.Rows() {
			fresh[w.model.Identity(w.stmt.Context, v)] = true
		}
	}
	for i := range w.rows {
		r := &w.rows[i]
		if r.created = fresh[w.model.Identity(w.stmt.Context, r.value())]; r.created {
			r.original = nil
		}
	}
	return nil
}
