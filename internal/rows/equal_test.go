package rows_test

import (
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// named is a dialect by its name alone.
type named struct {
	sqlite.Dialector

	name string
}

func (n named) Name() string                      { return n.name }
func (n named) DataTypeOf(f *schema.Field) string { return string(f.DataType) }

func dialect(name string) *gorm.DB {
	return &gorm.DB{Config: &gorm.Config{Dialector: named{name: name}}}
}

// sealed is encrypted differently by each write.
type sealed struct{ plain string }

func (s sealed) Value() (driver.Value, error) { return rand.Text() + ":" + s.plain, nil }
func (s *sealed) Scan(v any) error {
	_, s.plain, _ = strings.Cut(fmt.Sprintf("%s", v), ":")
	return nil
}

// set writes its elements in the random order of a map.
type set map[string]struct{}

func (s set) Value() (driver.Value, error) {
	names := make([]string, 0, len(s))
	for name := range s {
		names = append(names, name)
	}
	return strings.Join(names, ","), nil
}

func (s *set) Scan(v any) error {
	*s = setOf(strings.Split(fmt.Sprintf("%s", v), ",")...)
	return nil
}

func setOf(names ...string) set {
	s := set{}
	for _, name := range names {
		s[name] = struct{}{}
	}
	return s
}

// bytesOnly reads bytes of the driver, and ignores other types without an error.
type bytesOnly []string

func (b bytesOnly) Value() (driver.Value, error) { return strings.Join(b, ","), nil }
func (b *bytesOnly) Scan(v any) error {
	if text, ok := v.([]byte); ok && len(text) > 0 {
		*b = strings.Split(string(text), ",")
	}
	return nil
}

type decimal struct{ text string }

func (d decimal) Value() (driver.Value, error) { return d.text, nil }
func (d *decimal) Scan(v any) error {
	d.text = fmt.Sprintf("%s", v)
	return nil
}

// comparison is a row of the table that specifies Compare.
type comparison struct {
	tag         string // of the field
	stored, now any
	on          map[string]rows.Verdict // by dialect
}

func everywhere(v rows.Verdict) map[string]rows.Verdict {
	return map[string]rows.Verdict{"sqlite": v, "postgres": v, "mysql": v}
}

func on(dialect string, v rows.Verdict) map[string]rows.Verdict {
	return map[string]rows.Verdict{dialect: v}
}

func (c comparison) check(t *testing.T) {
	t.Helper()
	model := reflect.StructOf([]reflect.StructField{
		{Name: "ID", Type: reflect.TypeFor[uint]()},
		{Name: "V", Type: reflect.TypeOf(c.stored), Tag: reflect.StructTag(`gorm:"` + c.tag + `"`)},
	})
	a, b := reflect.New(model), reflect.New(model)
	a.Elem().Field(1).Set(reflect.ValueOf(c.stored))
	b.Elem().Field(1).Set(reflect.ValueOf(c.now))
	for name, want := range c.on {
		db := dialect(name)
		stmt := &gorm.Statement{DB: open(t)}
		require.NoError(t, stmt.Parse(a.Interface()))
		m := (&rows.Models{}).Of(stmt.Schema)
		f := stmt.Schema.FieldsByName["V"]
		got := m.Compare(t.Context(), db, f, a.Elem(), b.Elem())
		assert.Equal(t, want, got, name)
		assert.Equal(t, want != rows.Equal, rows.Changed(t.Context(), name, f, a.Elem(), b.Elem()), name)
	}
}

// checkAll checks comparisons by their names.
func checkAll(t *testing.T, all map[string]comparison) {
	t.Helper()
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
}

func TestCompareTellsNullAndTimes(t *testing.T) {
	t.Parallel()
	now, ticking := time.Date(2024, 2, 3, 4, 5, 6, 123456789, time.UTC), time.Now()
	checkAll(t, map[string]comparison{
		"equal numbers":         {"", 1, 1, everywhere(rows.Equal)},
		"other numbers":         {"", 1, 2, everywhere(rows.Differ)},
		"other texts":           {"type:text", "a", "A", everywhere(rows.Differ)},
		"a number that is none": {"type:double precision", math.NaN(), math.NaN(), everywhere(rows.Equal)},

		"NULL and empty bytes":       {"", []byte(nil), []byte{}, everywhere(rows.Differ)},
		"empty bytes":                {"", []byte{}, []byte{}, everywhere(rows.Equal)},
		"NULL and an empty text":     {"", (*string)(nil), new(""), everywhere(rows.Differ)},
		"NULL twice":                 {"", (*string)(nil), (*string)(nil), everywhere(rows.Equal)},
		"equal behind pointers":      {"", new("a"), new("a"), everywhere(rows.Equal)},
		"NULL and a valid empty one": {"", sql.NullString{}, sql.NullString{Valid: true}, everywhere(rows.Differ)},
		"NULL whatever is beside it": {"", sql.NullString{String: "a"}, sql.NullString{}, everywhere(rows.Equal)},

		"time of another zone": {"", now, now.In(time.FixedZone("", 3600)), everywhere(rows.Equal)},
		"nanoseconds": {"", now.Truncate(time.Microsecond), now, map[string]rows.Verdict{
			"sqlite": rows.Differ, "postgres": rows.Equal, "mysql": rows.Differ,
		}},
		"a time at another moment": {"", now, now.Add(time.Hour), everywhere(rows.Differ)},
		"a clock that goes on":     {"serializer:json", []time.Time{ticking.Round(0)}, []time.Time{ticking}, everywhere(rows.Equal)},
	})
}

func TestCompareReadsBackWhatATypeWrites(t *testing.T) {
	t.Parallel()
	checkAll(t, map[string]comparison{
		"an encrypted text":       {"type:text", sealed{"a"}, sealed{"a"}, everywhere(rows.Equal)},
		"another encrypted text":  {"type:text", sealed{"a"}, sealed{"b"}, everywhere(rows.Differ)},
		"a set":                   {"type:text", setOf("a", "b", "c"), setOf("c", "b", "a"), everywhere(rows.Equal)},
		"another set":             {"type:text", setOf("a"), setOf("b"), everywhere(rows.Differ)},
		"a type that hides texts": {"type:text", bytesOnly(nil), bytesOnly{"a"}, everywhere(rows.Differ)},

		"numbers in JSON":       {"serializer:json;type:text", map[string]any{"n": 1.0}, map[string]any{"n": 1}, everywhere(rows.Equal)},
		"other numbers in JSON": {"serializer:json;type:text", map[string]any{"n": 1.0}, map[string]any{"n": 2}, everywhere(rows.Differ)},
		"deep in JSON":          {"serializer:json;type:text", map[string]any{"a": []any{1.0}}, map[string]any{"a": []int{1}}, everywhere(rows.Equal)},
		"a map written by gob":  {"serializer:gob;type:blob", map[string]int{"a": 1, "b": 2}, map[string]int{"b": 2, "a": 1}, everywhere(rows.Equal)},
	})
}

func TestCompareKnowsTheFormsOfTexts(t *testing.T) {
	t.Parallel()
	checkAll(t, map[string]comparison{
		"JSON keys":               {"type:jsonb", json.RawMessage(`{"a":1,"b":[2]}`), json.RawMessage(`{ "b": [2], "a": 1.0 }`), on("postgres", rows.Equal)},
		"JSON keys in a string":   {"type:JSONB", `{"a":1,"b":2}`, `{"b":2,"a":1}`, on("postgres", rows.Equal)},
		"JSON of another order":   {"type:jsonb", `[1,2]`, `[2,1]`, on("postgres", rows.Differ)},
		"a long number in JSON":   {"type:jsonb", `12345678901234567890`, `12345678901234567891`, on("postgres", rows.Differ)},
		"JSON kept as a text":     {"type:json", `{"a": 1}`, `{"a":1}`, map[string]rows.Verdict{"postgres": rows.Differ, "mysql": rows.Unsure, "sqlite": rows.Differ}},
		"no JSON":                 {"type:jsonb", `{`, `[`, on("postgres", rows.Differ)},
		"padded":                  {"type:char(5)", "ab   ", "ab", map[string]rows.Verdict{"postgres": rows.Equal, "mysql": rows.Equal, "sqlite": rows.Differ}},
		"another padded text":     {"type:char(5)", "ab   ", "abc", everywhere(rows.Differ)},
		"padded with zeros":       {"type:binary(3)", []byte("a\x00\x00"), []byte("a"), on("mysql", rows.Equal)},
		"UUID in capitals":        {"type:uuid", "0b1f0d0e-1111-4222-8333-abcdefabcdef", "{0B1F0D0E-1111-4222-8333-ABCDEFABCDEF}", on("postgres", rows.Equal)},
		"another UUID":            {"type:uuid", "0b1f0d0e-1111-4222-8333-abcdefabcdef", "0b1f0d0e-1111-4222-8333-abcdefabcdee", on("postgres", rows.Differ)},
		"an address":              {"type:inet", "10.0.0.1", "10.0.0.1/32", on("postgres", rows.Equal)},
		"an address of version 6": {"type:inet", "2001:db8::1", "2001:0DB8:0:0::1", on("postgres", rows.Equal)},
		"another address":         {"type:inet", "10.0.0.1/24", "10.0.0.2/24", on("postgres", rows.Differ)},
		"an interval":             {"type:interval", "1 day 02:00:00", "1 day 2 hours", on("postgres", rows.Equal)},
		"an interval of years":    {"type:interval", "1 year 2 mons -3 days", "14 months -3 days", on("postgres", rows.Equal)},
		"a day is not 24 hours":   {"type:interval", "1 day", "24:00:00", on("postgres", rows.Differ)},
		"an interval in ISO 8601": {"type:interval", "1 day", "P1D", on("postgres", rows.Unsure)},
		"a type of its own":       {"type:tsvector", "'a' 'b'", "b a", on("postgres", rows.Unsure)},
	})
}

func TestCompareRoundsAsColumnsDo(t *testing.T) {
	t.Parallel()
	checkAll(t, map[string]comparison{
		"scale":                   {"type:numeric(10,2)", "1.50", "1.5", everywhere(rows.Equal)},
		"scale of a decimal type": {"type:decimal(10,2)", decimal{"1.50"}, decimal{"1.5"}, everywhere(rows.Equal)},
		"rounded":                 {"type:numeric(10,2)", "1.01", "1.005", map[string]rows.Verdict{"postgres": rows.Equal, "mysql": rows.Equal}},
		"a rounded float":         {"type:numeric(10,2)", 1.01, 1.005, on("postgres", rows.Equal)},
		"no fraction":             {"type:numeric(5)", "2", "1.5", on("postgres", rows.Equal)},
		"nearly":                  {"type:numeric(10,2)", "1.01", "1.02", on("postgres", rows.Unsure)},
		"another amount":          {"type:numeric(10,2)", "1.01", "1.50", everywhere(rows.Differ)},
		"any scale":               {"type:numeric", "1.1", "1.11", on("postgres", rows.Differ)},
		"no amount":               {"type:numeric(10,2)", "1.01", "NaN", on("postgres", rows.Unsure)},
		"a huge exponent":         {"type:numeric", "1", "1e999999999", on("postgres", rows.Unsure)},
		"half as exact":           {"type:real", float64(float32(0.1)), 0.1, map[string]rows.Verdict{"postgres": rows.Equal, "mysql": rows.Equal, "sqlite": rows.Differ}},
		"six digits":              {"type:float", 16777200.0, 16777217.0, on("mysql", rows.Unsure)},
		"another float":           {"type:real", 0.5, 0.25, everywhere(rows.Differ)},
	})
}

func TestCompareConvertsTextsAsSQLiteDoes(t *testing.T) {
	t.Parallel()
	all := map[string]comparison{}
	for of, verdict := range map[string]rows.Verdict{
		"integer": rows.Equal, "charint": rows.Equal, "floating point": rows.Equal, "double": rows.Equal, "decimal(10,5)": rows.Equal, "money": rows.Equal,
		"varchar(10)": rows.Differ, "native character": rows.Differ, "clob": rows.Differ, "textual": rows.Differ, "blob": rows.Differ,
	} {
		all["two forms of a number in "+of] = comparison{"type:" + of, "1.0", "1", on("sqlite", verdict)}
	}
	for _, text := range []string{"0x1", "0X1", "0b1", "0B1", "0o1", "0O1", "1_0", "1/1"} {
		all[text+" is no number"] = comparison{"type:numeric", text, "1", map[string]rows.Verdict{"sqlite": rows.Differ, "postgres": rows.Unsure}}
	}
	checkAll(t, all)
}

func TestSameComparesGoValues(t *testing.T) {
	t.Parallel()
	type part struct {
		n     float64
		inner *part
	}
	now := time.Now()
	circle := &part{n: 1}
	circle.inner = circle
	for name, c := range map[string]struct {
		a, b any
		want bool
	}{
		"no number, deep inside":       {[]*part{{n: math.NaN()}}, []*part{{n: math.NaN()}}, true},
		"unexported fields":            {part{n: 1}, part{n: 2}, false},
		"a monotonic clock":            {now, now.Round(0), true},
		"a monotonic clock in a slice": {[]time.Time{now}, []time.Time{now.Round(0)}, true},
		"another offset":               {now.UTC(), now.In(time.FixedZone("", 60)), false},
		"another name of the offset":   {now.In(time.FixedZone("a", 60)), now.In(time.FixedZone("b", 60)), true},
		"nil and empty":                {[]string(nil), []string{}, false},
		"nil and empty maps":           {map[string]int(nil), map[string]int{}, false},
		"equal maps":                   {map[string]any{"a": []int{1}}, map[string]any{"a": []int{1}}, true},
		"other types":                  {map[string]any{"a": 1}, map[string]any{"a": 1.0}, false},
		"another key":                  {map[string]int{"a": 1}, map[string]int{"b": 1}, false},
		"arrays":                       {[2]int{1, 2}, [2]int{1, 3}, false},
		"circles":                      {circle, &part{n: 1, inner: circle}, true},
		"what would be stored alike":   {sql.NullString{String: "a"}, sql.NullString{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := reflect.StructOf([]reflect.StructField{{Name: "V", Type: reflect.TypeOf(c.a), Tag: `gorm:"serializer:json"`}})
			stmt := &gorm.Statement{DB: open(t)}
			a, b := reflect.New(model), reflect.New(model)
			require.NoError(t, stmt.Parse(a.Interface()))
			a.Elem().Field(0).Set(reflect.ValueOf(c.a))
			b.Elem().Field(0).Set(reflect.ValueOf(c.b))
			assert.Equal(t, c.want, rows.Same(t.Context(), stmt.Schema.Fields[0], a.Elem(), b.Elem()))
		})
	}
}

func TestReadingMakesNoEmbeddedStruct(t *testing.T) {
	t.Parallel()
	type spot struct {
		Lat  float64
		Mark *string
		At   time.Time
	}
	type place struct {
		ID   uint
		Spot *spot `gorm:"embedded"`
	}
	m, _ := model[place](t, open(t))
	absent, there := reflect.ValueOf(&place{ID: 1}).Elem(), reflect.ValueOf(&place{ID: 1, Spot: &spot{}}).Elem()
	ctx, db := t.Context(), dialect("sqlite")
	differ := map[string]rows.Verdict{"lat": rows.Differ, "mark": rows.Equal, "at": rows.Differ} // compared with NULL
	for column, want := range differ {
		f := m.Schema.FieldsByDBName[column]
		assert.Equal(t, rows.Equal, m.Compare(ctx, db, f, absent, absent), column)
		assert.Equal(t, want, m.Compare(ctx, db, f, absent, there), column)
		assert.Equal(t, want, m.Compare(ctx, db, f, there, absent), column)
		assert.Equal(t, reflect.Zero(f.FieldType).Interface(), rows.Value(ctx, f, absent), column)
		assert.False(t, rows.Valued(ctx, f, absent))
		assert.True(t, rows.Same(ctx, f, absent, absent))
		assert.False(t, rows.Same(ctx, f, absent, there))
		rows.Copy(ctx, f, absent, absent)
	}
	_, err := m.Encode(ctx, absent)
	require.NoError(t, err)
	clone := m.Clone(ctx, absent)
	_, _ = rows.ValuesOf(ctx, slices.Collect(func(yield func(*schema.Field) bool) { yield(m.Schema.FieldsByDBName["lat"]) }), absent)
	assert.Nil(t, absent.Field(1).Interface())
	assert.Nil(t, clone.Elem().Field(1).Interface())
}
