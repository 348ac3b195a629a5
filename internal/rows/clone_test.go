package rows_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

type (
	box struct {
		ID     uint
		Name   string
		At     time.Time
		Tags   []string       `gorm:"serializer:json"`
		Extra  map[string]any `gorm:"serializer:json"`
		Price  *int
		Label  label    `gorm:"serializer:json"`
		Pair   [2][]int `gorm:"serializer:json"`
		Size   *size    `gorm:"embedded"`
		Parent *box
		BoxID  *uint
		Boxes  []box
	}
	label struct {
		inner
		Lines []string
		Any   any
		kept  []string
	}
	inner struct{ Words []string }
	size  struct {
		Inches []int `gorm:"serializer:json"`
		Width  int
	}
)

func newBox() *box {
	return &box{
		ID: 1, Name: "a", Tags: []string{"x"}, Extra: map[string]any{"list": []any{"y"}}, Price: new(5),
		Pair: [2][]int{{1}, {2}}, Label: label{inner: inner{[]string{"w"}}, Lines: []string{"l"}, Any: []int{1}, kept: []string{"k"}}, Size: &size{Width: 2, Inches: []int{3}}, Parent: &box{Name: "p"},
	}
}

// list is the slice in the map.
func (b *box) list() []any { list, _ := b.Extra["list"].([]any); return list }

// numbers is the slice in the interface.
func (b *box) numbers() []int { list, _ := b.Label.Any.([]int); return list }

func TestAClonesColumnsShareNoMemory(t *testing.T) {
	t.Parallel()
	m, _ := model[box](t, open(t))
	for _, c := range []struct {
		fact   string
		change func(b *box)
		shared bool
	}{
		{"a text", func(b *box) { b.Name = "b" }, false},
		{"a slice", func(b *box) { b.Tags[0] = "z" }, false},
		{"what a map holds", func(b *box) { b.list()[0] = "z" }, false},
		{"what a pointer points to", func(b *box) { *b.Price = 6 }, false},
		{"a slice in a struct", func(b *box) { b.Label.Lines[0] = "z" }, false},
		{"a slice in an array", func(b *box) { b.Pair[1][0] = 3 }, false},
		{"a slice in a struct that the struct embeds", func(b *box) { b.Label.Words[0] = "z" }, false},
		{"a slice in an interface", func(b *box) { b.numbers()[0] = 2 }, false},
		{"a field of an embedded struct", func(b *box) { b.Size.Width = 3 }, false},
		{"a slice in an embedded struct", func(b *box) { b.Size.Inches[0] = 4 }, false},
		{"related rows are the same ones", func(b *box) { b.Parent.Name = "q" }, true},
		{"unexported fields stay shared", func(b *box) { b.Label.kept[0] = "z" }, true},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			original := newBox()
			clone, ok := reflect.TypeAssert[*box](m.Clone(t.Context(), reflect.ValueOf(original).Elem()))
			require.True(t, ok)
			assert.NotSame(t, original, clone)
			assert.Equal(t, newBox(), clone)
			c.change(original)
			if c.shared {
				assert.Equal(t, original, clone)
			} else {
				assert.Equal(t, newBox(), clone)
			}
		})
	}
}

func TestACloneKeepsWhatIsNotThere(t *testing.T) {
	t.Parallel()
	m, _ := model[box](t, open(t))
	for _, original := range []*box{{}, {Tags: []string{}, Extra: map[string]any{}}, {Label: label{Any: map[string][]int{"a": nil}}}} {
		assert.Equal(t, original, m.Clone(t.Context(), reflect.ValueOf(original).Elem()).Interface())
	}
	type flat struct {
		ID   uint
		Name string
	}
	plain, _ := model[flat](t, open(t))
	assert.Equal(t, &flat{1, "a"}, plain.Clone(t.Context(), reflect.ValueOf(flat{1, "a"})).Interface())
}

