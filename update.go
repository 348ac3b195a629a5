package signals

import (
	"errors"
	"reflect"
	"slices"

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
	inserts  bool                // a Save whose update finds no row
	drops    bool                // SET is to be taken away in the end
	key      []clause.Expression // GORM's condition for the one row that is named by its key
	later    bool                // the assignments were worked out again after pre_save, with a later clock
}

// preUpdate finds the rows that an UPDATE concerns and sends pre_save for the first batch of them.
func (r *registry) preUpdate(db *gorm.DB) {
	w := r.start(db, preSave, postSave)
	if w == nil {
		return
	}
	if key := w.savedKey(); key != nil {
		w.attach()
		if db.AddError(w.openLinks(nil, false)) == nil {
			_ = db.AddError(w.preSaveStruct(key))
		}
		return
	}
	w.update = &update{}
	own := w.readAssignments()
	conditions := rows.Conditions(w.stmt)
	if w.scoped() { // GORM sets the caller's conditions in parentheses before it adds the key, and elsewhere it does not
		conditions = rows.Group(conditions)
	}
	conditions = append(conditions, own...)
	if len(w.update.set) == 0 || (len(conditions) == 0 && !db.AllowGlobalUpdate) {
		return // GORM runs no statement, or refuses it
	}
	w.attach()
	w.copied, w.loaded = true, w.plan.saveNeed > Keys
	if db.AddError(w.openLinks(nil, false)) != nil || db.AddError(w.begin()) != nil {
		return
	}
	q := rows.Query{Where: conditions, Scoped: !w.stmt.Unscoped, Lock: w.lockable(), Twice: true, KeysOnly: !w.loaded && len(w.model.Keys) > 0}
	key := w.updateKey(own)
	if key != nil {
		w.update.key = own
	}
	set, err := w.firstBatch(q, key, w.assignedOrder())
	if db.AddError(err) != nil {
		return
	}
	if set.Len() == 0 && w.maySave() && calledBySave() {
		_ = db.AddError(w.preInsert())
		return
	}
	_ = db.AddError(w.preBatch(set))
}

// scoped reports whether the model's own clauses, those of soft delete, become part of an UPDATE.
func (w *write) scoped() bool { return !w.stmt.Unscoped && len(w.schema.UpdateClauses) > 0 }

