package signals

import (
	"reflect"

	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/rows"
)

// savedKey returns the primary key of the struct that Save(&p) is about to write whole, nil when the statement is another
// kind of update.
func (w *write) savedKey() []any {
	stmt := w.stmt
	if !w.maySave() || !stmt.ReflectValue.CanAddr() || stmt.ReflectValue.Type() != w.schema.ModelType {
		return nil
	}
	for _, name := range stmt.Omits {
		if columnField(w.schema, name) != nil {
			return nil
		}
	}
	if _, given := stmt.Clauses["SET"]; given || (rows.HasOr(rows.Conditions(stmt)) && (stmt.Unscoped || len(w.schema.UpdateClauses) == 0)) {
		return nil
	}
	key, set := w.model.KeyOf(stmt.Context, stmt.ReflectValue)
	if !set {
		return nil
	}
	return key
}

// maySave reports whether the statement has the form that Save gives it. Select("*").Updates(&p) has it too.
func (w *write) maySave() bool {
	stmt := w.stmt
	byValue := reflect.TypeOf(stmt.Dest) == w.schema.ModelType && reflect.TypeOf(stmt.Model) == w.schema.ModelType
	return stmt.ReflectValue.Kind() == reflect.Struct && (sameValue(stmt.Dest, stmt.Model) || byValue) &&
		len(stmt.Selects) == 1 && stmt.Selects[0] == "*"
}

// preSaveStruct sends pre_save for a struct that is written whole.
func (w *write) preSaveStruct(key []any) error {
	w.room(1)
	r := w.add(w.stmt.ReflectValue, false)
	w.loaded = w.plan.saveNeed > Keys
	if w.plan.atomic {
		if err := w.begin(); err != nil {
			return err
		}
	}
	if !w.loaded && !w.locksGaps() {
		return w.sendPreSave()
	}
	if err := w.begin(); err != nil {
		return err
	}
	set, err := w.readSaved(key)
	switch {
	case err != nil:
		return err
	case set.Len() > 0 && !w.loaded:
		return w.sendPreSave()
	case set.Len() > 0:
		r.original = set.Row(0).Addr().Interface()
		r.noteUnread(set.Unfit(0))
		return w.sendPreSave()
	case calledBySave():
		return w.preInsert()
	}
	w.rows = nil
	w.findNone()
	return nil
}

// findNone keeps the update of a Save from finding a row.
func (w *write) findNone() {
	if w.find == nil {
		w.find = &finder{}
		w.atBuild("UPDATE", func() error { return w.restrict(nil) })
	}
	w.find.none = true
}

func (w *write) sendPreSave() error {
	if err := w.send(preSave, &w.pre); err != nil {
		return err
	}
	return w.sendLinks(false)
}

// readSaved reads the row that the update of a struct will find.
func (w *write) readSaved(key []any) (*rows.Set, error) {
	q := rows.Query{KeysOnly: !w.loaded}
	_, from := w.stmt.Clauses["FROM"]
	if len(rows.Conditions(w.stmt)) == 0 && !from && w.plainScope() {
		q.Scoped = !w.stmt.Unscoped
		return w.lockFound(func(lock bool) (*rows.Set, error) {
			q.Lock = lock && w.lockable()
			return w.model.ByKey(w.db, key, q)
		})
	}
	stmt := w.scratch()
	for _, c := range w.schema.UpdateClauses {
		stmt.AddClause(c)
	}
	callbacks.ConvertToAssignments(stmt)
	q.Where = rows.Conditions(stmt)
	return w.lockFound(func(lock bool) (*rows.Set, error) {
		q.Lock = lock && w.lockable()
		return w.model.Find(w.db, q)
	})
}

// lockable reports whether rows can be read with FOR UPDATE. Views with DISTINCT or GROUP BY, which triggers make updatable, cannot.
func (w *write) lockable() bool {
	return w.db.Name() != "postgres" || w.reg.catalog.Relation(w.db, w.tableName()).Lockable
}

// locksGaps reports whether the database locks the gap where a row was looked for in vain. Two connections that hold such a lock
// and then insert wait for each other.
func (w *write) locksGaps() bool { return w.db.Name() == "mysql" }

// lockFound reads a row that may have to be inserted, and locks it if it is there.
func (w *write) lockFound(read func(lock bool) (*rows.Set, error)) (*rows.Set, error) {
	if w.locksGaps() {
		if set, err := read(false); err != nil || set.Len() == 0 {
			return set, err
		}
	}
	return read(true)
}

// preInsert sends pre_save for a Save whose update will find no row. GORM then writes the row all the same: it inserts it,
// or takes over a row with this key that the scope or a condition hides.
func (w *write) preInsert() error {
	w.findNone() // the update would lock a gap, or find what somebody else inserts meanwhile
	w.dest = w.stmt.Dest
	if err := w.takeSaved(); err != nil {
		return err
	}
	return w.sendPreSave()
}

