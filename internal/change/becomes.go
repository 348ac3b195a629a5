package change

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// Becoming is a value that a field must change to.
type Becoming struct {
	Field string
	Value any

	holding sync.Map // by *rows.Model: a []held
}

// held is a row whose field has the value.
type held struct {
	field *schema.Field
	row   reflect.Value
}

// Check returns what is wrong with the field, or with the value in a model, "" for nothing.
func (b *Becoming) Check(ctx context.Context, sender string, model *rows.Model) string {
	fields := model.Fields(b.Field)
	if len(fields) == 0 {
		return UnknownField(sender, model, b.Field)
	}
	for _, f := range fields {
		if _, err := model.Holding(ctx, f, b.Value); err != nil {
			return fmt.Sprintf("%s.%s cannot become %#v: %v: give a value of the field's type, %s", sender, model.Name(f), b.Value, err, f.FieldType)
		}
	}
	return ""
}

// of returns rows of a model that have the value, one for each field of the name. There is none for a field that cannot hold the value.
func (b *Becoming) of(ctx context.Context, model *rows.Model) []held {
	if known, ok := b.holding.Load(model); ok {
		all, _ := known.([]held)
		return all
	}
	var all []held
	for _, f := range model.Fields(b.Field) {
		if row, err := model.Holding(ctx, f, b.Value); err == nil {
			all = append(all, held{f, row})
		}
	}
	b.holding.Store(model, all)
	return all
}

// Becomes reports whether a field of the row changes to the value: it held another one, or the row is created with the value.
func (r *Row) Becomes(ctx context.Context, b *Becoming) bool {
	for _, h := range b.of(ctx, r.Facts.Model) {
		switch {
		case r.Facts.Computed[h.field] || !r.holds(ctx, h): // a computed value is known only after the write
		case r.Created && r.Facts.inserted(h.field), !r.Created && r.FieldChanged(ctx, h.field):
			return true
		}
	}
	return false
}

// holds reports whether the row, as it is or will be written, has the value of h in its field.
func (r *Row) holds(ctx context.Context, h held) bool {
	model, db := r.Facts.Model, r.Facts.DB
	verdict := model.Compare(ctx, db, h.field, h.row, r.Value())
	if verdict == rows.Unsure && r.Now != nil {
		verdict = model.Compare(ctx, db, h.field, h.row, reflect.ValueOf(r.Now).Elem())
	}
	return verdict == rows.Equal
}
