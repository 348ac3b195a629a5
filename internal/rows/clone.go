package rows

import (
	"context"
	"reflect"
)

// Clone returns a pointer to a copy of a row whose columns share no memory with it. Related rows are the same ones.
func (m *Model) Clone(ctx context.Context, row reflect.Value) reflect.Value {
	p := reflect.New(row.Type())
	p.Elem().Set(row)
	if !m.shares {
		return p
	}
	for _, c := range m.columns {
		if !c.direct && shares(c.field.FieldType) {
			to := c.field.ReflectValueOf(ctx, p.Elem())
			to.Set(clone(to))
		}
	}
	return p
}

// clone copies slices, maps and pointers, and what they hold. Unexported fields of structs stay shared.
func clone(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(clone(v.Elem()))
		return p.Convert(v.Type())
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		return clone(v.Elem()).Convert(v.Type())
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			s.Index(i).Set(clone(v.Index(i)))
		}
		return s
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		m := reflect.MakeMapWithSize(v.Type(), v.Len())
		for key, value := range v.Seq2() {
			m.SetMapIndex(key, clone(value))
		}
		return m
	case reflect.Struct:
		s := reflect.New(v.Type()).Elem()
		s.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && shares(v.Type().Field(i).Type) {
				s.Field(i).Set(clone(v.Field(i)))
			}
		}
		return s
	default:
		return v
	}
}
