package rows

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"gorm.io/gorm/schema"
)

// Steady reports whether a condition on a key that was read from a column always finds its row. A float may be rounded, SQLite stores a time as one
// of several texts, and NULL equals nothing. Set.Loose answers for the values of one read.
func Steady(dialect string, f *schema.Field) bool {
	t := f.FieldType
	switch {
	case f.Serializer != nil, t.Kind() == reflect.Pointer, t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return false
	case t.ConvertibleTo(timeType):
		return dialect != "sqlite"
	}
	return !nullable(t)
}

// nullable reports whether the zero value of a type is NULL to the database, as that of [sql.NullString] is.
func nullable(t reflect.Type) (null bool) {
	zero := reflect.New(t)
	by, ok := reflect.TypeAssert[driver.Valuer](zero.Elem())
	if !ok {
		if by, ok = reflect.TypeAssert[driver.Valuer](zero); !ok {
			return false
		}
	}
	defer func() {
		if recover() != nil { // Value panics on the zero value
			null = true
		}
	}()
	value, err := by.Value()
	return err != nil || value == nil
}

// raw reports whether a key is scanned as the driver's own value, to be compared with the value in its field.
func raw(f *schema.Field) bool {
	return direct(f) || (f.Serializer == nil && (scans(f) || f.FieldType == bytesType))
}

func scans(f *schema.Field) bool {
	return f.FieldType.Kind() != reflect.Pointer && reflect.PointerTo(f.FieldType).Implements(scannerType)
}

// setKey sets a key from the driver's own value. It sets loose if a condition on the key would not find the row.
func (s *scanner) setKey(c column, cell any, field reflect.Value) error {
	if cell == nil {
		s.loose = true
		return nil
	}
	if c.scans {
		by, _ := reflect.TypeAssert[sql.Scanner](field.Addr())
		if err := by.Scan(cell); err != nil {
			return err
		}
	}
	s.loose = s.loose || !s.finds(cell, field)
	return nil
}

// finds reports whether the database considers a field's value equal to the stored one.
func (s *scanner) finds(cell any, field reflect.Value) bool {
	switch field.Kind() { // the usual keys
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v, ok := cell.(int64); ok {
			return v == field.Int()
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v, ok := cell.(int64); ok {
			return v >= 0 && uint64(v) == field.Uint()
		}
	case reflect.String:
		switch v := cell.(type) {
		case string:
			if v == field.String() {
				return true
			}
		case []byte:
			if !s.typed && string(v) == field.String() {
				return true
			}
		}
	default:
	}
	written := plain(field.Interface())
	if s.typed && storage(written) != storage(cell) {
		return false
	}
	if at, ok := cell.(time.Time); ok {
		other, ok := written.(time.Time)
		return ok && !s.typed && at.Equal(other)
	}
	return bytes.Equal(textOf(cell), textOf(written))
}

// storage returns the storage class of a value in SQLite. Comparisons there depend on it: a text equals no blob.
func storage(v any) reflect.Kind {
	rv := reflect.ValueOf(v)
	switch {
	case rv.CanInt(), rv.CanUint():
		return reflect.Int
	case rv.CanFloat():
		return reflect.Float64
	}
	return rv.Kind()
}

func textOf(v any) []byte {
	switch v := v.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	}
	switch rv := reflect.ValueOf(v); {
	case rv.Kind() == reflect.String:
		return []byte(rv.String())
	case rv.CanInt():
		return strconv.AppendInt(nil, rv.Int(), 10)
	case rv.CanUint():
		return strconv.AppendUint(nil, rv.Uint(), 10)
	}
	return []byte(fmt.Sprint(v))
}
