package change

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// Changed reports whether the write changes one of the named fields, or any field if none is named. An unknown name counts as unchanged: a receiver
// of several models may name fields that only some of them have.
func (r *Row) Changed(ctx context.Context, names []string) bool {
	for _, name := range names {
		for _, f := range r.Facts.Model.Fields(name) {
			if r.FieldChanged(ctx, f) {
				return true
			}
		}
	}
	if len(names) > 0 {
		return false
	}
	return slices.ContainsFunc(r.Facts.Model.Columns, func(f *schema.Field) bool {
		return f.AutoUpdateTime == 0 && r.FieldChanged(ctx, f)
	})
}

// MustKnow panics if a name is not a field of the model.
func (r *Row) MustKnow(names []string) {
	for _, name := range names {
		if r.Facts.Model != nil && len(r.Facts.Model.Fields(name)) == 0 {
			panic(errors.New("signals: Changed: " + UnknownField(r.Facts.Model.Schema.ModelType.Name(), r.Facts.Model, name)))
		}
	}
}

// UnknownField returns the text of an error: the model has no such field, and which name was probably meant.
func UnknownField(sender string, model *rows.Model, name string) string {
	text := fmt.Sprintf("%s has no column field %q", sender, name)
	use := ": use"
	if near := model.Near(name); near != "" {
		use = fmt.Sprintf(": did you mean %q? Use", near)
	}
	return text + use + fmt.Sprintf(" a Go field name such as %q, a path such as \"Author.Name\" into an embedded struct, or the name of a column",
		model.Schema.Fields[0].Name)
}

// FieldChanged reports whether the write changes a column of the row.
func (r *Row) FieldChanged(ctx context.Context, f *schema.Field) bool {
	return r.Facts.Strategy.changed(ctx, r, f)
}

// Known reports whether the row has the stored values of all columns beside the new ones.
func (r *Row) Known() bool { return r.Facts.Loaded && r.Original != nil }

// compare compares a column of the stored row with the column as it is or will be written.
func (r *Row) compare(ctx context.Context, f *schema.Field) rows.Verdict {
	before, model, db := reflect.ValueOf(r.Original).Elem(), r.Facts.Model, r.Facts.DB
	verdict := model.Compare(ctx, db, f, before, r.Value())
	if verdict == rows.Unsure && r.Now != nil {
		return model.Compare(ctx, db, f, before, reflect.ValueOf(r.Now).Elem())
	}
	return verdict
}

func (r *Row) differs(ctx context.Context, f *schema.Field) bool {
	return r.compare(ctx, f) != rows.Equal
}

// Unsure returns the fields of which only the database knows whether they have changed, because it stores values of their types in its own form.
func (r *Row) Unsure(ctx context.Context) []*schema.Field {
	if r.Silent || r.Created || r.Original == nil {
		return nil
	}
	var fields []*schema.Field
	for _, f := range r.Facts.Model.Columns {
		if f.Readable && f.AutoUpdateTime == 0 && r.Facts.Strategy.compares(r, f) && r.compare(ctx, f) == rows.Unsure {
			fields = append(fields, f)
		}
	}
	return fields
}

// Changes calls add for each column that the write changes. old is nil if the row is created or its original was not read.
func (r *Row) Changes(ctx context.Context, add func(name, column string, old, value any)) {
	v, model := r.Value(), r.Facts.Model
	for _, f := range r.Facts.Model.Columns {
		switch {
		case f.AutoUpdateTime > 0 && r.Facts.Result != Deleted:
		case r.Facts.Result == Deleted:
			if rows.Valued(ctx, f, v) {
				add(model.Name(f), f.DBName, rows.Value(ctx, f, v), nil)
			}
		case r.Created:
			if rows.Valued(ctx, f, v) && r.Facts.inserted(f) {
				add(model.Name(f), f.DBName, nil, rows.Value(ctx, f, v))
			}
		case r.FieldChanged(ctx, f):
			var old any
			if r.Known() {
				old = rows.Value(ctx, f, reflect.ValueOf(r.Original).Elem())
			}
			add(model.Name(f), f.DBName, old, rows.Value(ctx, f, v))
		}
	}
}

// Restored reports whether the row was soft-deleted and no longer is.
func (r *Row) Restored(ctx context.Context) bool {
	was, is := r.hidden(ctx)
	return was && !is
}

// WasHidden reports whether the row was soft-deleted before the write. It is false if nobody knows that.
func (r *Row) WasHidden(ctx context.Context) bool {
	return !r.Created && r.Known() && r.Facts.Model.Hidden(r.Facts.DB, func(f *schema.Field) any {
		return rows.Value(ctx, f, reflect.ValueOf(r.Original).Elem())
	})
}

// hidden reports whether the row was soft-deleted and whether it is now. Both are false if the write does not change the mark of the soft delete, or
// if nobody knows what the row was.
func (r *Row) hidden(ctx context.Context) (was, is bool) {
	s := r.Facts
	switch {
	case r.Created || (!r.Known() && !s.Live):
		return false, false
	case r.Known() && !slices.ContainsFunc(s.Model.Soft(s.DB), func(f *schema.Field) bool { return r.FieldChanged(ctx, f) }):
		return false, false
	}
	return r.WasHidden(ctx), s.Model.Hidden(s.DB, func(f *schema.Field) any {
		switch {
		case !s.Strategy.leaves(r, f):
			return rows.Value(ctx, f, r.Value())
		case r.Known():
			return rows.Value(ctx, f, reflect.ValueOf(r.Original).Elem())
		}
		return nil // as it was: live
	})
}
