package rows

import (
	"context"
	"reflect"

	"gorm.io/gorm/schema"
)

// Clone returns a pointer to a copy of a row. The columns share no memory with the row; related rows are shared.
func (m *Model) Clone(ctx context.Context, row reflect.Value) reflect.Value {
	p := reflect.New(row.Type())
	p.Elem().Set(row)
	if !m.shares {
		return p
	}
	for _, c := range m.columns {
		if c.embedded {
			unshare(c.field, row, p.Elem())
		}
		if !c.direct && shares(c.field.FieldType) && !absent(c.field, p.Elem()) {
			to := c.field.ReflectValueOf(ctx, p.Elem())
			to.Set(clone(to))
		}
	}
	return p
}

// Equal reports whether two rows hold the same Go values in all columns.
func (m *Model) Equal(ctx context.Context, a, b reflect.Value) bool {
	for _, c := range m.columns {
		if !Same(ctx, c.field, a, b) {
			return false
		}
	}
	return true
}

// unshare copies the embedded structs that lead to a field, if the copied row still shares them.
func unshare(f *schema.Field, row, copied reflect.Value) {
	for _, i := range f.StructField.Index {
		if i >= 0 {
			row, copied = row.Field(i), copied.Field(i)
			continue
		}
		if row, copied = row.Field(-i-1), copied.Field(-i-1); row.IsNil() {
			return
		}
		if row.Pointer() == copied.Pointer() {
			own := reflect.New(row.Type().Elem())
			own.Elem().Set(row.Elem())
			copied.Set(own)
		}
		row, copied = row.Elem(), copied.Elem()
	}
}

// Absent reports whether a field is in an embedded struct whose pointer is nil in the row.
func Absent(f *schema.Field, row reflect.Value) bool { return absent(f, row) }

// absent is Absent. GORM's own accessors would allocate the missing struct.
func absent(f *schema.Field, row reflect.Value) bool {
	for _, i := range f.StructField.Index {
		if i >= 0 {
			row = row.Field(i)
			continue
		}
		if row = row.Field(-i - 1); row.IsNil() {
			return true
		}
		row = row.Elem()
	}
	return false
}

// clone makes a deep copy. Unexported fields stay shared, but for the exported fields of an embedded struct.
func clone(v reflect.Value) reflect.Value {
	copied := reflect.New(v.Type()).Elem()
	copied.Set(v)
	detach(copied)
	return copied
}

// detach gives a value memory of its own, wherever it shares memory with the value that it was copied from.
func detach(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			p := reflect.New(v.Type().Elem())
			p.Elem().Set(v.Elem())
			detach(p.Elem())
			v.Set(p.Convert(v.Type()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			v.Set(clone(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(s, v)
			v.Set(s)
			detachAll(v)
		}
	case reflect.Array:
		detachAll(v)
	case reflect.Map:
		if !v.IsNil() {
			m := reflect.MakeMapWithSize(v.Type(), v.Len())
			for key, value := range v.Seq2() {
				m.SetMapIndex(key, clone(value))
			}
			v.Set(m)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if (f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct) && shares(f.Type) {
				detach(v.Field(i))
			}
		}
	default:
	}
}

// detachAll is detach for the elements of a slice or an array.
func detachAll(v reflect.Value) {
	if shares(v.Type().Elem()) {
		for i := range v.Len() {
			detach(v.Index(i))
		}
	}
}

// Copy copies a field from one row to another, without shared memory.
func Copy(ctx context.Context, f *schema.Field, to, from reflect.Value) {
	if !absent(f, from) {
		f.ReflectValueOf(ctx, to).Set(clone(f.ReflectValueOf(ctx, from)))
	} else if !absent(f, to) {
		f.ReflectValueOf(ctx, to).SetZero()
	}
}
