package signals

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// update is what a write keeps beside its rows when it is an update of stored rows.
type update struct {
	set      clause.Set                     // what the statement assigns
	literals []*schema.Field                // fields that are set to a value known beforehand
	assigned reflect.Value                  // a struct that holds those values
	changes  map[int]map[*schema.Field]bool // by row: what receivers changed
	batch    *rows.Set
	assigns  [2]assigns // of the facts of the pre signal and of the post signal
	further  *facts     // of the pre signal for further batches
}

// openWrite begins the write of an UPDATE or DELETE, nil if nobody is to hear of it.
func (r *registry) openWrite(db *gorm.DB, pre, post kind) *write {
	p := r.listening(db)
	if p == nil || !p.concerns(pre, post) {
		return nil
	}
	w, after := allocate[write](p.defers(post))
	w.after = after
	if !w.open(r, db, p, pre, post) {
		return nil
	}
	return w
}

// preUpdate finds the rows that an UPDATE concerns and sends pre_save for the first batch of them. A statement that GORM would not run
// as it is now may become another one before GORM builds it: its rows are found then.
func (r *registry) preUpdate(db *gorm.DB) {
	w := r.openWrite(db, preSave, postSave)
	if w == nil {
		return
	}
	keep(w)
	if key := w.savedKey(); key != nil {
		w.watchSet()
		if db.AddError(w.openLinks(nil, false)) == nil {
			_ = db.AddError(w.preSaveStruct(key))
		}
		return
	}
	w.update, w.find = &update{}, &finder{}
	w.atBuild("UPDATE", func() error { return w.restrict(w.findUpdatedLate) })
	switch {
	case w.foreseeUpdate():
		_ = db.AddError(w.findUpdated())
	case len(w.model.Keys) > 0 && w.maySave() && calledBySave():
		_ = db.AddError(w.preInsert())
	default:
		w.find.late = true
	}
}

// foreseeUpdate finds out what GORM will assign and which conditions it will add. It reports false when GORM would run no statement.
func (w *write) foreseeUpdate() bool {
	stmt := w.scratch()
	for _, c := range w.schema.UpdateClauses {
		stmt.AddClause(c)
	}
	given, ok := stmt.Clauses["SET"].Expression.(clause.Set)
	if !ok {
		given = callbacks.ConvertToAssignments(stmt)
	}
	w.update.set, w.find.read = given, rows.Conditions(stmt)
	w.readLiterals()
	return stmt.Error == nil && len(given) > 0 && !w.refused(stmt.Clauses)
}

// findUpdated reads the first batch of the rows that the statement concerns.
func (w *write) findUpdated() error {
	w.loaded = w.plan.saveNeed > Keys
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
	if set.Len() == 0 && w.maySave() && calledBySave() {
		return w.preInsert()
	}
	if w.find.several() {
		if err = w.guard(); err != nil {
			return err
		}
	}
	return w.preBatch(set)
}

// findUpdatedLate is findUpdated for a statement whose conditions or assignments were all added by other callbacks.
func (w *write) findUpdatedLate() error {
	w.find.late = false
	w.update.set = w.find.set
	w.readLiterals()
	return w.findUpdated()
}

// updateKey returns the one key that an update names when that is its whole condition.
func (w *write) updateKey() []any {
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

// preBatch makes rows of a batch, applies the assignments, sends pre_save, and notes what receivers changed.
func (w *write) preBatch(set *rows.Set) error {
	u := w.update
	u.batch, u.changes = set, nil
	w.announceUpdate()
	w.room(set.Len())
	for i := range set.Len() {
		r := w.add(set.Row(i), false)
		r.original = set.Copy(i).Addr().Interface()
		r.unread = set.Unfit(i)
		w.apply(i)
	}
	if err := w.sendPre(preSave); err != nil {
		return err
	}
	if len(w.plan.entries[preSave]) == 0 {
		return nil
	}
	for i := range w.rows {
		if !w.rows[i].silent {
			w.noteChanges(i)
		}
	}
	if len(u.changes) > 0 && w.find.loose {
		return errLooseKey(w.plan.sender)
	}
	return nil
}

// prepareUpdate runs right before GORM builds the UPDATE: it sets a savepoint when the batch takes several statements.
func (r *registry) prepareUpdate(db *gorm.DB) {
	w := writeOf[*write](db)
	if w == nil || db.Error != nil || w.update == nil || w.update.batch == nil {
		return
	}
	if n := len(w.update.changes); n > 1 || (n == 1 && len(w.bulk()) > 0) || w.find.loose {
		_ = db.AddError(w.guard())
	}
}

// restrictUpdate narrows the statement that GORM builds to the rows that no receiver changed. When there is none, it becomes the statement
// of the first row that a receiver changed.
func (w *write) restrictUpdate() {
	w.takeAssignments()
	w.showCaller()
	bulk := w.bulk()
	if len(bulk) > 0 || len(w.update.changes) == 0 {
		w.narrow(bulk, nil)
		return
	}
	first := w.changed()[0]
	w.narrow([]int{first}, w.setFor(first))
}

// written runs after GORM's UPDATE.
func (r *registry) written(db *gorm.DB) {
	w := writeOf[*write](db)
	if w == nil {
		return
	}
	w.answer = db.Error
	switch {
	case w.update == nil || w.update.batch == nil:
		w.ran = db.Error == nil
		if w.find != nil {
			w.putBackClauses()
		}
	default:
		w.ranStatement()
	}
}

// writeUpdated writes rows of the batch that GORM's statement has not written.
func (w *write) writeUpdated() error {
	done := w.find.wrote
	var bulk []int
	for _, i := range w.bulk() {
		if !contains(done, i) {
			bulk = append(bulk, i)
		}
	}
	if err := w.writeInTurns(bulk, w.update.set); err != nil {
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

// postUpdate sends post_save for the last batch.
func (r *registry) postUpdate(db *gorm.DB) {
	saw(db)
	w := writeOf[*write](db)
	if w == nil {
		return
	}
	defer w.close()
	defer w.goOn()
	switch {
	case !w.stands():
	case w.update == nil:
		w.fail(w.postSaveStruct())
	case w.update.batch != nil && !w.find.sent:
		if w.fail(w.postBatch()) {
			w.setRowsAffected(0)
		}
	}
}

// postBatch sends post_save for a batch that is written.
func (w *write) postBatch() error {
	w.tellUpdate()
	if err := w.readComputed(); err != nil {
		return err
	}
	return w.sendPost(postSave)
}

// readComputed brings the instances to what is stored, where the database computed something.
func (w *write) readComputed() error {
	if !w.loaded || w.find.twice || len(w.model.Keys) == 0 || (len(w.computed) == 0 && !w.model.Computed) {
		return nil
	}
	stored, err := w.readKeys((*row).value, false)
	if err != nil {
		return err
	}
	for i := range w.rows {
		if found, ok := stored[w.model.Identity(w.stmt.Context, w.rows[i].value())]; ok {
			w.rows[i].value().Set(found)
		}
	}
	return nil
}