// preBatch makes rows of a batch, applies the assignments, sends pre_save, and notes what receivers changed.
func (w *write) preBatch(set *rows.Set) error {
	u := w.update
	u.batch, u.changes, w.done = set, nil, false
	w.room(set.Len())
	for i := range set.Len() {
		r := w.add(set.Row(i), false)
		r.original = set.Copy(i).Addr().Interface()
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
	if len(u.changes) > 0 && len(w.model.Keys) == 0 {
		return errNoKey(w.plan.sender)
	}
	return nil
}

// apply sets the assigned values in a row, except where a receiver has set another one.
func (w *write) apply(i int) {
	ctx, v := w.stmt.Context, w.rows[i].value()
	for _, f := range w.update.literals {
		if !w.update.changes[i][f] {
			f.ReflectValueOf(ctx, v).Set(f.ReflectValueOf(ctx, w.update.assigned))
		}
	}
}

// noteChanges compares a row with what the statement alone would make of it.
func (w *write) noteChanges(i int) {
	ctx, u, v := w.stmt.Context, w.update, w.rows[i].value()
	for _, column := range w.schema.DBNames {
		f := w.schema.FieldsByDBName[column]
		expected := u.batch.Copy(i)
		if slices.Contains(u.literals, f) {
			expected = u.assigned
		}
		if !rows.Changed(ctx, "", f, expected, v) || rows.Made(f, expected, v) {
			continue
		}
		if u.changes == nil {
			u.changes = map[int]map[*schema.Field]bool{}
		}
		if u.changes[i] == nil {
			u.changes[i] = map[*schema.Field]bool{}
		}
		u.changes[i][f] = true
	}
}

// assign runs right before GORM builds the UPDATE: it narrows the statement to the rows that it may write, and adds what
// receivers changed.
func (r *registry) assign(db *gorm.DB) {
	w := writeOf(db)
	if w == nil || db.Error != nil || w.update == nil {
		return
	}
	u := w.update
	if u.batch == nil { // a Save: the struct itself is the row
		return
	}
	_, given := w.stmt.Clauses["SET"]
	if !given && !w.replay() {
		u.later = true
		u.set = callbacks.ConvertToAssignments(w.stmt)
		if db.Error != nil || len(u.set) == 0 {
			return
		}
		w.readLiterals()
	}
	bulk := w.bulk()
	set := u.set
	if len(bulk) == 0 && len(w.rows) > 0 {
		bulk, set = []int{0}, w.setFor(0)
		w.assignBack(0)
	}
	if given {
		w.replaceClause("SET", set)
	} else { // GORM takes its own away as well
		u.drops = true
		w.stmt.Clauses["SET"] = clause.Clause{Name: "SET", Expression: set}
	}
	switch {
	case u.key == nil || len(w.rows) != 1:
		w.narrow(w.isOneOf(w.stored(bulk)))
	case !u.later:
		w.stmt.AddClause(clause.Where{Exprs: u.key}) // as GORM does
	}
}

// bulk returns the rows that no receiver changed. One statement writes them all.
func (w *write) bulk() []int {
	indexes := make([]int, 0, len(w.rows))
	for i := range w.rows {
		if w.update.changes[i] == nil {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// setFor returns the assignments of a row that receivers changed.
func (w *write) setFor(i int) clause.Set {
	set := slices.Clone(w.update.set)
	for _, column := range w.schema.DBNames {
		f := w.schema.FieldsByDBName[column]
		if !w.update.changes[i][f] {
			continue
		}
		value, _ := f.ValueOf(w.stmt.Context, w.rows[i].value())
		at := slices.IndexFunc(set, func(a clause.Assignment) bool { return a.Column.Name == column })
		if at < 0 {
			at, set = len(set), append(set, clause.Assignment{Column: clause.Column{Name: column}})
		}
		set[at].Value = value
	}
	return set
}

// assignBack shows a caller that saves its own struct what receivers changed.
func (w *write) assignBack(i int) {
	if !sameValue(w.stmt.Dest, w.stmt.Model) || w.stmt.ReflectValue.Kind() != reflect.Struct {
		return
	}
	for f := range w.update.changes[i] {
		from := f.ReflectValueOf(w.stmt.Context, w.rows[i].value())
		f.ReflectValueOf(w.stmt.Context, w.stmt.ReflectValue).Set(from)
	}
}

// postUpdate sends post_save for the batch that GORM updated, and then resolves and updates further ones.
func (r *registry) postUpdate(db *gorm.DB) {
	saw(db)
	w := writeOf(db)
	if w == nil {
		return
	}
	defer w.close()
	if db.Error != nil {
		return
	}
	if w.update == nil || w.update.batch == nil {
		_ = db.AddError(w.postSaveStruct())
		return
	}
	affected := db.RowsAffected
	defer func() { w.setRowsAffected(affected) }()
	err := w.postBatch(&affected, true)
	for err == nil && w.cursor != nil {
		var set *rows.Set
		if set, err = w.cursor.Next(db); err != nil || set.Len() == 0 {
			break
		}
		if err = w.preBatch(set); err == nil {
			err = w.postBatch(&affected, false)
		}
	}
	if db.AddError(err) != nil {
		affected = 0
	}
}

// postBatch writes what is still to be written of a batch and sends post_save. GORM wrote the first statement of the first
// batch.
func (w *write) postBatch(affected *int64, first bool) error {
	bulk := w.bulk()
	if !first && len(bulk) > 0 {
		if err := w.writeRows(bulk, w.update.set, affected); err != nil {
			return err
		}
	}
	for i := range w.rows {
		if w.update.changes[i] == nil || (first && len(bulk) == 0 && i == 0) {
			continue
		}
		if err := w.writeRows([]int{i}, w.setFor(i), affected); err != nil {
			return err
		}
	}
	if first && *affected == 0 && w.kept() {
		return nil
	}
	w.done = true
	if err := w.readComputed(); err != nil {
		return err
	}
	return w.sendPost(postSave)
}

// kept reports whether an update that affected no row really wrote none: a clause of another plugin kept it. MySQL counts
// a row that gets the values it has as not affected.
func (w *write) kept() bool { return w.db.Name() != "mysql" }

// writeRows updates rows by key.
func (w *write) writeRows(indexes []int, set clause.Set, affected *int64) error {
	tx := w.keyed(w.isOneOf(w.stored(indexes))).Model(reflect.New(w.schema.ModelType).Interface()).Clauses(set).Updates(map[string]any{})
	*affected += tx.RowsAffected
	return tx.Error
}

// readComputed brings the instances to what is stored, where the database computed something.
func (w *write) readComputed() error {
	if len(w.computed) == 0 && !w.model.Computed {
		for i := range w.rows {
			if w.update.later {
				w.apply(i)
			}
		}
		return nil
	}
	if !w.loaded || len(w.model.Keys) == 0 {
		return nil
	}
	stored, err := w.readKeys((*row).value, false)
	if errors.Is(err, rows.ErrUnfit) {
		return nil // the caller wrote what no field can show, and may
	}
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
