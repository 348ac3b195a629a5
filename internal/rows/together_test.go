package rows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/rows"
)

// by reads items by a column.
func by(m *rows.Model, db *gorm.DB, column string, values ...any) rows.Read {
	r := rows.Read{Model: m, DB: db, By: []*schema.Field{m.Schema.FieldsByDBName[column]}}
	for _, v := range values {
		r.Values = append(r.Values, []any{v})
	}
	return r
}

func TestSeveralReadsAreOneStatement(t *testing.T) {
	t.Parallel()
	type shelf struct {
		Code string `gorm:"primaryKey"`
		Room *int
	}
	root := open(t, createItems, "INSERT INTO items (id, name, tags, price, deleted_at) VALUES (2, 'b', '[\"x\"]', NULL, NULL), (4, 'd', NULL, 40, '2024-01-02 03:04:05')",
		"CREATE TABLE shelves (code text PRIMARY KEY, room integer)", "INSERT INTO shelves VALUES ('a', 1), ('b', NULL), ('c', 3)")
	m, db := model[item](t, root)
	shelves, on := model[shelf](t, root)
	s := &script{Interface: logger.Discard}
	reads := []rows.Read{by(m, logged(db, s), "id", 2, 4, 9), by(shelves, on, "code", "b", "x"), by(m, db, "name", "z")}
	_, ok, err := rows.Together(reads)
	require.NoError(t, err)
	assert.False(t, ok, "nobody knows the columns of the tables")
	for m, db := range map[*rows.Model]*gorm.DB{m: db, shelves: on} {
		_, err = m.Find(db, rows.Query{})
		require.NoError(t, err)
	}
	s.texts = nil
	sets, ok, err := rows.Together(reads)
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, []uint{2, 4}, ids(t, sets[0]))
	assert.Equal(t, []shelf{{Code: "b"}}, shown[shelf](t, sets[1]))
	assert.Empty(t, sets[2].Rows())
	alone, err := m.Find(db, rows.Query{Where: []clause.Expression{rows.In(db.Name(), m.Keys, [][]any{{2}, {4}})}, Ordered: true})
	require.NoError(t, err)
	assert.Equal(t, shown[item](t, alone), shown[item](t, sets[0]), "a row is what it is by itself")
	require.Len(t, s.texts, 1, "the logger is shown one statement")
	assert.Contains(t, s.texts[0], "IN (2,4,9)")
}

func TestReadsOfWhichOneFailsAreMadeOneByOne(t *testing.T) {
	t.Parallel()
	m, db := items(t)
	_, err := m.Find(db, rows.Query{})
	require.NoError(t, err)
	require.NoError(t, db.Session(&gorm.Session{NewDB: true}).Exec("ALTER TABLE items DROP COLUMN price").Error)
	_, ok, err := rows.Together([]rows.Read{by(m, db, "id", 1), by(m, db, "name", "a")})
	require.NoError(t, err)
	assert.False(t, ok)
	set, err := m.Find(db, rows.Query{Ordered: true})
	require.NoError(t, err)
	assert.Equal(t, []uint{1, 2, 3, 4}, ids(t, set))
}

func TestReadsThatWouldMakeTheDatabaseLookAtManyPairsAreMadeOneByOne(t *testing.T) {
	t.Parallel()
	m, db := items(t)
	_, err := m.Find(db, rows.Query{})
	require.NoError(t, err)
	many := make([]any, 40)
	for i := range many {
		many[i] = i
	}
	_, ok, err := rows.Together([]rows.Read{by(m, db, "id", many...), by(m, db, "price", many...)})
	require.NoError(t, err)
	assert.False(t, ok)
	sets, ok, err := rows.Together([]rows.Read{by(m, db, "id", many...), by(m, db, "price", 10)})
	require.NoError(t, err)
	require.True(t, ok)
	assert.Equal(t, []uint{1, 2, 3, 4}, ids(t, sets[0]))
	assert.Equal(t, []uint{1}, ids(t, sets[1]))
}

func TestAReadThatFailsTogetherReturnsItsError(t *testing.T) {
	t.Parallel()
	m, db := items(t)
	_, err := m.Find(db, rows.Query{})
	require.NoError(t, err)
	wrong := by(m, db, "name", "a")
	wrong.Where = []clause.Expression{clause.Expr{SQL: "nothing("}}
	_, _, err = rows.Together([]rows.Read{by(m, db, "id", 1), wrong})
	require.ErrorContains(t, err, "syntax error")
}

// TestMySQLLocksOnlyWhatAReadWithoutALockHasFound only looks at the statement, which SQLite does not understand.
func TestMySQLLocksOnlyWhatAReadWithoutALockHasFound(t *testing.T) {
	t.Parallel()
	s := &script{Interface: logger.Discard}
	m, db := model[item](t, of(t, "mysql", s))
	q := rows.Query{Where: []clause.Expression{rows.In("mysql", m.Keys, [][]any{{1}})}, Lock: true, Found: true}
	assert.False(t, m.LocksFound(db), "the columns are not known")
	_, err := m.Find(db, rows.Query{})
	require.NoError(t, err)
	require.True(t, m.LocksFound(db))
	_, _ = m.Find(db, q)
	text := strings.Join(strings.Fields(s.last(t)), " ")
	assert.True(t, strings.HasSuffix(text, "FROM (SELECT `id` FROM `items` WHERE `id` = 1) AS signals_found STRAIGHT_JOIN `items` FORCE INDEX (PRIMARY) ON `items`.`id` = `signals_found`.`id` FOR UPDATE"), text)
}
