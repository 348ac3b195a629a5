// Package rows reads, compares and copies the stored rows of writes. It knows tables, keys and columns, but no signals.
package rows

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm/schema"
)

// Models keeps one Model per schema. Its zero value is ready for use.
type Models struct{ bySchema sync.Map }

// Of returns the Model of a schema.
func (m *Models) Of(s *schema.Schema) *Model {
	if found, ok := m.bySchema.Load(s); ok {
		model, _ := found.(*Model)
		return model
	}
	made, _ := m.bySchema.LoadOrStore(s, newModel(s))
	model, _ := made.(*Model)
	return model
}

// Model reads rows of one model.
type Model struct {
	Schema  *schema.Schema
	Keys    []*schema.Field // primary key, in GORM's order; empty when the model has none
	Columns []*schema.Field // the fields that have a column, in GORM's order

	// Computed is true if only the database writes some columns.
	Computed bool

	// Uncreated is true if GORM's INSERT leaves some columns out.
	Uncreated bool

	reading
	shares   bool // a shallow copy of a row shares memory with it: slices, maps, pointers
	zero     any  // a pointer to a zero struct, for GORM to parse
	texts    sync.Map
	paths    map[*schema.Field]string // see Name
	softOnce sync.Once
	soft     []soft // see softs
	shapes   shapes
	types    atomic.Pointer[map[*schema.Field]columnType] // as the database reports them; nil before the first read
}

// reading holds what a Model needs to read whole rows, and to read keys only.
type reading struct {
	columns, keyColumns   []column
	slice, pair           reflect.Type // []T and [2]T
	scanners, keyScanners sync.Pool
}

// column is a field and the way in which it is scanned.
type column struct {
	field  *schema.Field
	direct bool // the field takes the driver's own value
	key    bool // part of the primary key
	raw    bool // scanned as the driver's own value
	scans  bool // a key with a Scan method, which gets the driver's own value

	embedded bool // in an embedded struct behind a pointer: GORM marks its index as negative
	converts bool // a serializer or a driver.Valuer writes it
	plain    bool // a number, a text, a truth value, bytes or a time
}

var (
	scannerType = reflect.TypeFor[sql.Scanner]()
	timeType    = reflect.TypeFor[time.Time]()
	bytesType   = reflect.TypeFor[[]byte]()
)

func newModel(s *schema.Schema) *Model {
	m := &Model{Schema: s, Keys: s.PrimaryFields, zero: reflect.New(s.ModelType).Interface()}
	m.paths = pathsOf(s)
	m.slice, m.pair = reflect.SliceOf(s.ModelType), reflect.ArrayOf(2, s.ModelType)
	for _, name := range s.DBNames {
		f := s.FieldsByDBName[name]
		m.Columns = append(m.Columns, f)
		if !f.Readable {
			continue
		}
		m.Computed = m.Computed || (!f.Updatable && !f.Creatable)
		m.Uncreated = m.Uncreated || (!f.Creatable && !f.IgnoreMigration)
		c := newColumn(f)
		c.embedded = slices.ContainsFunc(f.StructField.Index, func(i int) bool { return i < 0 })
		_, c.plain = plainValue(reflect.Zero(f.IndirectFieldType))
		m.columns = append(m.columns, c)
		m.shares = m.shares || c.embedded || (!c.direct && shares(f.FieldType))
	}
	for _, f := range m.Keys {
		m.keyColumns = append(m.keyColumns, newColumn(f))
	}
	return m
}

func newColumn(f *schema.Field) column {
	c := column{field: f, direct: direct(f), converts: converts(f), key: f.PrimaryKey}
	c.raw = c.direct || (c.key && raw(f))
	c.scans = c.key && c.raw && scans(f)
	return c
}

// direct reports whether a field takes the values of a driver as they are: numbers, strings and times of plain types.
func direct(f *schema.Field) bool {
	if f.Serializer != nil || reflect.PointerTo(f.FieldType).Implements(scannerType) {
		return false
	}
	switch f.FieldType.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.String,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return true
	default:
		return f.FieldType == timeType
	}
}

// shares reports whether copies of a value of the type share memory.
func shares(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Array:
		return shares(t.Elem())
	case reflect.Struct:
		if t == timeType {
			return false
		}
		for f := range t.Fields() {
			if shares(f.Type) {
				return true
			}
		}
	default:
	}
	return false
}

// Zero returns a pointer to a zero struct, for GORM to parse. It must not be changed.
func (m *Model) Zero() any { return m.zero }

// KeyOf returns the primary key of a row and whether every part of it is set.
func (m *Model) KeyOf(ctx context.Context, row reflect.Value) (key []any, set bool) {
	return ValuesOf(ctx, m.Keys, row)
}

// Identity returns a comparable value of a row's primary key, as the function Identity does.
func (m *Model) Identity(ctx context.Context, row reflect.Value) string {
	key, _ := m.KeyOf(ctx, row)
	return Identity(key)
}

// ValuesOf returns the values of fields of a row and whether none of them is zero.
func ValuesOf(ctx context.Context, fields []*schema.Field, row reflect.Value) (values []any, set bool) {
	values, set = make([]any, len(fields)), len(fields) > 0
	for i, f := range fields {
		var zero bool
		values[i], zero = f.ValueOf(ctx, row)
		set = set && !zero
	}
	return values, set
}

// Identity returns a comparable value that is equal for equal keys, however their Go types differ.
func Identity(values []any) string {
	var id []byte
	for _, v := range values {
		part := identity(v)
		id = append(append(strconv.AppendInt(id, int64(len(part)), 10), ':'), part...)
	}
	return string(id)
}

func identity(v any) string {
	switch v := v.(type) { // the usual keys
	case uint:
		return strconv.FormatUint(uint64(v), 10)
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		return v
	}
	v = plain(v)
	switch v := v.(type) {
	case nil:
		return "nil"
	case []byte:
		return string(v)
	case time.Time:
		return fmt.Sprint(v.UnixNano())
	case bool:
		if v {
			return "1"
		}
		return "0"
	}
	return fmt.Sprint(v)
}
