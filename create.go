package signals

import (
	"context"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// preCreate sends pre_save for every row that an INSERT will write.
func (r *registry) preCreate(db *gorm.DB) {
	w := r.start(db, preSave, postSave)
	if w == nil {
		return
	}
	if !w.collect() {
		w.undo()
		return
	}
	w.attach()
	w.inserts = w.insertFields()
	_, w.conflicting = w.conflict()
	if (len(w.plan.sides) > 0 || w.plan.atomic || (w.conflicting && (len(w.rows) > 1 || w.locksGaps()))) && db.AddError(w.begin()) != nil {
		return
	}
	if db.AddError(w.resolveConflicts()) != nil {
		return
	}
	if db.AddError(w.send(preSave, &w.pre)) != nil {
		return
	}
	if w.maps != nil {
		w.maps.writeBack(w)
	}
	if db.AddError(w.resolveConflicts()) != nil { // once more when a receiver changed what conflicts
		return
	}
	if len(w.plan.sides) > 0 && db.AddError(w.openLinks(w.joinedBy(), false)) == nil {
		_ = db.AddError(w.sendLinks(false))
	}
}

// postCreate sends post_save for every row that was written.
func (r *registry) postCreate(db *gorm.DB) {
	saw(db)
	w := writeOf(db)
	if w == nil {
		return
	}
	defer w.close()
	if db.Error != nil {
		return
	}
	w.done = true
	if w.maps != nil {
		w.maps.readBack(w)
	}
	if db.AddError(w.dropSkipped()) != nil {
		return
	}
	w.missOriginals()
	_ = db.AddError(w.sendPost(postSave))
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
func (w *write) collect() bool {
	v := w.stmt.ReflectValue
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() != w.schema.ModelType {
			return false
		}
		w.room(1)
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

// dropSkipped silences the rows that the database left alone though nothing known beforehand said so.
func (w *write) dropSkipped() error {
	if w.race != nil && w.db.Name() == "mysql" {
		return nil // the note says it
	}
	if w.returned != nil {
		done, err := w.putBack()
		if err == nil && w.race != nil {
			err = w.askPostgres()
		}
		if done || err != nil {
			return err
		}
	}
	conflict, _ := w.conflict()
	if w.conflicting && !conflict.DoNothing && len(conflict.Where.Exprs) == 0 {
		return nil
	}
	if !w.conflicting && (w.maps != nil || w.db.RowsAffected >= int64(len(w.rows))) {
		return nil // otherwise a trigger kept rows
	}
	if w.race != nil && w.race.fresh > 0 && w.returns() && w.stmt.ReflectValue.Kind() != reflect.Struct {
		return w.verify() // GORM has counted by keys
	}
	var sent, last int64
	for i := range w.rows {
		if !w.rows[i].silent {
			sent, last = sent+1, int64(i+1)
		}
	}
	switch w.db.RowsAffected {
	case sent, last: // with RETURNING, GORM also counts the skipped rows between the inserted ones
		return nil
	case 0:
		w.silenceAll()
		return nil
	}
	return w.verify()
}

// verify reads the rows of the write back and silences those that are not stored as they should be.
func (w *write) verify() error {
	if len(w.model.Keys) == 0 {
		return nil
	}
	ctx := w.stmt.Context
	stored, err := w.readKeys((*row).stored, false)
	if err != nil {
		return err
	}
	for i := range w.rows {
		r := &w.rows[i]
		found, ok := stored[w.model.Identity(ctx, r.stored())]
		if !ok && !r.silent { // the database may write a key in its own way
			if found, ok, err = w.readKey(r.stored()); err != nil {
				return err
			}
		}
		switch {
		case r.silent:
		case !ok:
			r.silent = true
		case r.created:
			r.silent = w.differ(ctx, found, r.value(), nil)
		default:
			r.silent = !w.differ(ctx, found, r.stored(), w.written)
		}
	}
	return nil
}

// readKey reads the row whose key the database takes as equal.
func (w *write) readKey(row reflect.Value) (reflect.Value, bool, error) {
	key, set := w.model.KeyOf(w.stmt.Context, row)
	if !set {
		return reflect.Value{}, false, nil
	}
	found, err := w.model.ByKey(w.db, key, rows.Query{})
	if err != nil || found.Len() == 0 {
		return reflect.Value{}, false, err
	}
	return found.Row(0), true, nil
}

// stored returns what a row was before the write, or else what it is: GORM may have written the key of another row into it.
func (r *row) stored() reflect.Value {
	if r.original != nil {
		return reflect.ValueOf(r.original).Elem()
	}
	return r.value()
}

// differ reports whether two structs of one row differ in a column, or in one of these.
func (w *write) differ(ctx context.Context, a, b reflect.Value, among map[*schema.Field]bool) bool {
	for _, column := range w.schema.DBNames {
		f := w.schema.FieldsByDBName[column]
		if f.Readable && f.Creatable && !f.PrimaryKey && (among == nil || among[f]) && rows.Changed(ctx, w.db.Name(), f, a, b) {
			return true
		}
	}
	return false
}

// readKeys reads rows of the write by their primary keys.
func (w *write) readKeys(keyed func(*row) reflect.Value, keysOnly bool) (map[string]reflect.Value, error) {
	ctx := w.stmt.Context
	var keys [][]any
	for i := range w.rows {
		if key, set := w.model.KeyOf(ctx, keyed(&w.rows[i])); (set || !w.generatesKey()) && !w.rows[i].silent {
			keys = append(keys, key)
		}
	}
	return w.readKeysOf(keys, rows.Query{KeysOnly: keysOnly})
}

// readKeysOf reads the stored rows with some primary keys.
func (w *write) readKeysOf(keys [][]any, q rows.Query) (map[string]reflect.Value, error) {
	found := make(map[string]reflect.Value, len(keys))
	err := w.findIn(w.model.Keys, keys, q, func(stored reflect.Value) { found[w.model.Identity(w.stmt.Context, stored)] = stored })
	return found, err
}

// findIn reads the stored rows whose fields hold one of the values, so many at a time that a statement can name them. The
// conditions of the query hold beside that.
func (w *write) findIn(fields []*schema.Field, values [][]any, q rows.Query, found func(stored reflect.Value)) error {
	conditions := q.Where
	for some := range slices.Chunk(values, w.reg.BatchSize) {
		q.Where = append([]clause.Expression{rows.In(w.db.Name(), fields, some)}, conditions...)
		set, err := w.model.Find(w.db, q)
		if err != nil {
			return err
		}
		for _, stored := range set.Rows() {
			found(stored)
		}
	}
	return nil
}

// keysThat returns which of some primary keys are those of stored rows that a condition holds for.
func (w *write) keysThat(keys [][]any, condition clause.Expression, lock bool) (map[string]bool, error) {
	that := map[string]bool{}
	q := rows.Query{Where: []clause.Expression{condition}, KeysOnly: true, Lock: lock}
	err := w.findIn(w.model.Keys, keys, q, func(stored reflect.Value) { that[w.model.Identity(w.stmt.Context, stored)] = true })
	return that, err
}

// generatesKey reports whether the database makes the primary key, so that zero is none.
func (w *write) generatesKey() bool {
	f := w.schema.PrioritizedPrimaryField
	return f != nil && f.HasDefaultValue
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
