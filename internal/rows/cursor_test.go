package rows_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/internal/rows"
)

// five opens a database with the items 1 to 5.
func five(t *testing.T) (*rows.Model, *gorm.DB) {
	t.Helper()
	return model[item](t, open(t, createItems, "INSERT INTO items (id, name, price) VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 1), (4, 'd', 1), (5, 'e', 2)"))
}

// cheap is the condition that all items but the last one meet, and which other items do not change.
var cheap = []clause.Expression{clause.Expr{SQL: "price = 1"}}

// common is a condition that looks at other rows: the item is not the only one of its price.
var common = []clause.Expression{clause.Expr{SQL: "price IN (SELECT price FROM items GROUP BY price HAVING count(*) > 1)"}}

// walk reads all batches, and does something after each of them.
func walk(t *testing.T, db *gorm.DB, c *rows.Cursor, after func(batch []uint)) (batches [][]uint) {
	t.Helper()
	for {
		set, err := c.Next(db)
		require.NoError(t, err)
		if set.Len() == 0 {
			assert.True(t, c.Done())
			return batches
		}
		batches = append(batches, ids(t, set))
		if after != nil {
			after(batches[len(batches)-1])
		}
	}
}

func run(t *testing.T, db *gorm.DB, sql string, args ...any) {
	t.Helper()
	require.NoError(t, db.Session(&gorm.Session{NewDB: true}).Exec(sql, args...).Error)
}

func TestACursorWalksInBatchesOfKeyOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact  string
		where []clause.Expression
		size  int
		whole bool
		want  [][]uint
	}{
		{"as many as fit", cheap, 3, false, [][]uint{{1, 2, 3}, {4}}},
		{"no empty one at the end", cheap, 2, false, [][]uint{{1, 2}, {3, 4}}},
		{"all at once", cheap, 3, true, [][]uint{{1, 2, 3, 4}}},
		{"all at once without a size", cheap, 0, false, [][]uint{{1, 2, 3, 4}}},
		{"none without rows", []clause.Expression{clause.Expr{SQL: "price = 9"}}, 3, false, nil},
		{"of a condition that looks at other rows", common, 3, false, [][]uint{{1, 2, 3}, {4}}},
		{"of conditions with OR", []clause.Expression{clause.Expr{SQL: "id = 1"}, clause.Or(clause.Expr{SQL: "id > 3"})}, 2, false, [][]uint{{1, 4}, {5}}},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			m, db := five(t)
			assert.Equal(t, c.want, walk(t, db, m.Walk(rows.Query{Where: c.where}, c.size, c.whole), nil))
		})
	}
}

func TestTheRowsOfABatchMayBeWrittenBeforeTheNextOne(t *testing.T) {
	t.Parallel()
	for name, where := range map[string][]clause.Expression{"a plain condition": cheap, "one that looks at other rows": common} {
		for _, sql := range []string{"UPDATE items SET price = 7 WHERE id IN ?", "DELETE FROM items WHERE id IN ?"} {
			t.Run(name+": "+sql, func(t *testing.T) {
				t.Parallel()
				m, db := five(t)
				batches := walk(t, db, m.Walk(rows.Query{Where: where}, 1, false), func(batch []uint) { run(t, db, sql, batch) })
				assert.Equal(t, [][]uint{{1}, {2}, {3}, {4}}, batches)
			})
		}
	}
}

func TestACursorKnowsWhetherItsConditionLooksFurther(t *testing.T) {
	t.Parallel()
	m, db := five(t)
	for want, where := range map[bool][]clause.Expression{false: cheap, true: common} {
		c := m.Walk(rows.Query{Where: where}, 2, false)
		_, err := c.Next(db)
		require.NoError(t, err)
		assert.Equal(t, want, c.Further())
		assert.False(t, c.Loose())
	}
}

