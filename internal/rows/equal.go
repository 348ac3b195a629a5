package rows

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// Verdict says whether a column changes.
type Verdict uint8

// The verdicts of Compare.
const (
	Equal  Verdict = iota
	Differ         // the column changes
	Unsure         // only the database knows, because it stores values of the type in its own form
)

// Changed reports whether a column differs between a stored row and the row that replaces it. It is true if only the database knows.
func Changed(ctx context.Context, dialect string, f *schema.Field, stored, row reflect.Value) bool {
	return compare(ctx, dialect, typeOf(string(f.DataType)), f, stored, row) != Equal
}

// Compare compares a column of a stored row with that of the row that replaces it, as the database stores both.
func (m *Model) Compare(ctx context.Context, db *gorm.DB, f *schema.Field, stored, row reflect.Value) Verdict {
	if same, known := samePlain(f, stored, row); known {
		return same
	}
	t := m.columnType(db, f)
	if f.FieldType.Kind() == reflect.String && t.asWritten() && !converts(f) && !absent(f, stored) && !absent(f, row) {
		return differ(f.ReflectValueOf(ctx, stored).String() != f.ReflectValueOf(ctx, row).String())
	}
	return compare(ctx, db.Name(), t, f, stored, row)
}

// samePlain compares plain Go values. It knows the answer if they are equal, or different integers or truth values.
func samePlain(f *schema.Field, stored, row reflect.Value) (Verdict, bool) {
	if len(f.StructField.Index) != 1 || f.StructField.Index[0] < 0 {
		return 0, false
	}
	a, b := stored.Field(f.StructField.Index[0]), row.Field(f.StructField.Index[0])
	var equal bool
	whole := true
	switch a.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		equal = a.Int() == b.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		equal = a.Uint() == b.Uint()
	case reflect.Bool:
		equal = a.Bool() == b.Bool()
	case reflect.String:
		equal, whole = a.String() == b.String(), false
	case reflect.Float32, reflect.Float64:
		equal, whole = a.Float() == b.Float(), false
	case reflect.Struct:
		if a.Type() != timeType {
			return 0, false
		}
		equal, whole = sameMoment(timeIn(a), timeIn(b)), false
	default:
		return 0, false
	}
	if equal {
		return Equal, true
	}
	return Differ, whole && !converts(f)
}

// compare compares the Go values, then the written values, then the values read back, and last what a column of the type stores.
func compare(ctx context.Context, dialect string, t columnType, f *schema.Field, stored, row reflect.Value) Verdict {
	if same, known := samePlain(f, stored, row); known {
		return same
	}
	a, b := Held(ctx, f, stored), Held(ctx, f, row)
	gone := absent(f, stored) != absent(f, row) // GORM writes NULL for a field of a missing embedded struct
	if !gone && alike(a, b, 0) {
		return Equal
	}
	x, y := written(ctx, f, stored), written(ctx, f, row)
	if x == nil || y == nil {
		return differ(x != nil || y != nil)
	}
	at, isTime := x.(time.Time)
	if other, ok := y.(time.Time); ok && isTime {
		return differ(!sameTime(at, other, resolution(dialect, f)))
	}
	if alike(reflect.ValueOf(x), reflect.ValueOf(y), 0) || (converts(f) && sameAgain(ctx, f, x, y)) {
		return Equal
	}
	return t.compare(dialect, x, y)
}

func differ(does bool) Verdict {
	if does {
		return Differ
	}
	return Equal
}

// Held returns the value of a field in a row. For a field of a missing embedded struct it is the zero value: GORM would allocate the struct.
func Held(ctx context.Context, f *schema.Field, row reflect.Value) reflect.Value {
	if absent(f, row) {
		return reflect.Zero(f.FieldType)
	}
	return f.ReflectValueOf(ctx, row)
}

// written returns what GORM passes to the driver for a field, nil for NULL.
func written(ctx context.Context, f *schema.Field, row reflect.Value) any {
	if absent(f, row) {
		return nil
	}
	if f.Serializer == nil {
		return driven(f.ReflectValueOf(ctx, row).Interface())
	}
	value, _ := f.ValueOf(ctx, row)
	return driven(value)
}

