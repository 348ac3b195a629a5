package rows_test

import (
	"context"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/internal/rows"
)

// item is the model of most tests.
type item struct {
	ID        uint
	Name      string
	Tags      []string `gorm:"serializer:json"`
	Price     *int
	DeletedAt gorm.DeletedAt
}

const createItems = "CREATE TABLE items (id integer PRIMARY KEY, name text, tags text, price integer, deleted_at datetime)"

// items opens a database with four items, of which the last one is soft-deleted.
func items(t *testing.T) (*rows.Model, *gorm.DB) {
	t.Helper()
	return model[item](t, open(t, createItems, `INSERT INTO items (id, name, tags, price, deleted_at) VALUES
		(1, 'a', '["x"]', 10, NULL), (2, 'b', '[]', NULL, NULL), (3, 'c', NULL, 30, NULL), (4, 'd', NULL, 40, '2024-01-02 03:04:05')`))
}

// shown returns the rows of a set.
func shown[T any](t *testing.T, set *rows.Set) (list []T) {
	t.Helper()
	for _, row := range set.Rows() {
		v, ok := reflect.TypeAssert[T](row)
		require.True(t, ok)
		list = append(list, v)
	}
	return list
}

// ids returns the keys of a set of items.
func ids(t *testing.T, set *rows.Set) (list []uint) {
	t.Helper()
	for _, it := range shown[item](t, set) {
		list = append(list, it.ID)
	}
	return list
}

// script is a logger that notes the statements it is shown.
type script struct {
	logger.Interface

	mu    sync.Mutex
	texts []string
	rows  []int64
}

// LogMode changes nothing.
func (s *script) LogMode(logger.LogLevel) logger.Interface { return s }

// Trace notes a statement.
func (s *script) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, n := fc()
	s.texts, s.rows = append(s.texts, text), append(s.rows, n)
}

// last returns the last statement.
func (s *script) last(t *testing.T) string {
	t.Helper()
	require.NotEmpty(t, s.texts)
	return s.texts[len(s.texts)-1]
}

// secret is a script that is shown no values.
type secret struct{ script }

// ParamsFilter hides the values.
func (*secret) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) { return sql, nil }

// logged returns a session whose statements a script notes.
func logged(db *gorm.DB, s logger.Interface) *gorm.DB {
	tx := db.Session(&gorm.Session{Logger: s})
	tx.Statement.Table = db.Statement.Table
	return tx
}

// of opens a database that GORM takes for one of another dialect. GORM builds its statements in that dialect, so they may fail.
func of(t *testing.T, name string, s logger.Interface) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(named{Dialector: sqlite.Dialector{DSN: filepath.Join(t.TempDir(), "test.db")}, name: name}, &gorm.Config{Logger: s})
	require.NoError(t, err)
	delete(db.ClauseBuilders, "FOR") // SQLite's builder leaves it out
	t.Cleanup(func() {
		pool, err := db.DB()
		require.NoError(t, err)
		require.NoError(t, pool.Close())
	})
	require.NoError(t, db.Exec(createItems).Error)
	return db
}

func TestFindReadsTheRowsOfAQuery(t *testing.T) {
	t.Parallel()
	where := []clause.Expression{clause.Gte{Column: clause.Column{Table: clause.CurrentTable, Name: "id"}, Value: 2}}
	for _, c := range []struct {
		fact  string
		query rows.Query
		want  []uint
	}{
		{"all of them", rows.Query{Ordered: true}, []uint{1, 2, 3, 4}},
		{"that meet its conditions", rows.Query{Where: where, Ordered: true}, []uint{2, 3, 4}},
		{"none that the scope of the model hides", rows.Query{Where: where, Scoped: true, Ordered: true}, []uint{2, 3}},
		{"so many", rows.Query{Where: where, Ordered: true, Limit: 2}, []uint{2, 3}},
		{"as further clauses say", rows.Query{Extra: []clause.Interface{clause.OrderBy{Expression: clause.Expr{SQL: "id DESC"}}}, Limit: 2}, []uint{4, 3}},
		{"their keys alone", rows.Query{KeysOnly: true, Ordered: true}, []uint{1, 2, 3, 4}},
		{"locked, which SQLite leaves out", rows.Query{Lock: true, Ordered: true}, []uint{1, 2, 3, 4}},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			m, db := items(t)
			for range 3 { // the first read learns the columns, the others name them
				set, err := m.Find(db, c.query)
				require.NoError(t, err)
				assert.Equal(t, c.want, ids(t, set))
				assert.Equal(t, len(c.want), set.Len())
				for _, it := range shown[item](t, set) {
					assert.Equal(t, c.query.KeysOnly, it.Name == "", "the other columns")
				}
			}
		})
	}
}

