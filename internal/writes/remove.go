package writes

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/rows"
)

// remove is a write of a DELETE, or of the UPDATE of a soft delete.
type remove struct {
	conditional

	soft  bool       // the rows stay, marked as deleted
	below *cascading // the children of the batch
}

// PreDelete finds the rows of a DELETE and sends pre_delete for their first batch. If GORM would refuse the statement as it is now, other callbacks
// may add a condition before GORM builds it: the write then finds its rows at that moment.
func (r *Engine) PreDelete(db *gorm.DB) {
	p := r.planOfHooked(db)
	if p == nil || !p.Listens(dispatch.PreDelete, dispatch.PostDelete) {
		r.unheard(db)
		return
	}
	if w := start[remove](r, db, p, dispatch.PreDelete, dispatch.PostDelete); w != nil {
		_ = db.AddError(w.before())
	}
}

// before sends pre_delete for the first batch, if its rows can be found now.
func (w *remove) before() error {
	w.do = w
	allowed := w.foreseeDelete()
	if !w.plan.ListensToDeletes() {
		if below, err := w.hasBelow(); !below || err != nil {
			return err
		}
	}
	*w.facts = w.statementFacts()
	w.facts.Result, w.facts.Soft = change.Deleted, w.soft
	attach(w)
	first := "DELETE"
	if w.soft {
		first = "UPDATE"
	}
	w.watch(first)
	if w.serve.may = w.mayServe(); w.serve.may || !allowed {
		w.find.late = true
		return nil
	}
	return w.first()
}

// foreseeDelete finds out which conditions GORM will add, and whether a field type turns the DELETE into an UPDATE. It reports false if GORM would
// refuse the statement.
func (w *remove) foreseeDelete() bool {
	stmt := w.stmt
	if len(w.schema.DeleteClauses) > 0 {
		stmt = w.scratch(w.schema.DeleteClauses)
		if w.soft = stmt.SQL.Len() > 0; w.soft {
			w.built.names = w.db.Callback().Update().Clauses
		}
	}
	w.find.read = rows.Conditions(stmt)
	if w.soft {
		return stmt.Error == nil && !w.refused(stmt.Clauses)
	}
	w.find.read = append(w.find.read, w.deleteKeys()...)
	return stmt.Error == nil && (len(w.find.read) > 0 || w.db.AllowGlobalUpdate)
}

// first reads the first batch of rows, and sends pre_delete for it.
func (w *remove) first() error {
	if served, err := w.serveReceivers(); served || err != nil {
		return err
	}
	from, clears := w.deletedBy()
	w.find.by = w.deleteOrder(from != nil)
	if err := w.openLinks(from, clears); err != nil {
		return err
	}
	if err := w.begin(); err != nil {
		return err
	}
	q := rows.Query{Where: w.find.read, Lock: w.lockable(), KeysOnly: w.plan.Needs.Delete == dispatch.Keys && len(w.model.Keys) > 0}
	set, err := w.firstBatch(q, w.deleteKey())
	if err != nil {
		return err
	}
	if err = w.guardSeveral(); err != nil {
		return err
	}
	if w.selects() && !w.find.late { // GORM deletes the selected children first
		w.takeDeleted(set)
		return w.sendPre(dispatch.PreDelete)
	}
	return w.preBatch(set)
}

// build sends pre_delete for the children of a delete with Select. It comes this late because GORM deletes the selected children first.
func (w *remove) build() error {
	switch {
	case w.builtByOthers():
		return w.first()
	case !w.selects():
		return nil
	}
	if err := w.preCascade(true); err != nil {
		return err
	}
	return w.below.sweep()
}

// restrict narrows the statement that GORM builds to all rows of the batch.
func (w *remove) restrict() {
	if w.serve.on {
		w.limitServed()
		return
	}
	w.narrow(w.all(), nil)
}

// ran runs after GORM's DELETE.
func (w *remove) ran() { w.ranStatement() }

// finish deletes rows of the batch that GORM's statement has not deleted.
func (w *remove) finish() error {
	left := slices.DeleteFunc(w.all(), func(i int) bool { return contains(w.wrote, i) })
	return w.writeInTurns(left, w.built.set)
}

// after sends post_delete for the last batch.
func (w *remove) after() {
	switch {
	case !w.stands() || w.sent:
	case w.fail(w.postBatch()):
		w.setRowsAffected(0)
	case w.below.gone() > 0:
		w.setRowsAffected(w.affected)
	}
}

// preBatch takes the rows of a batch, and sends pre_delete for their children and then for them.
func (w *remove) preBatch(set *rows.Set) error {
	w.takeDeleted(set)
	if err := w.preCascade(false); err != nil {
		return err
	}
	if err := w.sendPre(dispatch.PreDelete); err != nil {
		return err
	}
	return w.below.sweep()
}

