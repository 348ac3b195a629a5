package signals

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/rows"
)

// preDelete finds the rows that a DELETE concerns, sends pre_delete for the first batch of them and narrows the statement
// to it.
func (r *registry) preDelete(db *gorm.DB) {
	w := r.start(db, preDelete, postDelete)
	if w == nil {
		return
	}
	own := w.deleteKeys()
	conditions := append(rows.Conditions(w.stmt), own...)
	if len(conditions) == 0 && !db.AllowGlobalUpdate {
		return // GORM refuses it
	}
	w.deletes, w.soft = true, !w.stmt.Unscoped && len(w.schema.DeleteClauses) > 0
	if !w.plan.hearsDeletes() {
		if below, err := w.hasBelow(); !below || db.AddError(err) != nil {
			return
		}
	}
	w.attach()
	from, clears := w.deletedBy()
	if db.AddError(w.openLinks(from, clears)) != nil || db.AddError(w.begin()) != nil {
		return
	}
	q := rows.Query{Where: conditions, Scoped: !w.stmt.Unscoped, Lock: w.lockable(), KeysOnly: w.plan.deleteNeed == Keys && len(w.model.Keys) > 0}
	set, err := w.firstBatch(q, w.deleteKey(own), w.deleteOrder(from != nil))
	if db.AddError(err) != nil {
		return
	}
	w.takeDeleted(set)
	send := w.preBatchDelete
	if w.selects() {
		send = func() error { return w.sendPre(preDelete) }
	}
	if db.AddError(send()) != nil {
		return
	}
	w.narrow(w.isOneOf(set.Rows()))
}

// postDelete sends post_delete for the batch that GORM deleted, and then resolves and deletes further ones.
func (r *registry) postDelete(db *gorm.DB) {
	saw(db)
	w := writeOf(db)
	if w == nil {
		return
	}
	defer w.close()
	if db.Error != nil {
		return
	}
	affected := db.RowsAffected
	defer func() {
		if db.Error != nil {
			affected = 0
		}
		w.setRowsAffected(affected)
	}()
	if db.AddError(w.silenceKept(affected)) != nil {
		return
	}
	if db.AddError(w.postBatchDelete()) != nil {
		return
	}
	affected += w.below.gone()
	for w.cursor != nil {
		set, err := w.cursor.Next(db)
		if db.AddError(err) != nil || set.Len() == 0 {
			return
		}
		w.takeDeleted(set)
		if db.AddError(w.preBatchDelete()) != nil {
			return
		}
		tx := w.keyed(w.isOneOf(set.Rows())).Delete(reflect.New(w.schema.ModelType).Interface())
		affected += tx.RowsAffected
		if db.AddError(tx.Error) != nil || db.AddError(w.silenceKept(tx.RowsAffected)) != nil || db.AddError(w.postBatchDelete()) != nil {
			return
		}
		affected += w.below.gone()
	}
}

// preBatchDelete sends pre_delete for what goes with the rows of a batch and for the rows themselves.
func (w *write) preBatchDelete() error {
	if err := w.preCascade(false); err != nil {
		return err
	}
	if err := w.sendPre(preDelete); err != nil {
		return err
	}
	return w.below.sweep()
}

func (w *write) postBatchDelete() error {
	if err := w.below.finish(); err != nil {
		return err
	}
	return w.sendPost(postDelete)
}

// sendPre sends a pre signal for stored rows, and silences those that the receivers themselves deleted meanwhile.
func (w *write) sendPre(k kind) error {
	tx, _ := pool.Find(w.stmt.ConnPool)
	before := 0
	if tx != nil {
		before = tx.Statements
	}
	if err := w.send(k, &w.pre); err != nil {
		return err
	}
	if w.touched = tx != nil && tx.Statements > before; w.touched {
		if err := w.silence(false); err != nil {
			return err
		}
	}
	return w.sendLinks(false)
}

// silenceKept silences the rows that are still there after a DELETE of fewer rows: a trigger, or a clause of another plugin, kept them.
func (w *write) silenceKept(affected int64) error {
	switch {
	case affected >= int64(len(w.rows)) || (w.soft && affected > 0):
		return nil
	case affected == 0:
		w.silenceAll()
		return nil
	}
	return w.silence(true)
}

func (w *write) silenceAll() {
	for i := range w.rows {
		w.rows[i].silent = true
	}
}

// silence silences the rows that are stored, or those that are not.
func (w *write) silence(stored bool) error {
	if len(w.model.Keys) == 0 {
		return nil
	}
	there, err := w.readKeys((*row).stored, true)
	if err != nil {
		return err
	}
	for i := range w.rows {
		_, ok := there[w.model.Identity(w.stmt.Context, w.rows[i].stored())]
		w.rows[i].silent = w.rows[i].silent || ok == stored
	}
	return nil
}

func (w *write) takeDeleted(set *rows.Set) {
	w.room(set.Len())
	for i := range set.Len() {
		w.add(set.Row(i), false)
	}
}