func TestARowIsReadAsGORMReadsIt(t *testing.T) {
	t.Parallel()
	m, db := items(t)
	set, err := m.Find(db, rows.Query{Ordered: true})
	require.NoError(t, err)
	var want []item
	require.NoError(t, db.Session(&gorm.Session{NewDB: true}).Unscoped().Order("id").Find(&want).Error)
	assert.Equal(t, want, shown[item](t, set))
	assert.Equal(t, want[2], set.Row(2).Interface())
	assert.True(t, set.Row(2).CanAddr())
	assert.False(t, set.Loose())
	assert.Empty(t, set.Unfit(0))
}

func TestTwiceIsTwoStructsThatShareNoMemory(t *testing.T) {
	t.Parallel()
	m, db := items(t)
	read := func() *rows.Set {
		set, err := m.Find(db, rows.Query{Twice: true, Ordered: true})
		require.NoError(t, err)
		return set
	}
	one := func() *rows.Set {
		set, err := m.ByKey(db, []any{1}, rows.Query{Twice: true})
		require.NoError(t, err)
		return set
	}
	for name, set := range map[string]*rows.Set{"all": read(), "all, by name": read(), "one": one(), "one, by name": one()} {
		first, ok := reflect.TypeAssert[*item](set.Row(0).Addr())
		require.True(t, ok)
		second, ok := reflect.TypeAssert[*item](set.Copy(0).Addr())
		require.True(t, ok)
		assert.Equal(t, first, second, name)
		first.Tags[0], *first.Price, first.Name = "changed", 99, "changed"
		assert.Equal(t, []string{"x"}, second.Tags, name)
		assert.Equal(t, 10, *second.Price, name)
		assert.Equal(t, "a", second.Name, name)
	}
}

func TestByKeyReadsOneRow(t *testing.T) {
	t.Parallel()
	m, db := items(t)
	for range 3 { // the text of the statement is kept
		for _, c := range []struct {
			fact  string
			key   any
			query rows.Query
			want  []item
		}{
			{"the one with the key", uint(2), rows.Query{}, []item{{ID: 2, Name: "b", Tags: []string{}}}},
			{"its key alone", 2, rows.Query{KeysOnly: true}, []item{{ID: 2}}},
			{"none without one", 5, rows.Query{}, nil},
			{"none that the scope of the model hides", 4, rows.Query{Scoped: true}, nil},
			{"also within the scope", 2, rows.Query{Scoped: true}, []item{{ID: 2, Name: "b", Tags: []string{}}}},
		} {
			set, err := m.ByKey(db, []any{c.key}, c.query)
			require.NoError(t, err)
			assert.Equal(t, c.want, shown[item](t, set), c.fact)
		}
	}
}

func TestRowsAreReadFromTheTableOfTheStatement(t *testing.T) {
	t.Parallel()
	m, db := items(t)
	require.NoError(t, db.Session(&gorm.Session{NewDB: true}).Exec("CREATE TABLE archive AS SELECT * FROM items WHERE id = 1").Error)
	archive := onTable(db, "archive")
	for range 3 {
		for name, want := range map[*gorm.DB]int{db: 4, archive: 1} {
			set, err := m.Find(name, rows.Query{})
			require.NoError(t, err)
			assert.Equal(t, want, set.Len())
			set, err = m.ByKey(name, []any{2}, rows.Query{})
			require.NoError(t, err)
			assert.Equal(t, want/4, set.Len(), "the archive has no item 2")
		}
	}
}

func TestAKeyOfSeveralColumnsFindsItsRow(t *testing.T) {
	t.Parallel()
	type line struct {
		OrderID uint `gorm:"primaryKey"`
		Number  int  `gorm:"primaryKey"`
		Text    string
	}
	m, db := model[line](t, open(t, "CREATE TABLE lines (order_id integer, number integer, text text, PRIMARY KEY (order_id, number))",
		"INSERT INTO lines VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'c')"))
	for range 2 {
		set, err := m.ByKey(db, []any{1, 2}, rows.Query{})
		require.NoError(t, err)
		assert.Equal(t, []line{{1, 2, "b"}}, shown[line](t, set))
	}
	set, err := m.Find(db, rows.Query{Where: []clause.Expression{rows.In(db.Name(), m.Keys, [][]any{{1, 2}, {2, 1}, {2, 2}})}, Ordered: true})
	require.NoError(t, err)
	assert.Equal(t, []line{{1, 2, "b"}, {2, 1, "c"}}, shown[line](t, set))
}

