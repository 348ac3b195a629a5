package rows

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"gorm.io/gorm/schema"
)

// Encoded is a row in a form that outlives the process: JSON by column name. If a type writes its own database value, that value is encoded.
type Encoded map[string]json.RawMessage

// Encode encodes the columns of a row.
func (m *Model) Encode(ctx context.Context, row reflect.Value) (Encoded, error) {
	return m.encode(ctx, m.columns, row)
}

// EncodeKey encodes the primary key of a row.
func (m *Model) EncodeKey(ctx context.Context, row reflect.Value) (Encoded, error) {
	return m.encode(ctx, m.keyColumns, row)
}

func (m *Model) encode(ctx context.Context, columns []column, row reflect.Value) (Encoded, error) {
	e := make(Encoded, len(columns))
	for _, c := range columns {
		text, err := c.encode(ctx, row)
		if err != nil {
			return nil, fmt.Errorf("signals: column %s of %s cannot be kept: %w", c.field.DBName, m.Schema.Name, err)
		}
		e[c.field.DBName] = text
	}
	return e, nil
}

// Decode makes a row from an Encoded, and returns a pointer to it. It ignores columns that the model no longer has. New columns keep their zero
// value.
func (m *Model) Decode(ctx context.Context, e Encoded) (any, error) {
	row := reflect.New(m.Schema.ModelType)
	for _, c := range m.columns {
		text, ok := e[c.field.DBName]
		if !ok || string(text) == "null" {
			continue
		}
		if err := c.decode(ctx, row.Elem(), text); err != nil {
			return nil, fmt.Errorf("signals: what was kept of column %s of %s does not fit: %w", c.field.DBName, m.Schema.Name, err)
		}
	}
	return row.Interface(), nil
}

// converts reports whether a serializer or a [driver.Valuer] writes the field.
func converts(f *schema.Field) bool {
	valuer := reflect.TypeFor[driver.Valuer]()
	return f.Serializer != nil || f.IndirectFieldType.Implements(valuer) || reflect.PointerTo(f.IndirectFieldType).Implements(valuer)
}

func (c column) encode(ctx context.Context, row reflect.Value) ([]byte, error) {
	f := c.field
	if absent(f, row) {
		return []byte("null"), nil
	}
	v := f.ReflectValueOf(ctx, row)
	if f.Serializer != nil {
		if v.IsZero() { // a serializer may write a zero value as one that reads back as another
			return []byte("null"), nil
		}
		value, _ := f.ValueOf(ctx, row)
		by, _ := value.(driver.Valuer)
		return encodeBy(by)
	}
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return []byte("null"), nil
		}
		if c.converts && v.Type() == reflect.PointerTo(f.IndirectFieldType) {
			break
		}
		v = v.Elem()
	}
	if c.converts {
		return encodeBy(valuer(v))
	}
	if plain, ok := plainValue(v); ok {
		return encodeValue(plain)
	}
	return json.Marshal(v.Interface())
}

// plainValue returns a number, text, truth value, bytes or time, whatever methods its type has. It reports false for other types.
func plainValue(v reflect.Value) (any, bool) {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), true
	case reflect.String:
		return v.String(), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return v.Uint(), true
	case reflect.Float32, reflect.Float64:
		return v.Float(), true
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Bytes(), true
		}
	case reflect.Struct:
		if v.Type().ConvertibleTo(timeType) {
			return v.Convert(timeType).Interface(), true
		}
	default:
	}
	return nil, false
}

func valuer(v reflect.Value) driver.Valuer {
	if by, ok := reflect.TypeAssert[driver.Valuer](v); ok {
		return by
	}
	p := reflect.New(v.Type()) // the pointer implements it
	p.Elem().Set(v)
	by, _ := reflect.TypeAssert[driver.Valuer](p)
	return by
}

func encodeBy(by driver.Valuer) ([]byte, error) {
	value, err := by.Value()
	if err != nil {
		return nil, err
	}
	return encodeValue(value)
}

// wrapped encodes values that JSON has no form for.
type wrapped struct {
	Bytes *[]byte `json:"bytes,omitempty"`
	Text  []byte  `json:"text,omitempty"`  // not valid UTF-8
	Float string  `json:"float,omitempty"` // infinity or NaN
	Time  []int64 `json:"time,omitempty"`  // seconds since 1970, nanoseconds, seconds east of UTC
}

