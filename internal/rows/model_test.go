package rows_test

import (
	"database/sql"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/rows"
)

func TestAModelIsMadeOncePerSchema(t *testing.T) {
	t.Parallel()
	db := open(t)
	stmt := &gorm.Statement{DB: db}
	require.NoError(t, stmt.Parse(&item{}))
	var models rows.Models
	made := make([]*rows.Model, 8)
	var group sync.WaitGroup
	for i := range made {
		group.Go(func() { made[i] = models.Of(stmt.Schema) })
	}
	group.Wait()
	for _, m := range made {
		assert.Same(t, made[0], m)
	}
	assert.Same(t, stmt.Schema, made[0].Schema)
	assert.Equal(t, &item{}, made[0].Zero())
	require.Len(t, made[0].Keys, 1)
	assert.Equal(t, "id", made[0].Keys[0].DBName)
}

func TestAModelTellsOfColumnsThatGORMDoesNotWrite(t *testing.T) {
	t.Parallel()
	type (
		written  struct{ ID, A uint }
		computed struct {
			ID uint
			A  uint `gorm:"->"`
		}
		updated struct {
			ID uint
			A  uint `gorm:"<-:update"`
		}
		unread struct {
			ID uint
			A  uint `gorm:"<-:create;->:false"`
		}
		joined struct {
			ID uint
			A  uint `gorm:"->;-:migration"`
		}
	)
	db := open(t)
	check := func(name string, m *rows.Model, is, uncreated bool) {
		assert.Equal(t, [2]bool{is, uncreated}, [2]bool{m.Computed, m.Uncreated}, name)
	}
	m, _ := model[written](t, db)
	check("all are written", m, false, false)
	m, _ = model[computed](t, db)
	check("one is read only", m, true, true)
	m, _ = model[updated](t, db)
	check("one is only updated", m, false, true)
	m, _ = model[unread](t, db)
	check("one is not read", m, false, false)
	m, _ = model[joined](t, db)
	check("one is not in the table", m, true, false)
}

func TestEqualKeysHaveOneIdentity(t *testing.T) {
	t.Parallel()
	now := time.Now()
	number, text := 7, "a"
	for _, equal := range [][]any{
		{1, uint(1), int64(1), int8(1), uint64(1), "1", []byte("1"), sql.NullInt64{Int64: 1, Valid: true}, true},
		{7, &number, "7"},
		{"a", &text, []byte("a"), lower("A")},
		{now, now.UTC(), now.Round(0), &now},
		{nil, (*int)(nil), sql.NullString{}, (*sql.NullString)(nil)},
		{false, 0, "0"},
		{1.5, float32(1.5), "1.5"},
	} {
		for _, v := range equal {
			assert.Equal(t, rows.Identity([]any{equal[0]}), rows.Identity([]any{v}), "%T %v", v, v)
		}
	}
	seen := map[string][]any{}
	for _, other := range [][]any{nil, {1}, {2}, {1, 2}, {12}, {"1:2"}, {"1", ""}, {"", "1"}, {"1:1", "2"}, {"1", "1:2"}, {now}, {now.Add(1)}, {nil}, {""}} {
		id := rows.Identity(other)
		assert.NotContains(t, seen, id, "%v and %v", other, seen[id])
		seen[id] = other
	}
}

func TestValuesAreSetIfNoneOfThemIsZero(t *testing.T) {
	t.Parallel()
	type line struct {
		OrderID uint   `gorm:"primaryKey"`
		Code    string `gorm:"primaryKey"`
		Text    string
	}
	m, _ := model[line](t, open(t))
	for _, c := range []struct {
		row  line
		key  []any
		want bool
	}{
		{line{1, "a", ""}, []any{uint(1), "a"}, true},
		{line{1, "", "t"}, []any{uint(1), ""}, false},
		{line{0, "a", "t"}, []any{uint(0), "a"}, false},
	} {
		key, set := m.KeyOf(t.Context(), reflect.ValueOf(c.row))
		assert.Equal(t, c.key, key)
		assert.Equal(t, c.want, set)
		assert.Equal(t, rows.Identity(c.key), m.Identity(t.Context(), reflect.ValueOf(c.row)))
	}
	none, set := rows.ValuesOf(t.Context(), nil, reflect.ValueOf(line{}))
	assert.Empty(t, none)
	assert.False(t, set, "no key is no set key")
}

func TestNullIsWhatTheDatabaseStoresAsNULL(t *testing.T) {
	t.Parallel()
	for _, null := range []any{nil, (*int)(nil), sql.NullString{}, (*sql.NullString)(nil), gorm.DeletedAt{}, new((*int)(nil))} {
		assert.True(t, rows.Null(null), "%T", null)
	}
	for _, some := range []any{0, "", new(0), sql.NullString{Valid: true}, false, time.Time{}} {
		assert.False(t, rows.Null(some), "%T", some)
	}
}

func TestAssignTakesAValueAsFarAsItFits(t *testing.T) {
	t.Parallel()
	m, _ := model[item](t, open(t))
	for _, c := range []struct {
		fact, column string
		value        any
		want         item
	}{
		{"of the type", "name", "a", item{Name: "a"}},
		{"of a type that GORM converts", "id", "7", item{ID: 7}},
		{"into a pointer", "price", 5, item{Price: new(5)}},
		{"what its serializer reads", "tags", `["x"]`, item{Tags: []string{"x"}}},
		{"of the type behind a serializer", "tags", []string{"x"}, item{Tags: []string{"x"}}},
		{"none that does not fit", "id", "many", item{}},
		{"none that its serializer cannot read", "tags", `{`, item{}},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			var got item
			rows.Assign(t.Context(), field(t, m, c.column), reflect.ValueOf(&got).Elem(), c.value)
			assert.Equal(t, c.want, got)
		})
	}
}
