package signals

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// changed reports whether any of the named fields changes, or any at all. A name that the model does not know changes nothing: a
// receiver of several models may name fields that only some of them have.
func (r *row) changed(ctx context.Context, names []string) bool {
	for _, name := range names {
		for _, f := range r.facts.model.Fields(name) {
			if r.fieldChanged(ctx, f) {
				return true
			}
		}
	}
	if len(names) > 0 {
		return false
	}
	return slices.ContainsFunc(r.facts.model.Schema.DBNames, func(column string) bool {
		f := r.facts.model.Schema.FieldsByDBName[column]
		return f.AutoUpdateTime == 0 && r.fieldChanged(ctx, f)
	})
}

// mustKnow panics for a name that is no field of the model.
func (r *row) mustKnow(names []string) {
	for _, name := range names {
		if r.facts.model != nil && len(r.facts.model.Fields(name)) == 0 {
			panic(errors.New("signals: Changed: " + unknownField(r.facts.model.Schema.ModelType.Name(), r.facts.model, name)))
		}
	}
}

// unknownField says that a model has no such field, and what may have been meant.
func unknownField(sender string, model *rows.Model, name string) string {
	text := fmt.Sprintf("%s has no column field %q", sender, name)
	use := ": use"
	if near := model.Near(name); near != "" {
		use = fmt.Sprintf(": did you mean %q? Use", near)
	}
	return text + use + fmt.Sprintf(" a Go field name such as %q, a path such as \"Author.Name\" into an embedded struct, or the name of a column",
		model.Schema.Fields[0].Name)
}

// fieldChanged reports whether the write changes a column of the row.
func (r *row) fieldChanged(ctx context.Context, f *schema.Field) bool {
	return r.facts.strategy.changed(ctx, r, f)
}

// known reports whether the row has the stored values of all columns beside the new ones.
func (r *row) known() bool { return r.facts.loaded && r.original != nil }

// compare compares a column of the stored row with that of the row as it is or will be written.
func (r *row) compare(ctx context.Context, f *schema.Field) rows.Verdict {
	before, model, db := reflect.ValueOf(r.original).Elem(), r.facts.model, r.facts.db
	verdict := model.Compare(ctx, db, f, before, r.value())
	if verdict == rows.Unsure && r.now != nil {
		return model.Compare(ctx, db, f, before, reflect.ValueOf(r.now).Elem())
	}
	return verdict
}

func (r *row) differs(ctx context.Context, f *schema.Field) bool {
	return r.compare(ctx, f) != rows.Equal
}

// unsure returns the fields of which only the database knows whether they changed: it stores values of their types in a form of its own.
func (r *row) unsure(ctx context.Context) []*schema.Field {
	if r.silent || r.created || r.original == nil {
		return nil
	}
	var fields []*schema.Field
	for _, column := range r.facts.model.Schema.DBNames {
		f := r.facts.model.Schema.FieldsByDBName[column]
		if f.Readable && f.AutoUpdateTime == 0 && r.facts.strategy.compares(r, f) && r.compare(ctx, f) == rows.Unsure {
			fields = append(fields, f)
		}
	}
	return fields
}

// changes gives add the columns that the write changes. old is nil where the row is created or its original is not known.
func (r *row) changes(ctx context.Context, add func(name, column string, old, value any)) {
	v, model := r.value(), r.facts.model
	for _, column := range r.facts.model.Schema.DBNames {
		f := r.facts.model.Schema.FieldsByDBName[column]
		switch {
		case f.AutoUpdateTime > 0:
		case r.created:
			if rows.Valued(ctx, f, v) && r.facts.inserted(f) {
				add(model.Name(f), column, nil, rows.Value(ctx, f, v))
			}
		case r.fieldChanged(ctx, f):
			var old any
			if r.known() {
				old = rows.Value(ctx, f, reflect.ValueOf(r.original).Elem())
			}
			add(model.Name(f), column, old, rows.Value(ctx, f, v))
		}
	}
}

// restored reports whether the row was soft-deleted and is no more.
func (r *row) restored(ctx context.Context) bool {
	if r.created || !r.known() {
		return false
	}
	model, db, written := r.facts.model, r.facts.db, r.facts.written
	if !slices.ContainsFunc(model.Soft(db), func(f *schema.Field) bool { return r.fieldChanged(ctx, f) }) {
		return false
	}
	before, after := reflect.ValueOf(r.original).Elem(), r.value()
	hidden := func(v reflect.Value) bool {
		return model.Hidden(db, func(f *schema.Field) any {
			if written != nil && !written[f] {
				return rows.Value(ctx, f, before)
			}
			return rows.Value(ctx, f, v)
		})
	}
	return hidden(before) && !hidden(after)
}
