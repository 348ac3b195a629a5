package rows_test

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/internal/rows"
)

// open opens a database of its own for a test.
func open(t *testing.T, statements ...string) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	t.Cleanup(func() {
		pool, err := db.DB()
		require.NoError(t, err)
		require.NoError(t, pool.Close())
	})
	for _, s := range statements {
		require.NoError(t, db.Exec(s).Error)
	}
	return db
}

// model returns what the package keeps of a model, and a session on its table.
func model[T any](t *testing.T, db *gorm.DB) (*rows.Model, *gorm.DB) {
	t.Helper()
	tx := db.Session(&gorm.Session{}).Model(new(T))
	require.NoError(t, tx.Statement.Parse(new(T)))
	return (&rows.Models{}).Of(tx.Statement.Schema), tx
}

// lower writes itself in lower case, whatever is stored.
type lower string

func (l lower) Value() (driver.Value, error) { return strings.ToLower(string(l)), nil }

func (l *lower) Scan(v any) error {
	*l = lower(strings.ToLower(fmt.Sprintf("%s", v)))
	return nil
}

func looseness[T any](stored string) func(*testing.T) bool {
	return func(t *testing.T) bool {
		t.Helper()
		db := open(t, "CREATE TABLE things (id, name text)", "INSERT INTO things VALUES ("+stored+", 'a')")
		type thing struct {
			ID   T `gorm:"primaryKey"`
			Name string
		}
		m, tx := model[thing](t, db.Table("things"))
		tx.Statement.Table = "things"
		whole, err := m.Find(tx, rows.Query{Twice: true})
		require.NoError(t, err)
		require.Equal(t, 1, whole.Len())
		keys, err := m.Find(tx, rows.Query{KeysOnly: true})
		require.NoError(t, err)
		assert.Equal(t, whole.Loose(), keys.Loose())
		key, _ := m.KeyOf(t.Context(), whole.Row(0))
		found, err := m.ByKey(tx, key, rows.Query{})
		require.NoError(t, err)
		if !whole.Loose() {
			assert.Equal(t, 1, found.Len(), "the key finds its row")
		}
		return whole.Loose()
	}
}

func TestAKeyThatReadsOtherwiseThanItIsStoredIsLoose(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		is   func(*testing.T) bool
		want bool
	}{
		"a number":                                {looseness[uint]("1"), false},
		"NULL":                                    {looseness[uint]("NULL"), true},
		"NULL for a pointer":                      {looseness[*uint]("NULL"), true},
		"NULL for a sql.NullInt64":                {looseness[sql.NullInt64]("NULL"), true},
		"a fraction for a whole number":           {looseness[int]("1.5"), true},
		"a number as a text":                      {looseness[int]("'1'"), true},
		"a text":                                  {looseness[string]("'a'"), false},
		"a blob for a text":                       {looseness[string]("x'61'"), true},
		"a number for a text":                     {looseness[string]("5"), true},
		"bytes":                                   {looseness[[]byte]("x'61'"), false},
		"a text for bytes":                        {looseness[[]byte]("'a'"), true},
		"a text that its type writes as it is":    {looseness[lower]("'a'"), false},
		"a text that its type writes otherwise":   {looseness[lower]("'A'"), true},
		"a blob for a type that writes texts":     {looseness[lower]("x'61'"), true},
		"NULL for a type that scans":              {looseness[lower]("NULL"), true},
		"a time, which SQLite keeps as some text": {looseness[time.Time]("'2024-01-02 03:04:05'"), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, c.is(t))
		})
	}
}

func TestSteadyKeysReadBackAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	type keys struct {
		Number  uint
		Text    string
		Bytes   []byte
		Own     lower
		Float   float64
		Small   float32
		Time    time.Time
		Pointer *uint
		Null    sql.NullString
		Any     sql.Null[int]
		Listed  []string `gorm:"serializer:json"`
	}
	m, _ := model[keys](t, open(t))
	for name, want := range map[string][2]bool{ // on SQLite and on PostgreSQL
		"Number": {true, true}, "Text": {true, true}, "Bytes": {true, true}, "Own": {true, true}, "Float": {}, "Small": {},
		"Time": {false, true}, "Pointer": {}, "Null": {}, "Any": {}, "Listed": {},
	} {
		f := m.Schema.LookUpField(name)
		assert.Equal(t, want, [2]bool{rows.Steady("sqlite", f), rows.Steady("postgres", f)}, name)
	}
}
