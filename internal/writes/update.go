package writes

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
	"github.com/gorm-signals/signals/internal/statement"
)

// update is a write of an UPDATE that names columns. Its rows are copies of the stored ones, to which the assignments are applied.
type update struct {
	conditional

	set      clause.Set                     // what the statement assigns
	literals []*schema.Field                // fields that are set to a value known beforehand
	computed map[*schema.Field]bool         // fields that the database computes
	assigned reflect.Value                  // a struct that holds the values of the literals
	changes  map[int]map[*schema.Field]bool // by row: what receivers changed
	batch    *rows.Set                      // nil until rows are found
	assigns  [2]change.Assigns              // assignments of the facts of the pre signal and of the post signal
	further  *change.Facts                  // facts of the pre signal of further batches
}

// PreUpdate finds the rows of an UPDATE and sends pre_save for their first batch. If GORM would not run the statement as it is now, other callbacks
// may change it before GORM builds it: the write then finds its rows at that moment.
func (r *Engine) PreUpdate(db *gorm.DB) {
	p := r.planOfHooked(db)
	if p == nil || !p.Listens(dispatch.PreSave, dispatch.PostSave) || (!p.ListensToUpdates() && !maySave(db.Statement)) {
		r.unheard(db)
		return
	}
	if key := savedKey(db.Statement, p.Model); key != nil {
		if w := start[save](r, db, p, dispatch.PreSave, dispatch.PostSave); w != nil {
			_ = db.AddError(w.before(key))
		}
		return
	}
	if w := start[update](r, db, p, dispatch.PreSave, dispatch.PostSave); w != nil {
		_ = db.AddError(w.before())
	}
}

// before sends pre_save for the first batch, if its rows can be found now.
func (w *update) before() error {
	attach(w)
	w.do = w
	w.watch("UPDATE")
	foreseen := w.foreseeUpdate()
	w.serve.may = foreseen && w.mayServe()
	switch {
	case foreseen && !w.serve.may:
		return w.findUpdated()
	case w.serve.may:
	case len(w.model.Keys) > 0 && maySave(w.stmt) && statement.CalledBySave():
		return w.preInsert()
	}
	w.find.late = true
	return nil
}

// foreseeUpdate finds out what GORM will assign and which conditions it will add. It reports false if GORM would run no statement.
func (w *update) foreseeUpdate() bool {
	stmt := w.scratch(w.schema.UpdateClauses)
	given, ok := stmt.Clauses["SET"].Expression.(clause.Set)
	if !ok {
		given = callbacks.ConvertToAssignments(stmt)
	}
	w.set, w.find.read = given, rows.Conditions(stmt)
	w.readLiterals()
	return stmt.Error == nil && len(given) > 0 && !w.refused(stmt.Clauses)
}

// findUpdated reads the first batch of rows, and sends pre_save for it.
func (w *update) findUpdated() error {
	w.loaded = w.need() > dispatch.Keys
	if err := w.openLinks(nil, false); err != nil {
		return err
	}
	if err := w.begin(); err != nil {
		return err
	}
	w.find.by = w.assignedOrder()
	q := rows.Query{Where: w.find.read, Lock: w.lockable(), Twice: true, KeysOnly: !w.loaded && len(w.model.Keys) > 0}
	set, err := w.firstBatch(q, w.updateKey())
	if err != nil {
		return err
	}
	if set.Len() == 0 && maySave(w.stmt) && statement.CalledBySave() {
		return w.preInsert()
	}
	if err = w.guardSeveral(); err != nil {
		return err
	}
	return w.preBatch(set)
}

// first runs while GORM builds a statement that may serve its receivers, or that other callbacks have completed.
func (w *update) first() error {
	w.find.late = false
	w.set = w.built.set
	w.readLiterals()
	if served, err := w.serveReceivers(); served || err != nil {
		return err
	}
	return w.findUpdated()
}

// updateKey returns the key of an update whose whole condition is one key, or nil.
func (w *update) updateKey() []any {
	stmt, conditions := w.stmt, len(w.find.read)
	if !w.stmt.Unscoped {
		conditions -= len(w.schema.UpdateClauses)
	}
	if !w.plainScope() || len(w.model.Keys) == 0 || conditions != len(w.model.Keys) || len(rows.Conditions(stmt)) > 0 ||
		stmt.ReflectValue.Kind() != reflect.Struct || stmt.ReflectValue.Type() != w.schema.ModelType {
		return nil
	}
	key, set := w.model.KeyOf(stmt.Context, stmt.ReflectValue)
	if !set {
		return nil
	}
	return key
}