// postBatch sends post_delete for the children of a deleted batch and then for its rows.
func (w *remove) postBatch() error {
	if err := w.below.finish(); err != nil {
		return err
	}
	w.affected += w.below.gone()
	return w.sendPost(dispatch.PostDelete)
}

// statements returns how many statements the transaction of the write has run, 0 outside any transaction.
func (w *write) statements() int {
	if tx, _ := pool.Find(w.stmt.ConnPool); tx != nil {
		return tx.Statements()
	}
	return 0
}

// sendPre sends a pre signal for stored rows, and silences those that its receivers deleted meanwhile.
func (w *conditional) sendPre(k dispatch.Kind) error {
	before := w.statements()
	if err := w.send(k, &w.pre); err != nil {
		return err
	}
	if w.touched = w.statements() > before; w.touched {
		if err := w.silence(false); err != nil {
			return err
		}
	}
	return w.sendLinks(false)
}

func (w *write) silenceAll() {
	for i := range w.rows {
		w.rows[i].Silent = true
	}
}

// silence silences the rows that are stored now, or those that are not.
func (w *write) silence(stored bool) error {
	if len(w.model.Keys) == 0 {
		return nil
	}
	there, err := w.readKeys((*change.Row).Stored, true)
	if err != nil {
		return err
	}
	for i := range w.rows {
		_, ok := there[w.model.Identity(w.stmt.Context, w.rows[i].Stored())]
		w.rows[i].Silent = w.rows[i].Silent || ok == stored
	}
	return nil
}

func (w *remove) takeDeleted(set *rows.Set) {
	w.room(set.Len())
	for i := range set.Len() {
		w.add(set.Row(i), false)
	}
}

// deleteKeys returns the conditions that GORM makes of the keys in Dest and Model.
func (w *remove) deleteKeys() []clause.Expression {
	stmt := w.stmt
	exprs := w.keysIn(stmt.ReflectValue)
	if stmt.ReflectValue.CanAddr() && stmt.Model != nil && !sameValue(stmt.Dest, stmt.Model) {
		exprs = append(exprs, w.keysIn(reflect.ValueOf(stmt.Model))...)
	}
	return exprs
}

func (w *write) keysIn(v reflect.Value) []clause.Expression {
	_, keys := schema.GetIdentityFieldValuesMap(w.stmt.Context, v, w.schema.PrimaryFields)
	if len(keys) == 0 {
		return nil
	}
	column, values := schema.ToQueryValues(w.stmt.Table, w.schema.PrimaryFieldDBNames, keys)
	return []clause.Expression{clause.IN{Column: column, Values: values}}
}

// deleteKey returns the key of a delete whose whole condition is one key, or nil.
func (w *remove) deleteKey() []any {
	conditions := len(w.find.read)
	if w.soft {
		conditions -= len(w.schema.DeleteClauses)
	}
	if conditions != 1 || !w.plainScope() || len(rows.Conditions(w.stmt)) > 0 || w.stmt.ReflectValue.Kind() != reflect.Struct {
		return nil
	}
	key, set := w.model.KeyOf(w.stmt.Context, w.stmt.ReflectValue)
	if !set {
		return nil
	}
	return key
}

// isOneOf is the condition that a stored row is one of the rows, by the key that it had before the write.
func (w *write) isOneOf(stored []reflect.Value) clause.Expression {
	if len(w.model.Keys) == 0 {
		return nil
	}
	keys := make([][]any, len(stored))
	for i := range keys {
		keys[i], _ = w.model.KeyOf(w.stmt.Context, stored[i])
	}
	return rows.In(w.db.Name(), w.model.Keys, keys)
}

// keyed returns a session for writing rows by key, without hooks and signals.
func (w *write) keyed(rowsOnly clause.Expression) *gorm.DB {
	tx := w.db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Where(rowsOnly)
	tx.Statement.Table, tx.Statement.TableExpr, tx.Statement.Unscoped = w.stmt.Table, w.stmt.TableExpr, w.stmt.Unscoped
	return tx
}

func contains(indexes []int, i int) bool {
	_, in := slices.BinarySearch(indexes, i)
	return in
}

// sameValue reports whether Dest and Model are one pointer. Other kinds of values are never the same.
func sameValue(dest, model any) bool {
	d, m := reflect.ValueOf(dest), reflect.ValueOf(model)
	return d.Kind() == reflect.Pointer && m.Kind() == reflect.Pointer && d.Type() == m.Type() && d.Pointer() == m.Pointer()
}
