package rows_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

type (
	word    string
	percent float32
	// kept is a model with one column for each way of encoding.
	kept struct {
		ID       uint64
		Int      int8
		Byte     uint8
		Bool     bool
		Text     string
		Word     word
		Float    float64
		Percent  percent
		Bytes    []byte
		Raw      json.RawMessage
		At       time.Time
		Pointer  *int
		Twice    **string
		Null     sql.NullString
		Deleted  gorm.DeletedAt
		Own      lower
		OwnPtr   *lower
		Secret   sealed
		JSON     map[string]any     `gorm:"serializer:json"`
		Gob      []string           `gorm:"serializer:gob"`
		Unix     int64              `gorm:"serializer:unixtime"`
		Plain    struct{ A, B int } `gorm:"type:text"`
		Embedded *size              `gorm:"embedded"`
	}
)

// again encodes a row, through JSON as it is stored, and decodes it.
func again(t *testing.T, m *rows.Model, row any) any {
	t.Helper()
	encoded, err := m.Encode(t.Context(), reflect.ValueOf(row).Elem())
	require.NoError(t, err)
	text, err := json.Marshal(encoded)
	require.NoError(t, err)
	var stored rows.Encoded
	require.NoError(t, json.Unmarshal(text, &stored))
	decoded, err := m.Decode(t.Context(), stored)
	require.NoError(t, err)
	return decoded
}

func TestARowOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	m, _ := model[kept](t, open(t))
	at := time.Date(2024, 2, 3, 4, 5, 6, 789, time.UTC)
	for fact, row := range map[string]*kept{
		"nothing":                     {},
		"numbers":                     {ID: math.MaxUint64, Int: -128, Bool: true, Float: math.Pi, Percent: 0.1},
		"the smallest float":          {Float: math.SmallestNonzeroFloat64, Percent: math.MaxFloat32},
		"infinity":                    {Float: math.Inf(-1), Percent: percent(math.Inf(1))},
		"texts":                       {Text: "Ä\n\x00", Word: "w", Own: "own"},
		"a text that is no UTF-8":     {Text: "\xff\xfe"},
		"a text that looks like JSON": {Text: `{"bytes":"AA=="}`, Word: "null"},
		"bytes":                       {Bytes: []byte{0, 255}, Raw: json.RawMessage(`{"a": 1}`)},
		"empty bytes":                 {Bytes: []byte{}},
		"a time":                      {At: at},
		"a time of another zone":      {At: at.In(time.FixedZone("", -3600))},
		"pointers":                    {Pointer: new(0), Twice: new(new("")), OwnPtr: new(lower("p"))},
		"valid zeros":                 {Null: sql.NullString{Valid: true}, Deleted: gorm.DeletedAt{Time: at, Valid: true}},
		"encrypted":                   {Secret: sealed{"s"}},
		"serialized":                  {JSON: map[string]any{"a": []any{1.5, nil}}, Gob: []string{"a"}, Unix: 1700000000},
		"a struct of its own":         {Plain: struct{ A, B int }{1, 2}},
		"an embedded struct":          {Embedded: &size{Width: 1, Inches: []int{2}}},
	} {
		t.Run(fact, func(t *testing.T) {
			t.Parallel()
			want := *row
			got, ok := again(t, m, row).(*kept)
			require.True(t, ok)
			if want.Embedded == nil { // its columns are NULL
				assert.Nil(t, got.Embedded)
			}
			assert.True(t, want.At.Equal(got.At))
			_, offset := want.At.Zone()
			_, back := got.At.Zone()
			assert.Equal(t, offset, back)
			want.At, got.At = time.Time{}, time.Time{}
			assert.Equal(t, &want, got)
		})
	}
	not, ok := again(t, m, &kept{Float: math.NaN()}).(*kept)
	require.True(t, ok)
	assert.True(t, math.IsNaN(not.Float), "no number stays none")
}

func TestDecodeTakesRowsOfOtherVersionsOfAModel(t *testing.T) {
	t.Parallel()
	m, _ := model[item](t, open(t))
	for _, c := range []struct {
		fact string
		text string
		want item
	}{
		{"a column that is gone is left out", `{"id": 1, "gone": 2}`, item{ID: 1}},
		{"a new one stays zero", `{"id": 1}`, item{ID: 1}},
		{"NULL stays zero", `{"id": 1, "name": null, "tags": null, "price": null}`, item{ID: 1}},
		{"a number that still fits", `{"price": 5}`, item{Price: new(5)}},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			var e rows.Encoded
			require.NoError(t, json.Unmarshal([]byte(c.text), &e))
			row, err := m.Decode(t.Context(), e)
			require.NoError(t, err)
			assert.Equal(t, &c.want, row)
		})
	}
}

func TestDecodeRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	m, _ := model[kept](t, open(t))
	for column, texts := range map[string][]string{
		"id":      {"-1", "1.5", `"1"`, "true", `{"bytes":"AA=="}`, `{}`, `{"time":[1]}`},
		"byte":    {"256", "-1"},
		"int":     {"128", "-129", "1.5", "18446744073709551615"},
		"bool":    {"1", `"true"`},
		"text":    {"1", `{"bytes":"AA=="}`},
		"float":   {`"1"`, "true"},
		"percent": {"3.5e38", "-1e39"},
		"at":      {`"2024-01-02"`, "1"},
		"bytes":   {`"a"`},
		"deleted": {`"no time"`},
		"json":    {`"{"`},
		"plain":   {"1"},
	} {
		for _, text := range texts {
			row, err := m.Decode(t.Context(), rows.Encoded{column: json.RawMessage(text)})
			require.Error(t, err, "%s: %s", column, text)
			assert.Nil(t, row)
			assert.Contains(t, err.Error(), "signals: what was kept of column "+column+" of kept does not fit")
		}
	}
}

// stamped adds a stamp when it is written, and reads the stored text as it is.
type stamped string

// Scan reads the text with its stamp.
func (s *stamped) Scan(_ context.Context, _ *schema.Field, _ reflect.Value, value any) error {
	*s = stamped(fmt.Sprint(value))
	return nil
}

// Value writes the stamp and the text.
func (s stamped) Value(context.Context, *schema.Field, reflect.Value, any) (any, error) {
	return "stamp " + string(s), nil
}

func TestNothingStaysNothingWhateverASerializerMakesOfIt(t *testing.T) {
	t.Parallel()
	type letter struct {
		ID uint
		V  stamped
	}
	m, _ := model[letter](t, open(t))
	assert.Equal(t, &letter{}, again(t, m, &letter{}))
	assert.Equal(t, &letter{V: "stamp a"}, again(t, m, &letter{V: "a"}), "its serializer has its way")
}

// errSeal is the error of a mute's Value.
var errSeal = errors.New("no key")

func TestEncodeNamesTheColumnThatCannotBeKept(t *testing.T) {
	t.Parallel()
	type odd struct {
		ID uint
		V  mute
	}
	m, _ := model[odd](t, open(t))
	_, err := m.Encode(t.Context(), reflect.ValueOf(odd{}))
	require.ErrorIs(t, err, errSeal)
	assert.Contains(t, err.Error(), "signals: column v of odd cannot be kept")
}

// mute is a type whose Value fails.
type mute string

// Value fails.
func (mute) Value() (driver.Value, error) { return nil, errSeal }