func TestAModelWithoutAKeyIsOneBatch(t *testing.T) {
	t.Parallel()
	type line struct{ Text string }
	m, db := model[line](t, open(t, "CREATE TABLE lines (text text)", "INSERT INTO lines VALUES ('a'), ('b'), ('c')"))
	c := m.Walk(rows.Query{}, 2, false)
	set, err := c.Next(db)
	require.NoError(t, err)
	assert.Equal(t, 3, set.Len())
	assert.True(t, c.Done())
}

func TestAJoinFindsARowOnce(t *testing.T) {
	t.Parallel()
	m, db := five(t)
	db.Statement.AddClause(clause.From{Joins: []clause.Join{{Expression: clause.Expr{SQL: "JOIN items AS other ON other.price = items.price"}}}})
	c := m.Walk(rows.Query{Twice: true}, 0, true)
	set, err := c.Next(db)
	require.NoError(t, err)
	assert.Equal(t, []uint{1, 2, 3, 4, 5}, ids(t, set))
	assert.Equal(t, set.Row(4).Interface(), set.Copy(4).Interface(), "the second structs move with the first")
}

func TestOnlyWalksTheRowsThatLimitPicks(t *testing.T) {
	t.Parallel()
	m, db := five(t)
	limit := 3
	pick := []clause.Interface{clause.OrderBy{Expression: clause.Expr{SQL: "id DESC"}}, clause.Limit{Limit: &limit}}
	c, err := m.Only(db, rows.Query{Where: cheap}, 2, pick)
	require.NoError(t, err)
	assert.Equal(t, [][]uint{{3, 4}, {2}}, walk(t, db, c, nil), "the picked ones, in batches")
	c, err = m.Only(db, rows.Query{Where: cheap}, 2, []clause.Interface{clause.OrderBy{Expression: clause.Expr{SQL: "missing"}}})
	require.Error(t, err)
	assert.NotNil(t, c)
}

func TestRowsThatAreGoneLeaveAGapAndNotAnEnd(t *testing.T) {
	t.Parallel()
	m, db := five(t)
	c := m.Walk(rows.Query{Where: common}, 1, false)
	assert.Equal(t, [][]uint{{1}, {4}}, walk(t, db, c, func(batch []uint) {
		if batch[0] == 1 {
			run(t, db, "DELETE FROM items WHERE id IN (2, 3)")
		}
	}))
}

func TestFurtherConditionsNarrowTheBatchesToCome(t *testing.T) {
	t.Parallel()
	for name, where := range map[string][]clause.Expression{"a plain condition": cheap, "one that looks at other rows": common} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, db := five(t)
			c := m.Walk(rows.Query{Where: where}, 1, false)
			also := []clause.Expression{clause.Expr{SQL: "id = 9"}, clause.Or(clause.Expr{SQL: "id <> 3"})}
			assert.Equal(t, [][]uint{{1}, {2}, {4}}, walk(t, db, c, func(batch []uint) {
				if batch[0] == 1 {
					c.Add(append(append([]clause.Expression(nil), where...), clause.And(also...)), also)
				}
			}))
		})
	}
}

func TestAgainLeavesOutWhatTheConditionsFindNoMore(t *testing.T) {
	t.Parallel()
	m, db := five(t)
	c := m.Walk(rows.Query{Where: common}, 1, false)
	set, err := c.Next(db)
	require.NoError(t, err)
	require.Equal(t, []uint{1}, ids(t, set))
	assert.True(t, c.Comes(t.Context(), row(t, m, db, 2)))
	run(t, db, "UPDATE items SET price = 9 WHERE id = 3")
	require.NoError(t, c.Again(db))
	assert.False(t, c.Done())
	assert.True(t, c.Comes(t.Context(), row(t, m, db, 2)))
	assert.False(t, c.Comes(t.Context(), row(t, m, db, 3)))
	assert.Equal(t, [][]uint{{2}, {4}}, walk(t, db, c, func(batch []uint) {
		if batch[0] == 2 {
			assert.True(t, c.Comes(t.Context(), row(t, m, db, 4)))
			run(t, db, "DELETE FROM items WHERE id = 1")
		}
	}))

	c = m.Walk(rows.Query{Where: common}, 1, false)
	_, err = c.Next(db)
	require.NoError(t, err)
	run(t, db, "DELETE FROM items")
	require.NoError(t, c.Again(db))
	assert.True(t, c.Done(), "nothing is left")

	plain := m.Walk(rows.Query{Where: cheap}, 1, false)
	require.NoError(t, plain.Again(db), "it has no keys: every batch asks the conditions")
}

