package signalstest

import (
	"reflect"

	"gorm.io/gorm/schema"
)

// copyOf returns a copy of a value, with its related rows, that shares no memory with it. Fields that GORM ignores, unexported fields, functions and
// channels stay shared.
func copyOf[T any](v T) T {
	copied, ok := reflect.TypeAssert[*T](copier{}.value(reflect.ValueOf(&v)))
	if !ok {
		return v
	}
	return *copied
}

// copier copies each pointer, map and slice once, because rows may point to each other in a circle.
type copier map[thing]reflect.Value

// thing identifies what a pointer, a map or a slice refers to.
type thing struct {
	at  uintptr
	len int
	of  reflect.Type
}

// value copies a value.
func (c copier) value(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() {
			return v
		}
		return c.reference(v)
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		copied := reflect.New(v.Type()).Elem()
		copied.Set(c.value(v.Elem()))
		return copied
	case reflect.Struct, reflect.Array:
		copied := reflect.New(v.Type()).Elem()
		copied.Set(v)
		c.inside(v, copied)
		return copied
	default:
		return v
	}
}

// reference copies what a value refers to.
func (c copier) reference(v reflect.Value) reflect.Value {
	is := thing{at: v.Pointer(), of: v.Type()}
	if v.Kind() == reflect.Slice {
		is.len = v.Len()
	}
	if known, ok := c[is]; ok {
		return known
	}
	var copied reflect.Value
	switch v.Kind() {
	case reflect.Pointer:
		copied = reflect.New(v.Type().Elem())
		c[is] = copied.Convert(v.Type())
		copied.Elem().Set(v.Elem())
		c.inside(v.Elem(), copied.Elem())
	case reflect.Map:
		copied = reflect.MakeMapWithSize(v.Type(), v.Len())
		c[is] = copied
		for key, value := range v.Seq2() {
			copied.SetMapIndex(key, c.value(value))
		}
	default:
		copied = reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		c[is] = copied
		for i := range v.Len() {
			copied.Index(i).Set(c.value(v.Index(i)))
		}
	}
	return copied.Convert(v.Type())
}

// inside copies the parts of a value into its shallow copy.
func (c copier) inside(v, copied reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			switch f := v.Type().Field(i); {
			case ignored(f):
			case f.IsExported():
				copied.Field(i).Set(c.value(v.Field(i)))
			case f.Anonymous && f.Type.Kind() == reflect.Struct: // its exported fields are fields of the row
				c.inside(v.Field(i), copied.Field(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			copied.Index(i).Set(c.value(v.Index(i)))
		}
	default:
		copied.Set(c.value(v))
	}
}

// ignored reports whether GORM ignores a field. It may hold anything, such as a session.
func ignored(f reflect.StructField) bool {
	switch schema.ParseTagSetting(f.Tag.Get("gorm"), ";")["-"] {
	case "-", "all":
		return true
	}
	return false
}
