package rows

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm/schema"
)

// Changed reports whether a column differs between a stored row and the row that replaces it. Times count as equal when
// the table cannot tell them apart: PostgreSQL stores microseconds, MySQL the precision of the column.
func Changed(ctx context.Context, dialect string, f *schema.Field, stored, row reflect.Value) bool {
	a, b := f.ReflectValueOf(ctx, stored), f.ReflectValueOf(ctx, row)
	if same(a, b, dialect, f) {
		return false
	}
	return dialect != "postgres" || !strings.HasPrefix(strings.ToLower(string(f.DataType)), "jsonb") || !sameJSON(a.Interface(), b.Interface())
}

// sameJSON reports whether two texts are one JSON value: PostgreSQL stores values of jsonb, not texts.
func sameJSON(a, b any) bool {
	var x, y any
	return json.Unmarshal(bytesOf(a), &x) == nil && json.Unmarshal(bytesOf(b), &y) == nil && reflect.DeepEqual(x, y)
}

func bytesOf(v any) []byte {
	switch v := plain(v).(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	}
	return nil
}

// same compares plain values without boxing them, and all others by what they mean to the database.
func same(a, b reflect.Value, dialect string, f *schema.Field) bool {
	switch a.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return a.Int() == b.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return a.Uint() == b.Uint()
	case reflect.String:
		return a.String() == b.String()
	case reflect.Bool:
		return a.Bool() == b.Bool()
	default:
	}
	if a.Type() == timeType && a.CanAddr() && b.CanAddr() {
		x, _ := reflect.TypeAssert[*time.Time](a.Addr())
		y, _ := reflect.TypeAssert[*time.Time](b.Addr())
		return sameTime(*x, *y, resolution(dialect, f))
	}
	return equal(a.Interface(), b.Interface(), resolution(dialect, f))
}

func sameTime(stored, other time.Time, resolution time.Duration) bool {
	return stored.Equal(other) || stored.Equal(other.Round(resolution)) || stored.Equal(other.Truncate(resolution))
}

// Assign sets a field to a value from a map, as far as the value fits: GORM leaves it to the database to judge others. What a
// serializer has written is read by the serializer.
func Assign(ctx context.Context, f *schema.Field, row reflect.Value, value any) {
	if f.Set(ctx, row, value) == nil || f.Serializer == nil {
		return
	}
	scanned := f.NewValuePool.Get()
	if s, ok := scanned.(sql.Scanner); ok && s.Scan(value) == nil {
		_ = f.Set(ctx, row, scanned)
	}
}

// Value returns what a field of a row holds, as its Go type.
func Value(ctx context.Context, f *schema.Field, row reflect.Value) any {
	return f.ReflectValueOf(ctx, row).Interface()
}

// Valued reports whether a column's field holds something other than its zero value.
func Valued(ctx context.Context, f *schema.Field, row reflect.Value) bool {
	return !f.ReflectValueOf(ctx, row).IsZero()
}

// resolution is the shortest time that a column can tell from another.
func resolution(dialect string, f *schema.Field) time.Duration {
	if dialect != "postgres" && dialect != "mysql" {
		return 1
	}
	digits := f.Precision
	typed, given := digitsOf(string(f.DataType), dialect)
	switch {
	case given && typed < 0:
		return 24 * time.Hour
	case given:
		digits = typed
	case dialect == "postgres" && digits == 0:
		digits = 6
	case dialect == "mysql" && digits == 0:
		digits = 3
	}
	return time.Duration(math.Pow10(9 - min(digits, 9)))
}

// digitsOf reads a column type that a model gives for a time: how many digits of a second it keeps, -1 for a date.
func digitsOf(dataType, dialect string) (digits int, given bool) {
	name, rest, _ := strings.Cut(strings.ToLower(dataType), "(")
	switch strings.Fields(name + " -")[0] {
	case "date":
		return -1, true
	case "datetime", "timestamp", "timestamptz":
		if rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			return int(rest[0] - '0'), true
		}
		if dialect == "mysql" {
			return 0, true
		}
		return 6, true
	}
	return 0, false
}

func equal(a, b any, resolution time.Duration) bool {
	a, b = plain(a), plain(b)
	switch x := a.(type) {
	case time.Time:
		y, ok := b.(time.Time)
		return ok && sameTime(x, y, resolution)
	case []byte:
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	}
	return reflect.DeepEqual(a, b)
}

// plain takes pointers and database types off a value.
func plain(v any) any {
	if valuer, ok := v.(driver.Valuer); ok {
		rv := reflect.ValueOf(v)
		if rv.Kind() == reflect.Pointer && rv.IsNil() {
			return nil
		}
		if value, err := valuer.Value(); err == nil {
			return value
		}
	}
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer {
		if rv.IsNil() {
			return nil
		}
		rv = rv.Elem()
	}
	if !rv.IsValid() {
		return nil
	}
	if rv.Kind() == reflect.Slice && rv.Type().ConvertibleTo(bytesType) && rv.Type().Elem().Kind() == reflect.Uint8 {
		return rv.Convert(bytesType).Interface()
	}
	return rv.Interface()
}

// Null reports whether a value is NULL to the database.
func Null(v any) bool { return plain(v) == nil }

// Same reports whether two rows hold the same Go value in a field. What a receiver changed is found with it: what a type writes into
// the database may differ from one time to the next although its value is the same.
func Same(ctx context.Context, f *schema.Field, a, b reflect.Value) bool {
	if x, y := absent(f, a), absent(f, b); x || y {
		return x == y
	}
	return sameGo(f.ReflectValueOf(ctx, a), f.ReflectValueOf(ctx, b))
}

func sameGo(a, b reflect.Value) bool {
	switch {
	case a.CanInt():
		return a.Int() == b.Int()
	case a.CanUint():
		return a.Uint() == b.Uint()
	case a.CanFloat():
		return a.Float() == b.Float() || (math.IsNaN(a.Float()) && math.IsNaN(b.Float()))
	case a.Kind() == reflect.String:
		return a.String() == b.String()
	case a.Kind() == reflect.Bool:
		return a.Bool() == b.Bool()
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}
