package relations

import (
	"context"
	"reflect"
	"slices"

	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// Link is a many2many relation, seen from the rows of its join table.
type Link struct {
	*schema.Relationship

	own, other end
	values     []fixed
}

// end is one side of a link: columns of the join table and the fields that they refer to.
type end struct {
	columns []*schema.Field // of the join table
	fields  []*schema.Field // of the model
	keys    []int           // indexes of the primary key's fields in fields; nil if one is missing
}

// fixed is a column of the join table that has the same value in every row of the relation.
type fixed struct {
	column *schema.Field
	value  string
}

// newLink makes the Link of a relation over a join table. It returns nil if the table lacks a column.
func newLink(join *schema.Schema, r *schema.Relationship) *Link {
	l := &Link{Relationship: r}
	for _, ref := range r.References {
		column := join.LookUpField(ref.ForeignKey.DBName)
		switch {
		case column == nil:
			return nil
		case ref.PrimaryValue != "":
			l.values = append(l.values, fixed{column, ref.PrimaryValue})
		case ref.OwnPrimaryKey:
			l.own.add(column, ref.PrimaryKey)
		default:
			l.other.add(column, ref.PrimaryKey)
		}
	}
	if len(l.own.columns) == 0 || len(l.other.columns) == 0 {
		return nil
	}
	l.own.findKeys(r.Schema)
	l.other.findKeys(r.FieldSchema)
	return l
}

func (e *end) add(column, field *schema.Field) {
	e.columns, e.fields = append(e.columns, column), append(e.fields, field)
}

func (e *end) findKeys(s *schema.Schema) {
	for _, f := range s.PrimaryFields {
		at := slices.Index(e.fields, f)
		if at < 0 {
			e.keys = nil
			return
		}
		e.keys = append(e.keys, at)
	}
}

// OwnFields are the fields of the owner that the join table refers to.
func (l *Link) OwnFields() []*schema.Field { return l.own.fields }

// OwnedThrough reports whether these columns of the join table refer to the owner.
func (l *Link) OwnedThrough(columns []*schema.Field) bool {
	return len(columns) == len(l.own.columns) && !slices.ContainsFunc(columns, func(f *schema.Field) bool {
		return !slices.ContainsFunc(l.own.columns, func(o *schema.Field) bool { return o.DBName == f.DBName })
	})
}

// SameSide reports whether a relation over the same table has the same owners.
func (l *Link) SameSide(r *schema.Relationship) bool {
	var columns []*schema.Field
	for _, ref := range r.References {
		if ref.OwnPrimaryKey {
			columns = append(columns, ref.ForeignKey)
		}
	}
	return r.Schema == l.Schema && l.OwnedThrough(columns)
}

// OtherFields are the fields of the other side that the join table refers to.
func (l *Link) OtherFields() []*schema.Field { return l.other.fields }

// OwnKeyed reports whether the join table holds the primary key of the owner.
func (l *Link) OwnKeyed() bool { return len(l.own.keys) > 0 }

// OtherKey returns the primary key of the other side, if the join table holds it.
func (l *Link) OtherKey(other []any) (key []any, ok bool) {
	for _, at := range l.other.keys {
		key = append(key, other[at])
	}
	return key, len(key) > 0
}

// Of returns the values of OwnFields and OtherFields that a join row refers to. ok is false if the row is no link of the relation: a value is NULL,
// or the row belongs to another relation over the table.
func (l *Link) Of(ctx context.Context, value func(*schema.Field) any) (own, other []any, ok bool) {
	for _, v := range l.values {
		if rows.Identity([]any{value(v.column)}) != rows.Identity([]any{v.value}) {
			return nil, nil, false
		}
	}
	if own, ok = l.own.read(ctx, value); !ok {
		return nil, nil, false
	}
	other, ok = l.other.read(ctx, value)
	return own, other, ok
}

func (e *end) read(ctx context.Context, value func(*schema.Field) any) ([]any, bool) {
	values := make([]any, len(e.columns))
	for i, column := range e.columns {
		v := value(column)
		if rows.Null(v) {
			return nil, false
		}
		if values[i] = v; column.FieldType != e.fields[i].FieldType {
			values[i] = convert(ctx, e.fields[i], v)
		}
	}
	return values, true
}

// convert converts a value to the type of a field.
func convert(ctx context.Context, f *schema.Field, v any) any {
	row := reflect.New(f.Schema.ModelType).Elem()
	if f.Set(ctx, row, v) != nil {
		return v
	}
	converted, _ := f.ValueOf(ctx, row)
	return converted
}

// Joins reports whether links are the identities of all join rows that GORM makes when it saves the relation of the owners.
func (l *Link) Joins(ctx context.Context, owners reflect.Value, links []string) bool {
	var made []string
	add := func(owner reflect.Value) {
		owner = reflect.Indirect(owner)
		if !owner.IsValid() || owner.Type() != l.Schema.ModelType {
			return
		}
		elems := reflect.Indirect(rows.Held(ctx, l.Field, owner))
		for i := 0; elems.IsValid() && i < elems.Len(); i++ {
			if elem := reflect.Indirect(elems.Index(i)); elem.IsValid() {
				made = append(made, Identity(l.own.of(ctx, owner), l.other.of(ctx, elem)))
			}
		}
	}
	switch owners.Kind() {
	case reflect.Struct:
		add(owners)
	case reflect.Slice, reflect.Array:
		for i := range owners.Len() {
			add(owners.Index(i))
		}
	default:
	}
	return slices.Equal(made, links)
}

// Identity returns a comparable value that is equal for equal links.
func Identity(own, other []any) string { return rows.Identity(own) + "," + rows.Identity(other) }

func (e *end) of(ctx context.Context, row reflect.Value) []any {
	values, _ := rows.ValuesOf(ctx, e.fields, row)
	return values
}
