package signals

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// insert is a write of an INSERT.
type insert struct {
	write

	goesOn      *leftover   // of a Save: its update has found no row, and this is its INSERT
	conflicting bool        // the INSERT says what to do about rows that are stored already
	conflicts   string      // what its rows conflict on
	follows     map[int]int // rows of an upsert whose original is what an earlier row of it leaves behind
	race        *race       // with other connections
	maps        *mapRows    // of a create from maps
	returned    *returned   // of an INSERT that may return fewer rows than it has
	together    func()      // gives rows that share a struct of the caller's that struct again
	readBack    bool        // the instances of updated rows are what is stored
	upsert
}

// upsert is what an INSERT names, and what it changes of a stored row.
type upsert struct {
	inserts  []string               // names of the fields that it inserts; nil means all
	fields   []string               // names of the fields that it updates; nil means all
	written  map[*schema.Field]bool // what it changes of a stored row; nil when it leaves stored rows alone
	computed map[*schema.Field]bool // of these, what the database computes
}

// openInsert begins the write of an INSERT, nil if nobody is to hear of it.
func (r *registry) openInsert(db *gorm.DB) *insert {
	goesOn := r.unsaved.take(db.Statement)
	if db.Statement.SkipHooks && goesOn == nil {
		return nil
	}
	p := r.planOf(db)
	if p == nil || !p.concerns(preSave, postSave) {
		return nil
	}
	w := start[insert](r, db, p, preSave, postSave)
	if w != nil {
		w.goesOn = goesOn
	}
	return w
}

// preCreate sends pre_save for every row that an INSERT will write.
func (r *registry) preCreate(db *gorm.DB) {
	w := r.openInsert(db)
	if w == nil {
		return
	}
	if !w.collect() {
		w.undo()
		return
	}
	keep(w)
	w.inserts = w.insertFields()
	_, w.conflicting = w.conflict()
	*w.facts = w.insertFacts(&w.upsert)
	if w.takesSeveral() && db.AddError(w.begin()) != nil {
		return
	}
	if db.AddError(w.resolveConflicts()) != nil {
		return
	}
	heard := w.goesOn != nil && w.goesOn.heard
	if !heard && db.AddError(w.preInserted()) != nil {
		return
	}
	if len(w.plan.sides) > 0 && db.AddError(w.openLinks(w.joinedBy(), false)) == nil && !heard {
		_ = db.AddError(w.sendLinks(false))
	}
}

// takesSeveral reports whether the INSERT stands or falls with other statements.
func (w *insert) takesSeveral() bool {
	return len(w.plan.sides) > 0 || w.plan.atomic || w.goesOn != nil || (w.conflicting && (len(w.rows) > 1 || w.dialect().locksGaps()))
}

// preInserted sends pre_save, and takes over what its receivers change.
func (w *insert) preInserted() error {
	unwritable, before := w.unwritable()
	if err := w.send(preSave, &w.pre); err != nil {
		return err
	}
	w.turn()
	w.told[1] = w.told[0]
	w.keepUnwritable(unwritable, before)
	if w.maps != nil {
		w.maps.writeBack(w)
	}
	if err := w.resolveConflicts(); err != nil { // once more when a receiver changed what conflicts
		return err
	}
	w.refollow()
	return nil
}

// after sends post_save for every row that was written.
func (w *insert) after() {
	if !w.stands() {
		return
	}
	if w.fail(w.readWritten()) {
		return
	}
	w.missOriginals()
	w.turn()
	w.told[1] = w.insertedFacts()
	w.fail(w.sendPost(postSave))
}

// missOriginals stands in for stored rows that nobody could read before: what an upsert hits by an index that the model does not
// declare. The row as it is now counts as its original.
func (w *write) missOriginals() {
	for i := range w.rows {
		if r := &w.rows[i]; w.loaded && !r.created && r.original == nil {
			r.original = w.model.Clone(w.stmt.Context, r.value()).Interface()
		}
	}
}

// collect finds the structs that an INSERT takes its rows from. It reports false where GORM will refuse the statement.
func (w *insert) collect() bool {
	v := w.stmt.ReflectValue
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() != w.schema.ModelType {
			return false
		}
		w.room(1)
		if !v.CanAddr() && w.goesOn != nil && w.goesOn.value.IsValid() {
			v = w.standIn(w.goesOn.value.Addr())
		}
		w.add(w.addressable(v), true)
	case reflect.Slice, reflect.Array:
		if v.Len() == 0 {
			return false
		}
		if isMap(v.Type().Elem()) {
			return w.collectMaps()
		}
		if v.Kind() == reflect.Array {
			v = w.addressable(v)
		}
		w.room(v.Len())
		for i := range v.Len() {
			elem := reflect.Indirect(v.Index(i))
			if !elem.IsValid() || elem.Type() != w.schema.ModelType || !elem.CanAddr() {
				return false
			}
			w.add(elem, true)
		}
	case reflect.Map:
		return w.collectMaps()
	default:
		return false
	}
	return true
}

// addressable returns v itself, or puts an addressable copy in its place until the write ends, so that what receivers
// change reaches the INSERT.
func (w *write) addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return w.standIn(p)
}

// standIn puts the struct that p points to in the place of the statement's value until the write ends.
func (w *write) standIn(p reflect.Value) reflect.Value {
	dest, value := w.stmt.Dest, w.stmt.ReflectValue
	w.stmt.Dest, w.stmt.ReflectValue = p.Interface(), p.Elem()
	w.restore = append(w.restore, func() { w.stmt.Dest, w.stmt.ReflectValue = dest, value })
	return p.Elem()
}

// insertFields returns the fields that Select and Omit leave to an INSERT, nil for all.
func (w *write) insertFields() []string {
	if len(w.stmt.Selects) == 0 && len(w.stmt.Omits) == 0 {
		return nil
	}
	selected, restricted := w.stmt.SelectAndOmitColumns(true, false)
	names, all := make([]string, 0, len(w.schema.DBNames)), true
	for _, column := range w.schema.DBNames {
		f := w.schema.FieldsByDBName[column]
		if v, ok := selected[column]; (ok && v) || (!ok && !restricted) {
			if f.AutoCreateTime == 0 && f.AutoUpdateTime == 0 {
				names = append(names, w.model.Name(f))
			}
		} else if f.Creatable {
			all = false
		}
	}
	if all {
		return nil
	}
	return names
}

func isMap(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		if t.Kind() == reflect.Interface {
			return false
		}
		t = t.Elem()
	}
	return t.Kind() == reflect.Map
}