// driven returns a value as the driver gets it: plain, with nil for nil bytes.
func driven(v any) any {
	v = plain(v)
	if b, ok := v.([]byte); ok && b == nil {
		return nil
	}
	return v
}

// sameAgain reports whether two written values read back as the same Go value: a set in another order, a text encrypted twice, 1 and 1.0 in JSON.
func sameAgain(ctx context.Context, f *schema.Field, x, y any) bool {
	a, ok := readBack(ctx, f, x)
	if !ok {
		return false
	}
	b, ok := readBack(ctx, f, y)
	return ok && alike(a, b, 0)
}

// readBack returns what a field reads from a value of the database. Drivers return texts as bytes or as strings. If a type reads different values
// from the two, it ignores one of them without an error, and readBack reports false.
func readBack(ctx context.Context, f *schema.Field, value any) (field reflect.Value, ok bool) {
	forms := []any{value}
	switch v := value.(type) {
	case string:
		forms = append(forms, []byte(v))
	case []byte:
		forms = []any{slices.Clone(v), string(v)}
	}
	for _, form := range forms {
		back, err := scanned(ctx, f, form)
		switch {
		case err != nil:
		case ok && !alike(field, back, 0):
			return field, false
		default:
			field, ok = back, true
		}
	}
	return field, ok
}

// scanned returns what the serializer or Scanner of a field reads from a value.
func scanned(ctx context.Context, f *schema.Field, value any) (reflect.Value, error) {
	if f.Serializer != nil {
		row := reflect.New(f.Schema.ModelType).Elem()
		err := scanSerialized(ctx, f, row, value)
		return Held(ctx, f, row), err
	}
	to := reflect.New(f.IndirectFieldType)
	by, ok := reflect.TypeAssert[sql.Scanner](to)
	if !ok {
		return to, errors.ErrUnsupported
	}
	return to.Elem(), by.Scan(value)
}

// scanSerialized lets a serializer read a value into its field.
func scanSerialized(ctx context.Context, f *schema.Field, row reflect.Value, value any) error {
	to := f.NewValuePool.Get()
	defer f.NewValuePool.Put(to)
	by, ok := to.(sql.Scanner)
	if !ok {
		return f.Set(ctx, row, value)
	}
	if err := by.Scan(value); err != nil {
		return err
	}
	return f.Set(ctx, row, to)
}

func sameTime(stored, other time.Time, resolution time.Duration) bool {
	return stored.Equal(other) || stored.Equal(other.Round(resolution)) || stored.Equal(other.Truncate(resolution))
}

// Assign sets a field to a value from a map. A value that does not fit leaves the field alone, as GORM leaves it to the database. A serializer also
// reads the form that it writes.
func Assign(ctx context.Context, f *schema.Field, row reflect.Value, value any) {
	if f.Set(ctx, row, value) != nil && f.Serializer != nil {
		_ = scanSerialized(ctx, f, row, value)
	}
}

// Value returns what Held returns, as its Go type.
func Value(ctx context.Context, f *schema.Field, row reflect.Value) any {
	return Held(ctx, f, row).Interface()
}

// Valued reports whether a column's field holds a value other than zero.
func Valued(ctx context.Context, f *schema.Field, row reflect.Value) bool {
	return !absent(f, row) && !f.ReflectValueOf(ctx, row).IsZero()
}

// resolution is the smallest difference of times that a column stores.
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

// digitsOf returns how many digits of a second a model's type for times keeps, -1 for a date.
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

// plain returns the value behind pointers and any [driver.Valuer].
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

func sameBytes(x, y any) bool { return bytes.Equal(textOf(x), textOf(y)) }

// Made reports whether a row has the embedded struct of a field that another row lacks, and the field is zero there.
func Made(f *schema.Field, without, row reflect.Value) bool {
	return absent(f, without) && !absent(f, row) && f.ReflectValueOf(context.Background(), row).IsZero()
}
