package writes

import (
	"maps"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// conditional is a write whose statement finds its rows by conditions: an UPDATE or a DELETE. The UPDATE of a Save names its row by the key, and uses
// only the parts that keep the statement from finding a row.
//
// The write reads its rows before the pre signals, with the conditions that the statement has by then. Callbacks, field types and GORM itself add
// conditions until GORM builds the SQL. At that moment the write adds its own one behind all others: the keys of the announced rows. It never removes
// a condition.
type conditional struct {
	write

	do       batches // nil for a Save
	find     search
	built    built
	giveBack func() // restores the caller's structs; nil if GORM's statement does not fill them
	wrote    []int  // indexes of the rows that GORM's statement writes
	affected int64  // rows that all statements of the write have changed
	touched  bool   // receivers of the pre signal ran statements
	sent     bool   // post signals of the last batch are sent
	serve    serving
}

// batches are the steps in which the kinds of conditional writes differ.
type batches interface {
	first() error                                         // reads the first batch of rows and sends the pre signals
	preBatch(*rows.Set) error                             // takes the rows of a further batch and sends the pre signals
	restrict()                                            // narrows GORM's statement to rows of the batch
	finish() error                                        // writes the rows that GORM's statement has not written
	takeServed(set *rows.Set, from, to int)               // takes rows that the statement has returned
	postBatch() error                                     // sends the post signals
	uncounted(indexes []int, affected int64) bool         // reports whether rows were written without being counted
	silenceUnwritten(indexes []int, affected int64) error // silences rows that the statement has not written
}

// search is how a conditional write finds its rows.
type search struct {
	cursor *rows.Cursor        // reads further batches; nil if there is one row at most
	read   []clause.Expression // conditions that the rows were read with
	behind clause.Expression   // of a loose batch after the first: a further condition that its rows meet
	ran    int                 // statements of the transaction by the time the rows were read

	by    order
	late  bool // the rows are read when GORM builds the statement, not before
	loose bool // a key may match no row or several, so only the statement's own conditions name rows
	none  bool // the statement must find no row
	twice bool // rows of the batch share a key
	whole bool // the key of the one row is the whole condition
}

// built is GORM's statement as GORM builds it.
type built struct {
	names   []string            // the clauses that it is built of
	where   []clause.Expression // its conditions
	also    []clause.Expression // those of its conditions that the rows were not read with
	set     clause.Set          // its assignments
	given   int                 // elements of the caller's slice
	undo    []func()            // restores the clauses that were replaced meanwhile
	begun   bool                // GORM has begun to build it
	watched bool                // whileBuilt will be called
}

// scratch returns a copy of the statement with the clauses of field types, to find out what GORM will make of it. Changes of the copy reach neither
// the statement, nor the caller's values, nor the database.
func (w *conditional) scratch(adds []clause.Interface) *gorm.Statement {
	stmt := w.copied()
	for _, c := range adds {
		stmt.AddClause(c)
	}
	return stmt
}

// copied returns a copy of the statement that shares nothing with it that GORM or a field type may change.
func (w *conditional) copied() *gorm.Statement {
	from := w.stmt
	stmt := &gorm.Statement{
		DB: &gorm.DB{Config: w.db.Config}, Schema: from.Schema, Table: from.Table, TableExpr: from.TableExpr, Context: from.Context,
		ConnPool: from.ConnPool, Dest: from.Dest, Model: from.Model, Selects: from.Selects, Omits: from.Omits, Unscoped: from.Unscoped,
		SkipHooks: from.SkipHooks, ReflectValue: detached(from.ReflectValue), Clauses: maps.Clone(from.Clauses),
	}
	stmt.Statement = stmt
	delete(stmt.Clauses, writeClause)
	delete(stmt.Clauses, "UPDATE")
	if w.plainScope() && !w.deletes() { // a soft delete sets its column
		return stmt
	}
	from.Settings.Range(func(key, value any) bool { // GORM itself does not read them here
		stmt.Settings.Store(key, value)
		return true
	})
	switch dest := from.Dest.(type) { // field types may set columns
	case map[string]any:
		stmt.Dest = maps.Clone(dest)
	default:
		v := reflect.ValueOf(dest)
		switch {
		case v.Kind() != reflect.Pointer || v.IsNil():
		case sameValue(from.Dest, from.Model) && stmt.ReflectValue.CanAddr():
			stmt.Dest = stmt.ReflectValue.Addr().Interface()
			stmt.Model = stmt.Dest
		default:
			if copied := detached(v.Elem()); copied.CanAddr() {
				stmt.Dest = copied.Addr().Interface()
			}
		}
	}
	return stmt
}

// plainScope reports whether the field types of the model add only the condition of gorm.DeletedAt to statements.
func (w *write) plainScope() bool {
	s := w.schema
	for _, c := range s.QueryClauses {
		if _, ok := c.(gorm.SoftDeleteQueryClause); !ok {
			return false
		}
	}
	for _, c := range s.UpdateClauses {
		if _, ok := c.(gorm.SoftDeleteUpdateClause); !ok {
			return false
		}
	}
	for _, c := range s.DeleteClauses {
		if _, ok := c.(gorm.SoftDeleteDeleteClause); !ok {
			return false
		}
	}
	n := len(s.QueryClauses)
	return n <= 1 && len(s.UpdateClauses) == n && len(s.DeleteClauses) == n
}

// refused reports whether GORM will refuse a statement with these clauses because it has no condition.
func (w *write) refused(clauses map[string]clause.Clause) bool {
	if w.db.AllowGlobalUpdate {
		return false
	}
	c, ok := clauses["WHERE"]
	if _, scoped := clauses[softDeleteMark]; scoped {
		where, _ := c.Expression.(clause.Where)
		return len(where.Exprs) <= 1
	}
	return !ok
}

// softDeleteMark is the clause by which GORM remembers that a statement leaves soft-deleted rows out.
const softDeleteMark = "soft_delete_enabled"

// order is how a conditional write goes through its rows.
type order int

const (
	inBatches order = iota
	keysFirst       // in batches, but all keys are read before the first row is written
	inOneBatch
)

// firstBatch reads the first batch of rows. key is nil unless it is the statement's whole condition.
func (w *conditional) firstBatch(q rows.Query, key []any) (*rows.Set, error) {
	f := &w.find
	_, from := w.stmt.Clauses["FROM"]
	if f.whole = key != nil && !from && !w.hasLimit(); f.whole {
		if w.ownTable() {
			q.Scoped = !w.stmt.Unscoped
			return w.model.ByKey(w.db, key, q)
		}
		set, err := w.allAtOnce(q) // rows of another table may share the key
		f.whole = err == nil && set.Len() <= 1
		f.loose = !f.whole
		return set, err
	}
	var err error
	if f.loose, err = w.looseKeys(q); err != nil {
		return nil, err
	}
	if f.loose {
		return w.allAtOnce(q)
	}
	_, returning := w.stmt.Clauses["RETURNING"]
	if returning {
		f.by = inOneBatch
	}
	if w.hasLimit() || f.by == keysFirst {
		f.cursor, err = w.model.Only(w.db, q, w.batchSize(), w.limits())
	} else {
		f.cursor = w.model.Walk(q, w.batchSize(), f.by == inOneBatch)
	}
	if err != nil {
		return nil, err
	}
	set, err := f.cursor.Next(w.db)
	f.ran = w.statements()
	if err == nil && (set.Loose() || f.cursor.Loose() || w.repeats(set)) {
		f.loose = true
		return w.allAtOnce(q)
	}
	return set, err
}

// allAtOnce reads all rows of the statement in one batch, in the statement's order.
func (w *conditional) allAtOnce(q rows.Query) (*rows.Set, error) {
	q.KeysOnly = false
	q.Extra = append(q.Extra, w.limits()...)
	set, err := w.model.Find(w.db, q)
	w.find.cursor = nil
	if err == nil {
		w.seekTwice(set)
	}
	return set, err
}

// rest reads a further batch that is loose, together with all rows after it.
func (w *conditional) rest() (*rows.Set, error) {
	f := &w.find
	set, behind, err := f.cursor.Rest(w.db)
	f.cursor, f.loose, f.behind = nil, true, behind
	if err == nil {
		w.seekTwice(set)
	}
	return set, err
}

// seekTwice finds out whether rows of a batch share a key.
func (w *conditional) seekTwice(set *rows.Set) {
	seen := make(map[string]bool, set.Len())
	for _, row := range set.Rows() {
		id := w.model.Identity(w.stmt.Context, row)
		w.find.twice = w.find.twice || seen[id]
		seen[id] = true
	}
}

// looseKeys reports whether the primary key may not name exactly one row: there is none, its values read back differently than they are written, or
// the statement names another table than the model. A table of the same name in another schema counts as the model's table, unless rows share a key
// there.
func (w *conditional) looseKeys(q rows.Query) (bool, error) {
	switch {
	case !w.plan.Steady || rows.Bare(w.tableName()) != rows.Bare(w.schema.Table):
		return true, nil
	case w.ownTable() || rows.Joins(w.stmt): // a join may find a row several times
		return false, nil
	}
	by := clause.GroupBy{Having: []clause.Expression{clause.Expr{SQL: "COUNT(*) > 1"}}}
	for _, f := range w.model.Keys {
		by.Columns = append(by.Columns, clause.Column{Name: f.DBName})
	}
	set, err := w.model.Find(w.db, rows.Query{Where: q.Where, KeysOnly: true, Limit: 1, Extra: []clause.Interface{by}})
	return err == nil && set.Len() > 0, err
}

// repeats reports whether a batch in key order has a key twice.
func (w *conditional) repeats(set *rows.Set) bool {
	for i := 1; i < set.Len(); i++ {
		if !slices.ContainsFunc(w.model.Keys, func(f *schema.Field) bool { return !rows.Same(w.stmt.Context, f, set.Row(i-1), set.Row(i)) }) {
			return true
		}
	}
	return false
}

// batchSize is how many rows a statement may name by their keys.
func (w *write) batchSize() int {
	return w.reg.perStatement(len(w.model.Keys))
}

// hasLimit reports whether the statement has a LIMIT or an ORDER BY that the dialect obeys.
func (w *conditional) hasLimit() bool { return len(w.limits()) > 0 }

func (w *conditional) limits() []clause.Interface {
	var found []clause.Interface
	for _, name := range []string{"ORDER BY", "LIMIT"} {
		if c, ok := w.stmt.Clauses[name].Expression.(clause.Interface); ok && slices.Contains(w.clauseNames(), name) {
			found = append(found, c)
		}
	}
	return found
}

// clauseNames returns the clauses of which the statement is built. A soft delete is an UPDATE.
func (w *conditional) clauseNames() []string {
	if w.built.names != nil {
		return w.built.names
	}
	return w.stmt.BuildClauses
}