// takeSaved makes the struct of a Save the row of the write.
func (w *write) takeSaved() error {
	w.update, w.copied = &update{inserts: true}, false
	w.inserts = w.insertFields()
	w.rows = nil
	w.room(1)
	r := w.add(w.addressable(w.stmt.ReflectValue), true)
	if w.dest == nil || reflect.TypeOf(w.dest).Kind() != reflect.Pointer {
		w.dest = w.stmt.Dest
	}
	key, _ := w.model.KeyOf(w.stmt.Context, r.value())
	set, err := w.lockFound(func(lock bool) (*rows.Set, error) {
		return w.model.ByKey(w.db, key, rows.Query{Lock: lock && w.lockable()})
	})
	if err != nil {
		return err
	}
	if r.created = set.Len() == 0; !r.created {
		r.original = set.Row(0).Addr().Interface()
		if w.inserts != nil { // Omit: the taken over row keeps some columns
			w.upserts(clause.OnConflict{UpdateAll: true})
		}
	}
	return nil
}

// insertHidden sends post_save for a Save whose update was to find its row, and did not: a condition was added later. GORM's INSERT takes
// the row over.
func (w *write) insertHidden() error {
	if err := w.takeSaved(); err != nil {
		return err
	}
	return w.postSaveStruct()
}

// postSaveStruct sends post_save for a struct that was written whole.
func (w *write) postSaveStruct() error {
	if len(w.rows) == 0 {
		return nil
	}
	if failed := w.db.Error != nil; w.db.RowsAffected == 0 && failed {
		return nil //nolint:nilerr // Save goes no further: the caller has the error
	}
	if w.db.RowsAffected == 0 {
		if wrote, err := w.insertSaved(); err != nil || !wrote {
			return err
		}
		w.stmt.Dest = w.dest // as GORM's own INSERT would leave it
	} else if err := w.showSaved(); err != nil {
		return err
	}
	w.done = true
	w.missOriginals()
	return w.sendPost(postSave)
}

// insertSaved does what Save does after an update of no row, but within the transaction of the update, so that pre_save and
// post_save stand or fall together. It reports whether the row is written.
func (w *write) insertSaved() (bool, error) {
	known := w.update != nil && w.update.inserts
	if !known && !calledBySave() {
		return w.db.Name() == "mysql" && w.loaded, nil
	}
	r := &w.rows[0]
	if !known && w.db.Name() == "mysql" && w.loaded {
		return true, nil // unchanged: Save writes the same values once more, silently
	}
	if !w.loaded {
		key, _ := w.model.KeyOf(w.stmt.Context, r.value())
		set, err := w.model.ByKey(w.db, key, rows.Query{KeysOnly: true})
		if err != nil {
			return false, err
		}
		r.created = set.Len() == 0
	}
	upsert := clause.OnConflict{UpdateAll: true}
	if r.created && w.db.Name() != "sqlite" {
		if written, err := w.insertNew(upsert); written || err != nil {
			return err == nil, err
		}
	}
	err := w.insert(upsert, w.stmt.Omits)
	return err == nil && (w.db.RowsAffected > 0 || w.db.Name() == "mysql"), err // MySQL does not count a row that stays as it is
}

// insertNew inserts the row of a Save that is thought to be new. It reports whether the row is written: otherwise somebody
// else has inserted it, and it is still to be updated.
func (w *write) insertNew(upsert clause.OnConflict) (bool, error) {
	if w.db.Name() == "mysql" {
		noting, err := w.noteFound(upsert)
		if err != nil {
			return false, err
		}
		if err = w.insert(noting, w.stmt.Omits); err != nil {
			return false, err
		}
		_, n, err := w.found()
		if err == nil && n > 0 {
			err = w.taken(&w.rows[0])
			w.rows[0].created = false
		}
		return true, err
	}
	if err := w.insert(w.onlyInsert(upsert), w.stmt.Omits); err != nil || w.db.RowsAffected > 0 {
		return err == nil, err
	}
	return false, w.taken(&w.rows[0])
}

// taken notes that somebody else has inserted the row of a Save in the meantime.
func (w *write) taken(r *row) error {
	key, _ := w.model.KeyOf(w.stmt.Context, r.value())
	set, err := w.model.ByKey(w.db, key, rows.Query{Lock: w.lockable()})
	if err != nil {
		return err
	}
	if set.Len() > 0 {
		r.created, r.original = false, set.Row(0).Addr().Interface()
		return nil
	}
	targets := w.conflictTargets(clause.OnConflict{UpdateAll: true}) // another unique index
	stored, err := w.readConflicts(targets, false)
	for _, id := range w.rowIDs(r, targets) {
		if found, ok := stored[id]; ok {
			r.created, r.original = false, found.Addr().Interface()
		}
	}
	return err
}
