package writes

import (
	"reflect"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
)

// unwritable returns the columns that GORM does not insert, and copies of the rows before pre_save: its receivers may not write them either.
func (w *insert) unwritable() (fields []*schema.Field, before []reflect.Value) {
	for _, f := range w.model.Columns {
		if !f.Creatable {
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 || len(w.plan.Entries[dispatch.PreSave]) == 0 {
		return nil, nil
	}
	before = make([]reflect.Value, len(w.rows))
	for i := range w.rows {
		before[i] = w.model.Clone(w.stmt.Context, w.rows[i].Value()).Elem()
	}
	return fields, before
}

// putBackUnwritable restores the columns of unwritable.
func (w *insert) putBackUnwritable(fields []*schema.Field, before []reflect.Value) {
	for i, old := range before {
		for _, f := range fields {
			if v := w.rows[i].Value(); !rows.Same(w.stmt.Context, f, old, v) {
				rows.Copy(w.stmt.Context, f, v, old)
			}
		}
	}
}

// readWritten reads written rows that differ from the caller's structs: an upsert has assigned values, or only the database writes a column. The
// caller's structs must stay as they are without the plugin, so events get copies.
func (w *insert) readWritten() error {
	if w.plan.Needs.Save <= dispatch.Keys || len(w.model.Keys) == 0 {
		return nil
	}
	var which []int
	for i := range w.rows {
		r := &w.rows[i]
		if !r.Silent && ((!r.Created && w.assigns()) || (r.Created && w.model.Uncreated)) {
			which = append(which, i)
		}
	}
	if len(which) == 0 {
		return nil
	}
	there, err := w.storedNow(which)
	if err != nil {
		return err
	}
	for _, i := range which {
		if found, ok := there[i]; ok {
			w.showStored(&w.rows[i], found)
		}
	}
	w.readBack = true
	return nil
}

// assigns reports whether an upsert assigns a stored row other values than those of the new row.
func (w *insert) assigns() bool { return len(w.computed) > 0 }

// showStored copies stored columns into the event's instance. For a created row these are the columns that only the database writes.
func (w *insert) showStored(r *change.Row, stored reflect.Value) {
	ctx := w.stmt.Context
	var own reflect.Value
	for _, f := range w.model.Columns {
		if !f.Readable || (r.Created && f.Creatable) || rows.Same(ctx, f, stored, r.Value()) {
			continue
		}
		if !own.IsValid() {
			own = w.model.Clone(ctx, r.Value())
			r.Instance = own.Interface()
		}
		rows.Copy(ctx, f, own.Elem(), stored)
	}
}