func encodeValue(value any) ([]byte, error) {
	switch v := value.(type) {
	case []byte:
		if v == nil {
			return []byte("null"), nil
		}
		return json.Marshal(wrapped{Bytes: &v})
	case string:
		if !utf8.ValidString(v) {
			return json.Marshal(wrapped{Text: []byte(v)})
		}
	case time.Time:
		_, east := v.Zone()
		return json.Marshal(wrapped{Time: []int64{v.Unix(), int64(v.Nanosecond()), int64(east)}})
	case float64:
		text := strconv.FormatFloat(v, 'e', -1, 64)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return json.Marshal(wrapped{Float: text})
		}
		return []byte(text), nil
	}
	return json.Marshal(value)
}

func (c column) decode(ctx context.Context, row reflect.Value, text []byte) error {
	f := c.field
	field, base := f.ReflectValueOf(ctx, row), f.IndirectFieldType
	if !c.converts && !c.plain {
		return json.Unmarshal(text, field.Addr().Interface())
	}
	value, err := decodeValue(text)
	if err != nil {
		return err
	}
	if f.Serializer != nil {
		to := f.NewValuePool.Get()
		defer f.NewValuePool.Put(to)
		if s, ok := to.(sql.Scanner); ok {
			if err = s.Scan(value); err != nil {
				return err
			}
			return f.Set(ctx, row, to)
		}
	}
	to := reflect.New(base)
	if s, ok := reflect.TypeAssert[sql.Scanner](to); ok && c.converts {
		err = s.Scan(value)
	} else if !assign(to.Elem(), value) {
		err = fmt.Errorf("a %T is no %s", value, base)
	}
	if err != nil {
		return err
	}
	for field.Kind() == reflect.Pointer && field.Type() != to.Type() { // a pointer to a pointer
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	if field.Type() == to.Type() {
		field.Set(to)
	} else {
		field.Set(to.Elem())
	}
	return nil
}

// assign sets a value of a plain type. It reports false if the type cannot hold the value.
func assign(to reflect.Value, value any) bool {
	v := reflect.ValueOf(value)
	if !v.IsValid() {
		return false
	}
	whole := v.CanInt() || (v.CanUint() && v.Uint() <= math.MaxInt64)
	switch {
	case to.CanInt():
		if !whole || to.OverflowInt(v.Convert(reflect.TypeFor[int64]()).Int()) {
			return false
		}
	case to.CanUint():
		if (!v.CanUint() && (!v.CanInt() || v.Int() < 0)) || to.OverflowUint(v.Convert(reflect.TypeFor[uint64]()).Uint()) {
			return false
		}
	case to.CanFloat():
		if (!v.CanFloat() && !whole) || to.OverflowFloat(v.Convert(reflect.TypeFor[float64]()).Float()) {
			return false
		}
	case to.Kind() != v.Kind() || !v.CanConvert(to.Type()):
		return false
	}
	to.Set(v.Convert(to.Type()))
	return true
}

func decodeValue(text []byte) (any, error) {
	if text[0] == '{' {
		var w wrapped
		if err := json.Unmarshal(text, &w); err != nil {
			return nil, err
		}
		switch {
		case w.Bytes != nil:
			return *w.Bytes, nil
		case w.Text != nil:
			return string(w.Text), nil
		case w.Float != "":
			return strconv.ParseFloat(w.Float, 64)
		case len(w.Time) == 3:
			return timeOf(w.Time), nil
		}
		return nil, fmt.Errorf("%s is no value of a database", text)
	}
	var value any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	n, ok := value.(json.Number)
	if !ok {
		return value, nil
	}
	if whole, err := n.Int64(); err == nil {
		return whole, nil
	}
	if whole, err := strconv.ParseUint(n.String(), 10, 64); err == nil {
		return whole, nil
	}
	return n.Float64()
}

func timeOf(parts []int64) time.Time {
	t := time.Unix(parts[0], parts[1])
	if _, east := t.Zone(); int64(east) == parts[2] && parts[2] != 0 {
		return t // local time has this offset
	}
	if parts[2] == 0 {
		return t.UTC()
	}
	return t.In(time.FixedZone("", int(parts[2])))
}