func TestLocksAreThoseOfTheDatabase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect string
		query   rows.Query
		joined  bool
		want    string // how the statement ends
	}{
		{"postgres", rows.Query{Lock: true}, false, "FOR UPDATE"},
		{"postgres", rows.Query{Lock: true, Share: true}, false, "FOR KEY SHARE"},
		{"postgres", rows.Query{Lock: true}, true, "FOR UPDATE OF `items`"},
		{"mysql", rows.Query{Lock: true}, false, "FOR UPDATE"},
		{"mysql", rows.Query{Lock: true, Share: true}, false, "FOR UPDATE"},
		{"mysql", rows.Query{Lock: true}, true, "FOR UPDATE"},
		{"sqlserver", rows.Query{Lock: true}, false, "`items`"},
		{"postgres", rows.Query{Share: true}, false, "`items`"},
	} {
		s := &script{Interface: logger.Discard}
		m, db := model[item](t, of(t, c.dialect, s))
		if c.joined {
			db.Statement.AddClause(clause.From{Joins: []clause.Join{{Expression: clause.Expr{SQL: "JOIN items AS other ON true"}}}})
		}
		_, _ = m.Find(db, c.query) // SQLite has no locks
		assert.True(t, strings.HasSuffix(strings.TrimSpace(s.last(t)), c.want), "%v: %s", c, s.last(t))
	}
}

func TestAReadIsShownToTheLogger(t *testing.T) {
	t.Parallel()
	m, db := items(t)
	s := &script{Interface: logger.Discard}
	for range 2 {
		_, err := m.ByKey(logged(db, s), []any{3}, rows.Query{})
		require.NoError(t, err)
	}
	require.Len(t, s.texts, 2)
	assert.Contains(t, s.texts[0], "`id` = 3")
	assert.Equal(t, []int64{1, 1}, s.rows)
	hidden := &secret{script{Interface: logger.Discard}}
	_, err := m.ByKey(logged(db, hidden), []any{3}, rows.Query{})
	require.NoError(t, err)
	assert.NotContains(t, hidden.last(t), "3", "the logger wants no values")
}

func TestAValueThatItsFieldCannotHoldLeavesTheFieldZero(t *testing.T) {
	t.Parallel()
	type odd struct {
		ID    uint
		Small int8
		Size  uint
		Real  float32
		Name  string
		Tags  []string `gorm:"serializer:json"`
	}
	for _, c := range []struct {
		fact, column, stored string
		unfit                bool
	}{
		{"a text for a number", "small", "'many'", true},
		{"a text that is a number", "small", "'12'", false},
		{"a number that is too large", "small", "300", true},
		{"a negative one", "size", "-1", true},
		{"a float that is too large", "real", "1e300", true},
		{"what its serializer cannot read", "tags", "'{'", true},
		{"a number for a text", "name", "5", false},
		{"NULL", "small", "NULL", false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			db := open(t, "CREATE TABLE odds (id integer PRIMARY KEY, small, size, real, name text, tags text)",
				"INSERT INTO odds VALUES (1, 1, 1, 1, 'a', '[]'), (2, 2, 2, 2, 'b', '[]')", "UPDATE odds SET "+c.column+" = "+c.stored+" WHERE id = 2")
			m, tx := model[odd](t, db)
			set, err := m.Find(tx, rows.Query{Ordered: true, Twice: true})
			require.NoError(t, err)
			require.Equal(t, 2, set.Len(), "nobody's write fails because a row cannot be shown")
			assert.Empty(t, set.Unfit(0))
			f := m.Schema.FieldsByDBName[c.column]
			if c.unfit {
				require.Len(t, set.Unfit(1), 1)
				assert.Same(t, f, set.Unfit(1)[0])
				assert.False(t, rows.Valued(t.Context(), f, set.Row(1)))
				assert.False(t, rows.Valued(t.Context(), f, set.Copy(1)))
			} else {
				assert.Empty(t, set.Unfit(1))
			}
			assert.False(t, set.Loose(), "its key is read")
		})
	}
}

func TestAReadThatFailsReturnsItsError(t *testing.T) {
	t.Parallel()
	m, db := items(t)
	_, err := m.Find(db, rows.Query{Where: []clause.Expression{clause.Expr{SQL: "missing = 1"}}})
	require.ErrorContains(t, err, "no such column")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = m.Find(db.WithContext(ctx), rows.Query{})
	require.ErrorIs(t, err, context.Canceled)
}
