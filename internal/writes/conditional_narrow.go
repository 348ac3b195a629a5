package writes

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/rows"
)

// watch narrows the statement while GORM builds it.
func (w *conditional) watch(first string) {
	if !w.built.watched {
		w.built.watched = true
		w.atBuild(first, w.whileBuilt)
	}
}

// whileBuilt narrows the statement to the announced rows. If no rows were read before, it reads and announces them first.
func (w *conditional) whileBuilt() error {
	f := &w.find
	w.built.begun, w.built.where = true, rows.Conditions(w.stmt)
	if v := w.stmt.ReflectValue; v.Kind() == reflect.Slice {
		w.built.given = v.Len()
	}
	if set, ok := w.stmt.Clauses["SET"].Expression.(clause.Set); ok {
		w.built.set = set
	}
	switch {
	case w.refused(w.stmt.Clauses):
		return nil
	case f.none:
		w.narrowToNone()
		return nil
	}
	if f.late {
		f.read = w.built.where
		if err := w.do.first(); err != nil {
			return err
		}
		w.built.where = rows.Conditions(w.stmt)
	} else if countConditions(w.built.where) != countConditions(f.read) {
		if err := w.lookAgain(); err != nil {
			return err
		}
	}
	if f.cursor != nil && f.cursor.Further() && !w.hasLimit() && w.statements() > f.ran { // other rows may have changed by now
		if err := f.cursor.Again(w.db); err != nil {
			return err
		}
	}
	w.do.restrict()
	w.noteCallers()
	w.stmt.ConnPool = &wholeWrite{w.stmt.ConnPool, w}
	return nil
}

// narrow adds the condition that a row is one of these to the statement that GORM builds. set replaces its assignments, unless it is nil. narrow
// removes a LIMIT, which the read has obeyed.
func (w *conditional) narrow(indexes []int, set clause.Set) {
	f := &w.find
	if len(indexes)*len(w.model.Keys) > maxParameters && f.by != inOneBatch {
		indexes = indexes[:w.batchSize()]
	}
	w.wrote = indexes
	if set != nil {
		w.replaceUntilBuilt("SET", set)
	}
	if one := f.whole && len(indexes) == 1 && len(w.rows) == 1; one || f.loose {
		if len(indexes) == 0 {
			w.narrowToNone()
		}
		return
	}
	exprs := rows.Group(w.built.where)
	if by := w.among(indexes); by != nil {
		exprs = append(exprs, by)
	}
	w.replaceUntilBuilt("WHERE", clause.Where{Exprs: exprs})
	for _, name := range []string{"ORDER BY", "LIMIT"} {
		if _, ok := w.stmt.Clauses[name]; ok && (name == "LIMIT" || !w.dialect().WritesInOrder()) {
			w.replaceUntilBuilt(name, nil)
		}
	}
}

// narrowToNone makes the statement find no row.
func (w *conditional) narrowToNone() {
	w.replaceUntilBuilt("WHERE", clause.Where{Exprs: append(rows.Group(w.built.where), clause.Expr{SQL: "1 = 0"})})
}

// among is the condition that a row is one of these. If they are more than a statement can name, it excludes the others instead.
func (w *conditional) among(indexes []int) clause.Expression {
	if within := w.within(indexes); within != nil {
		return within
	}
	if len(indexes)*len(w.model.Keys) <= maxParameters {
		return w.isOneOf(w.stored(indexes))
	}
	var others []int
	for i := range w.rows {
		if _, in := slices.BinarySearch(indexes, i); !in {
			others = append(others, i)
		}
	}
	if len(others) == 0 {
		return nil
	}
	return clause.Not(w.isOneOf(w.stored(others)))
}

// replaceUntilBuilt replaces the expression of a clause of the statement until GORM has built it, or removes the clause if by is nil.
func (w *conditional) replaceUntilBuilt(name string, by clause.Expression) {
	old, had := w.stmt.Clauses[name]
	if by == nil {
		delete(w.stmt.Clauses, name)
	} else {
		c := old
		c.Name, c.Expression = name, by
		w.stmt.Clauses[name] = c
	}
	w.built.undo = append(w.built.undo, func() {
		delete(w.stmt.Clauses, name)
		if had {
			w.stmt.Clauses[name] = old
		}
	})
}

// all returns the indexes of all rows. Some rows of a DELETE are silent because they are announced as children of others.
func (w *write) all() []int {
	indexes := make([]int, len(w.rows))
	for i := range indexes {
		indexes[i] = i
	}
	return indexes
}