// preBatch takes the rows of a batch, applies the assignments, sends pre_save, and notes what receivers changed.
func (w *update) preBatch(set *rows.Set) error {
	w.batch, w.changes = set, nil
	w.announceUpdate()
	w.room(set.Len())
	for i := range set.Len() {
		r := w.add(set.Row(i), false)
		r.Original = set.Copy(i).Addr().Interface()
		r.Unread = change.UnreadOf(set.Unfit(i))
		w.apply(i)
	}
	if err := w.sendPre(dispatch.PreSave); err != nil {
		return err
	}
	if len(w.plan.Entries[dispatch.PreSave]) == 0 {
		return nil
	}
	for i := range w.rows {
		if !w.rows[i].Silent {
			w.noteChanges(i)
		}
	}
	if len(w.changes) > 0 && w.find.loose {
		return errLooseKey(w.plan.Sender)
	}
	if w.find.cursor != nil && w.movesKeys() {
		return w.find.cursor.Settle(w.db)
	}
	return nil
}

// movesKeys reports whether a receiver has changed the key of a row, so that the cursor may find the row again.
func (w *update) movesKeys() bool {
	for _, changed := range w.changes {
		if slices.ContainsFunc(w.model.Keys, func(f *schema.Field) bool { return changed[f] }) {
			return true
		}
	}
	return false
}

// build runs right before GORM builds the UPDATE. It sets a savepoint if the batch takes several statements.
func (w *update) build() error {
	if w.builtByOthers() {
		return w.findUpdated()
	}
	if w.batch == nil {
		return nil
	}
	if n := len(w.changes); n > 1 || (n == 1 && len(w.bulk()) > 0) || w.find.loose {
		return w.guard()
	}
	return nil
}

// restrict narrows the statement that GORM builds to the rows that no receiver changed. If there are none, it becomes the statement of the first
// changed row.
func (w *update) restrict() {
	if w.serve.on {
		w.limitServed()
		return
	}
	if w.batch == nil {
		w.narrow(w.all(), nil)
		return
	}
	w.takeAssignments()
	w.showCaller()
	bulk := w.bulk()
	if len(bulk) > 0 || len(w.changes) == 0 {
		w.narrow(bulk, nil)
		return
	}
	first := w.changed()[0]
	w.narrow([]int{first}, w.setFor(first))
}

// ran runs after GORM's UPDATE.
func (w *update) ran() {
	if w.batch == nil && !w.serve.may {
		w.succeeded = w.db.Error == nil
		w.putBackClauses()
		return
	}
	w.ranStatement()
}

// finish writes rows of the batch that GORM's statement has not written.
func (w *update) finish() error {
	done := w.wrote
	var bulk []int
	for _, i := range w.bulk() {
		if !contains(done, i) {
			bulk = append(bulk, i)
		}
	}
	if err := w.writeInTurns(bulk, w.set); err != nil {
		return err
	}
	for _, i := range w.changed() {
		if contains(done, i) {
			continue
		}
		if err := w.writeInTurns([]int{i}, w.setFor(i)); err != nil {
			return err
		}
	}
	return nil
}

// after sends post_save for the last batch.
func (w *update) after() {
	defer w.goOn(w.batch == nil)
	if w.stands() && w.batch != nil && !w.sent && w.fail(w.postBatch()) {
		w.setRowsAffected(0)
	}
}

// postBatch sends post_save for a batch that is written.
func (w *update) postBatch() error {
	w.tellUpdate()
	if err := w.readComputed(); err != nil {
		return err
	}
	return w.sendPost(dispatch.PostSave)
}

// readComputed reads the stored rows into the instances if the database computed values.
func (w *update) readComputed() error {
	if !w.loaded || w.find.twice || len(w.model.Keys) == 0 || (len(w.computed) == 0 && !w.model.Computed) {
		return nil
	}
	stored, err := w.readKeys((*change.Row).Value, false)
	if err != nil {
		return err
	}
	for i := range w.rows {
		if found, ok := stored[w.model.Identity(w.stmt.Context, w.rows[i].Value())]; ok {
			w.rows[i].Value().Set(found)
		}
	}
	return nil
}