func TestACursorWhoseLastRowsAreGoneIsDone(t *testing.T) {
	t.Parallel()
	m, db := five(t)
	c := m.Walk(rows.Query{Where: common}, 1, false)
	assert.Equal(t, [][]uint{{1}}, walk(t, db, c, func([]uint) { run(t, db, "DELETE FROM items") }))
}

// row reads an item.
func row(t *testing.T, m *rows.Model, db *gorm.DB, id uint) reflect.Value {
	t.Helper()
	set, err := m.ByKey(db, []any{id}, rows.Query{})
	require.NoError(t, err)
	require.Equal(t, 1, set.Len())
	return set.Row(0)
}

func TestComesTellsTheRowsThatTheCursorHasStillToRead(t *testing.T) {
	t.Parallel()
	m, db := five(t)
	c := m.Walk(rows.Query{Where: common}, 1, false)
	comes := func() (list []uint) {
		for id := range uint(6) {
			if id > 0 && c.Comes(t.Context(), row(t, m, db, id)) {
				list = append(list, id)
			}
		}
		return list
	}
	assert.Empty(t, comes(), "it has read no keys")
	for _, want := range [][]uint{{2, 3, 4}, {3, 4}, {4}, nil} {
		_, err := c.Next(db)
		require.NoError(t, err)
		assert.Equal(t, want, comes())
	}
	plain := m.Walk(rows.Query{Where: cheap}, 1, false)
	_, err := plain.Next(db)
	require.NoError(t, err)
	assert.False(t, plain.Comes(t.Context(), row(t, m, db, 3)), "only a cursor that has read all keys knows")
}

func TestRestReadsTheLastBatchAndAllBehindIt(t *testing.T) {
	t.Parallel()
	m, db := five(t)
	c := m.Walk(rows.Query{Where: cheap}, 1, false)
	for range 3 {
		_, err := c.Next(db)
		require.NoError(t, err)
	}
	set, behind, err := c.Rest(db)
	require.NoError(t, err)
	assert.Equal(t, []uint{3, 4}, ids(t, set), "batch 3 and what is behind it")
	set, err = m.Find(db, rows.Query{Where: []clause.Expression{behind}, Ordered: true})
	require.NoError(t, err)
	assert.Equal(t, []uint{3, 4, 5}, ids(t, set), "the condition alone")
}

func TestACursorTellsOfKeysThatWouldNotFindTheirRows(t *testing.T) {
	t.Parallel()
	type thing struct {
		ID   string `gorm:"primaryKey"`
		Name string
	}
	for stored, want := range map[string]bool{"'a'": false, "x'61'": true} {
		m, db := model[thing](t, open(t, "CREATE TABLE things (id, name text)", "INSERT INTO things VALUES ("+stored+", 'a')"))
		c, err := m.Only(db, rows.Query{}, 1, nil)
		require.NoError(t, err)
		assert.Equal(t, want, c.Loose(), stored)
	}
}

func TestABatchReadsNoMoreThanItsRows(t *testing.T) {
	t.Parallel()
	m, db := five(t)
	s := &script{Interface: logger.Discard}
	db = logged(db, s)
	walk(t, db, m.Walk(rows.Query{Where: cheap}, 3, false), nil)
	assert.Equal(t, []int64{3, 1}, s.rows, fmt.Sprint(s.texts))
}