// announced returns the indexes of the rows that are not silent.
func (w *write) announced() []int {
	indexes := make([]int, 0, len(w.rows))
	for i := range w.rows {
		if !w.rows[i].Silent {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// countConditions counts conditions, also those in groups: field types group the existing ones before they add their own.
func countConditions(exprs []clause.Expression) int {
	n := 0
	for _, e := range exprs {
		switch e := e.(type) {
		case clause.AndConditions:
			n += countConditions(e.Exprs)
		case clause.OrConditions:
			n += countConditions(e.Exprs)
		case clause.Where:
			n += countConditions(e.Exprs)
		default:
			n++
		}
	}
	return n
}

// lookAgain silences the rows that do not meet conditions which were added after the rows were read.
func (w *conditional) lookAgain() error {
	f := &w.find
	for _, e := range w.built.where {
		if !slices.ContainsFunc(f.read, func(known clause.Expression) bool { return reflect.DeepEqual(known, e) }) {
			w.built.also = append(w.built.also, e)
		}
	}
	if f.cursor != nil {
		f.cursor.Add(w.built.where, w.built.also)
	}
	if f.loose {
		return w.lookAgainAtRows()
	}
	left := map[string]bool{}
	for some := range slices.Chunk(w.announced(), w.batchSize()) {
		q := rows.Query{Where: append(rows.Group(w.built.where), w.isOneOf(w.stored(some))), KeysOnly: true, Lock: w.lockable()}
		set, err := w.model.Find(w.db, q)
		if err != nil {
			return err
		}
		for _, row := range set.Rows() {
			left[w.model.Identity(w.stmt.Context, row)] = true
		}
	}
	for i := range w.rows {
		r := &w.rows[i]
		r.Silent = r.Silent || !left[w.model.Identity(w.stmt.Context, r.Stored())]
	}
	return nil
}

// lookAgainAtRows is lookAgain for loose rows. It takes equal rows for the same ones.
func (w *conditional) lookAgainAtRows() error {
	set, err := w.model.Find(w.db, rows.Query{Where: w.built.where, Lock: w.lockable()})
	if err != nil {
		return err
	}
	left := set.Rows()
	for i := range w.rows {
		at := slices.IndexFunc(left, func(row reflect.Value) bool { return w.model.Equal(w.stmt.Context, w.rows[i].Stored(), row) })
		if at < 0 {
			w.rows[i].Silent = true
		} else {
			left = slices.Delete(left, at, at+1)
		}
	}
	return nil
}

// further returns the conditions of statements beside GORM's own. It leaves out conditions that look at other rows and have found these rows already:
// what was written since may change their answer.
func (w *conditional) further() []clause.Expression {
	f := &w.find
	if _, from := w.stmt.Clauses["FROM"].Expression.(clause.From); f.cursor == nil || !f.cursor.Further() || (from && rows.Joins(w.stmt)) {
		return rows.Group(w.built.where)
	}
	return rows.Group(w.built.also)
}

// these is the condition that a row is one of these, in statements beside GORM's own. Loose rows are all rows that are left.
func (w *conditional) these(indexes []int) clause.Expression {
	if w.find.loose {
		return w.find.behind
	}
	return w.among(indexes)
}

// within is the condition that a key is between the first and the last one of the batch, beside the conditions that found the batch. It is nil unless
// it selects the same rows as all keys: no statement has come between the read and the write.
func (w *conditional) within(indexes []int) clause.Expression {
	f := &w.find
	if f.cursor == nil || len(indexes) < 2 || len(indexes) != len(w.rows) || len(w.model.Keys) != 1 || !w.dialect().StandsStill() ||
		f.ran == 0 || w.statements() != f.ran || len(w.limits())+len(w.built.also) > 0 || rows.Joins(w.stmt) {
		return nil
	}
	since, ok := f.cursor.Since()
	if !ok || slices.ContainsFunc(w.rows, func(r change.Row) bool { return r.Silent }) {
		return nil
	}
	last, _ := w.model.KeyOf(w.stmt.Context, w.rows[len(w.rows)-1].Stored())
	return rows.Within(w.model.Keys, since, last)
}

// writeRows writes rows of the batch by a statement beside GORM's own and returns how many rows the database has changed. set are its
// assignments.
func (w *conditional) writeRows(indexes []int, set clause.Set) (int64, error) {
	stmt := w.beside(append(w.further(), w.these(indexes)), set)
	if w.db.Error != nil {
		return 0, w.db.Error
	}
	if into := w.returnsInto(); into != nil {
		return w.query(stmt.SQL.String(), stmt.Vars, into)
	}
	return w.execute(stmt.SQL.String(), stmt.Vars)
}

// beside builds a statement beside GORM's own, with the same clauses except its conditions and assignments.
func (w *conditional) beside(where []clause.Expression, set clause.Set) *gorm.Statement {
	from := w.stmt
	stmt := &gorm.Statement{
		DB: w.db, Table: from.Table, TableExpr: from.TableExpr, Schema: from.Schema, Model: from.Model, Context: from.Context,
		ConnPool: from.ConnPool, Unscoped: from.Unscoped, Clauses: maps.Clone(from.Clauses),
	}
	delete(stmt.Clauses, "LIMIT")
	if w.returnsInto() == nil {
		delete(stmt.Clauses, "RETURNING")
	}
	if !w.dialect().WritesInOrder() {
		delete(stmt.Clauses, "ORDER BY")
	}
	if set != nil {
		stmt.Clauses["SET"] = clause.Clause{Name: "SET", Expression: set}
	}
	stmt.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: where}}
	stmt.Build(w.clauseNames()...)
	return stmt
}

// execute runs a statement on the connection of the write and shows it to GORM's logger.
func (w *conditional) execute(sql string, vars []any) (affected int64, err error) {
	begun := time.Now()
	defer func() { w.trace(begun, sql, vars, affected, err) }()
	result, err := w.stmt.ConnPool.ExecContext(w.stmt.Context, sql, vars...)
	if err != nil {
		w.saw(err)
		return 0, err
	}
	affected, err = result.RowsAffected()
	return affected, err
}

// trace shows a statement to GORM's logger.
func (w *write) trace(begun time.Time, sql string, vars []any, affected int64, err error) {
	rows.Trace(w.stmt.Context, w.db, begun, sql, vars, affected, err)
}

// saw reports an error to the transaction of the write.
func (w *write) saw(err error) {
	if tx, _ := pool.Find(w.stmt.ConnPool); tx != nil {
		tx.Saw(err)
	}
}