// deleteKeys returns the conditions that GORM makes of the keys in Dest and Model.
func (w *write) deleteKeys() []clause.Expression {
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

// deleteKey returns the one key that a delete names when that is its whole condition.
func (w *write) deleteKey(own []clause.Expression) []any {
	if len(own) != 1 || len(rows.Conditions(w.stmt)) > 0 || w.stmt.ReflectValue.Kind() != reflect.Struct {
		return nil
	}
	key, set := w.model.KeyOf(w.stmt.Context, w.stmt.ReflectValue)
	if !set {
		return nil
	}
	return key
}

// order is how a conditional write goes through its rows.
type order int

const (
	inBatches order = iota
	keysFirst       // in batches, but all keys are read before the first one is written
	inOneBatch
)

// firstBatch reads the first rows that a statement concerns; key is given when it is the statement's whole condition.
func (w *write) firstBatch(q rows.Query, key []any, by order) (*rows.Set, error) {
	_, from := w.stmt.Clauses["FROM"]
	if key != nil && !from && !w.hasLimit() {
		return w.model.ByKey(w.db, key, q)
	}
	_, returning := w.stmt.Clauses["RETURNING"]
	var err error
	if (w.hasLimit() || by == keysFirst) && len(w.model.Keys) > 0 {
		w.cursor, err = w.model.Only(w.db, q, w.reg.BatchSize, w.limits())
	} else {
		w.cursor = w.model.Walk(q, w.reg.BatchSize, returning || by == inOneBatch)
	}
	if err != nil {
		return nil, err
	}
	return w.cursor.Next(w.db)
}

// hasLimit reports whether the dialect's statement obeys a LIMIT, and has one.
func (w *write) hasLimit() bool { return len(w.limits()) > 0 }

func (w *write) limits() []clause.Interface {
	names := w.stmt.BuildClauses
	if w.soft {
		names = w.db.Callback().Update().Clauses
	}
	var found []clause.Interface
	for _, name := range []string{"ORDER BY", "LIMIT"} {
		if c, ok := w.stmt.Clauses[name].Expression.(clause.Interface); ok && slices.Contains(names, name) {
			found = append(found, c)
		}
	}
	return found
}

// maxKeys is how many values a statement names rows by. Databases take 32,766 and more; a batch is never that large, but
// what must go in one batch can be. It then keeps its own conditions.
const maxKeys = 30_000

// softDeleteMark is how GORM remembers that a statement leaves soft-deleted rows out.
const softDeleteMark = "soft_delete_enabled"

// narrow restricts the statement to rows. Its own conditions stay only where it needs them to join other tables.
func (w *write) narrow(rowsOnly clause.Expression) {
	if len(w.model.Keys) == 0 || len(w.rows)*len(w.model.Keys) > maxKeys {
		return
	}
	own := rows.Conditions(w.stmt)
	where := clause.Where{Exprs: []clause.Expression{rowsOnly}}
	if f, ok := w.stmt.Clauses["FROM"].Expression.(clause.From); ok && (len(f.Tables) > 0 || len(f.Joins) > 0) {
		w.joined = rows.Group(own)
		where.Exprs = append(slices.Clone(w.joined), rowsOnly)
	} else if rows.HasOr(own) {
		// GORM will add the key of the value to delete behind this, and to it an OR is an OR: a OR b AND key.
		where.Exprs = append(where.Exprs, clause.Or(clause.Expr{SQL: "1 = 0"}))
	}
	w.replaceClause("WHERE", where)
	if _, scoped := w.stmt.Clauses[softDeleteMark]; !scoped {
		w.restore = append(w.restore, func() { delete(w.stmt.Clauses, softDeleteMark) })
	}
	for _, name := range []string{"ORDER BY", "LIMIT"} {
		if _, ok := w.stmt.Clauses[name]; ok && (name == "LIMIT" || !w.writesInOrder()) {
			w.replaceClause(name, nil)
		}
	}
}

// writesInOrder reports whether the order in which a statement writes its rows matters: MySQL checks uniqueness row by row.
func (w *write) writesInOrder() bool { return w.db.Name() == "mysql" }

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
	stmt := tx.Statement
	stmt.Table, stmt.TableExpr, stmt.Unscoped = w.stmt.Table, w.stmt.TableExpr, w.stmt.Unscoped
	if by, ok := w.stmt.Clauses["ORDER BY"]; ok && w.writesInOrder() {
		stmt.Clauses["ORDER BY"] = by
	}
	if w.joined != nil {
		stmt.Clauses["FROM"] = w.stmt.Clauses["FROM"]
		stmt.AddClause(clause.Where{Exprs: w.joined})
	}
	return tx
}

// setRowsAffected makes n what the caller reads as the number of written rows.
func (w *write) setRowsAffected(n int64) {
	w.db.RowsAffected = n
	if w.stmt.Result != nil {
		w.stmt.Result.RowsAffected = n
	}
}

// sameValue reports whether Dest and Model are one pointer. Other kinds of values are never the same.
func sameValue(dest, model any) bool {
	d, m := reflect.ValueOf(dest), reflect.ValueOf(model)
	return d.Kind() == reflect.Pointer && m.Kind() == reflect.Pointer && d.Type() == m.Type() && d.Pointer() == m.Pointer()
}