func TestRowsAreEqualIfAllColumnsHoldTheSame(t *testing.T) {
	t.Parallel()
	m, _ := model[box](t, open(t))
	for _, c := range []struct {
		fact   string
		change func(b *box)
		equal  bool
	}{
		{"the same", func(*box) {}, true},
		{"a text", func(b *box) { b.Name = "b" }, false},
		{"deep in a map", func(b *box) { b.Extra["list"] = []any{"z"} }, false},
		{"behind a pointer", func(b *box) { b.Price = new(6) }, false},
		{"equal behind a pointer", func(b *box) { b.Price = new(5) }, true},
		{"in an embedded struct", func(b *box) { b.Size = &size{Width: 3, Inches: []int{3}} }, false},
		{"no embedded struct", func(b *box) { b.Size = nil }, false},
		{"a related row is no column", func(b *box) { b.Parent = nil }, true},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			a, b := newBox(), newBox()
			c.change(b)
			assert.Equal(t, c.equal, m.Equal(t.Context(), reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()))
		})
	}
}

func field(t *testing.T, m *rows.Model, column string) *schema.Field {
	t.Helper()
	f := m.Schema.FieldsByDBName[column]
	require.NotNil(t, f, column)
	return f
}

func TestCopyCopiesOneField(t *testing.T) {
	t.Parallel()
	m, _ := model[box](t, open(t))
	for _, c := range []struct {
		fact, column   string
		to, from, want *box
	}{
		{"a text", "name", &box{Name: "b"}, &box{ID: 2, Name: "a"}, &box{Name: "a"}},
		{"into an embedded struct", "width", &box{Size: &size{Width: 1}}, &box{Size: &size{Width: 2}}, &box{Size: &size{Width: 2}}},
		{"into one that it makes", "width", &box{}, &box{Size: &size{Width: 2}}, &box{Size: &size{Width: 2}}},
		{"from one that is not there", "width", &box{Size: &size{Width: 1, Inches: []int{1}}}, &box{}, &box{Size: &size{Inches: []int{1}}}},
		{"from and to nothing", "width", &box{}, &box{}, &box{}},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			rows.Copy(t.Context(), field(t, m, c.column), reflect.ValueOf(c.to).Elem(), reflect.ValueOf(c.from).Elem())
			assert.Equal(t, c.want, c.to)
		})
	}
	to, from := &box{}, newBox()
	rows.Copy(t.Context(), field(t, m, "tags"), reflect.ValueOf(to).Elem(), reflect.ValueOf(from).Elem())
	from.Tags[0] = "changed"
	assert.Equal(t, []string{"x"}, to.Tags, "they share no memory")
}

func TestAFieldOfAnEmbeddedStructCanBeAbsent(t *testing.T) {
	t.Parallel()
	m, _ := model[box](t, open(t))
	value := func(b box) reflect.Value { return reflect.ValueOf(&b).Elem() }
	none, zero, made := value(box{}), value(box{Size: &size{}}), value(box{Size: &size{Width: 1}})
	width, name := field(t, m, "width"), field(t, m, "name")
	for _, c := range []struct {
		fact              string
		of                *schema.Field
		row               reflect.Value
		absent, valued    bool
		held              any
		madeFromWithoutIt bool
	}{
		{"without its struct", width, none, true, false, 0, false},
		{"with nothing in it", width, zero, false, false, 0, true},
		{"with something in it", width, made, false, true, 1, false},
		{"another field never", name, none, false, false, "", false},
		{"another field with something in it", name, value(box{Name: "a"}), false, true, "a", false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.absent, rows.Absent(c.of, c.row))
			assert.Equal(t, c.valued, rows.Valued(t.Context(), c.of, c.row))
			assert.Equal(t, c.held, rows.Value(t.Context(), c.of, c.row))
			assert.Equal(t, c.held, rows.Held(t.Context(), c.of, c.row).Interface())
			assert.Equal(t, c.madeFromWithoutIt, rows.Made(c.of, none, c.row))
			assert.False(t, rows.Made(c.of, zero, c.row), "the other row has the struct")
		})
	}
}
