package rows_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/internal/rows"
)

type note struct {
	ID   uint
	Text string
	Mark string
}

// notes returns a table of notes as the database has it.
func notes(t *testing.T, create string, statements ...string) (*rows.Model, *gorm.DB, *script) {
	t.Helper()
	m, db := model[note](t, open(t, append([]string{create}, statements...)...))
	s := &script{Interface: logger.Discard}
	return m, logged(db, s), s
}

// onTable returns a session on another table.
func onTable(db *gorm.DB, name string) *gorm.DB {
	tx := db.Session(&gorm.Session{NewDB: true}).Model(db.Statement.Model)
	tx.Statement.Table = name
	return tx
}

func TestTheFirstReadOfATableLearnsItsColumns(t *testing.T) {
	t.Parallel()
	const full = "CREATE TABLE notes (id integer PRIMARY KEY, text text, mark text"
	const all, named = "SELECT * FROM `notes`", "SELECT `id`,`text`,`mark` FROM `notes`"
	for _, c := range []struct {
		fact, create string
		row          string
		want         note
		texts        []string
		complete     bool
	}{
		{"a table with all of them is asked for them", full + ")", "1, 'a', 'b'", note{1, "a", "b"}, []string{all, named}, true},
		{"further columns are left out", full + ", other blob)", "1, 'a', 'b', x'00'", note{1, "a", "b"}, []string{all, named}, true},
		{"a table without one is asked for all", "CREATE TABLE notes (id integer PRIMARY KEY, text text)", "1, 'a'", note{1, "a", ""}, []string{all, all}, false},
		{"a name in another case is the field's", "CREATE TABLE notes (ID integer PRIMARY KEY, TEXT text, mark text)", "1, 'a', 'b'", note{1, "a", "b"}, []string{all, all}, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			m, db, s := notes(t, c.create, "INSERT INTO notes VALUES ("+c.row+")")
			assert.False(t, m.HasAllColumns(db.Statement), "nothing is known yet")
			for range 2 {
				set, err := m.Find(db, rows.Query{})
				require.NoError(t, err)
				assert.Equal(t, []note{c.want}, shown[note](t, set))
			}
			assert.Equal(t, c.texts, s.texts)
			assert.Equal(t, c.complete, m.HasAllColumns(db.Statement))
		})
	}
}

func TestAColumnThatHasTheGoNameOfAFieldIsTheFields(t *testing.T) {
	t.Parallel()
	type letter struct {
		ID   uint
		Text string `gorm:"column:body"`
	}
	for _, c := range []struct{ fact, selected, want string }{
		{"if no column has the field's own name", "1 AS id, 'a' AS Text", "a"},
		{"not beside one that has", "1 AS id, 'b' AS body, 'a' AS Text", "b"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			m, db := model[letter](t, open(t, "CREATE TABLE letters AS SELECT "+c.selected))
			set, err := m.Find(db, rows.Query{})
			require.NoError(t, err)
			assert.Equal(t, []letter{{1, c.want}}, shown[letter](t, set))
		})
	}
}

func TestEachTableOfAModelIsLearntByItself(t *testing.T) {
	t.Parallel()
	m, db, _ := notes(t, "CREATE TABLE notes (id integer PRIMARY KEY, text text, mark text)", "CREATE TABLE drafts (id integer PRIMARY KEY)")
	drafts := onTable(db, "drafts")
	for _, from := range []*gorm.DB{db, drafts} {
		_, err := m.Find(from, rows.Query{})
		require.NoError(t, err)
	}
	assert.True(t, m.HasAllColumns(db.Statement))
	assert.False(t, m.HasAllColumns(drafts.Statement))
	require.NoError(t, db.Session(&gorm.Session{NewDB: true}).Exec("CREATE TABLE copies AS SELECT * FROM notes").Error)
	copies := onTable(db, "copies")
	_, err := m.Find(copies, rows.Query{})
	require.NoError(t, err)
	assert.True(t, m.HasAllColumns(copies.Statement))
	assert.False(t, m.HasAllColumns(drafts.Statement))

	expr := onTable(db, "notes")
	expr.Statement.TableExpr = &clause.Expr{SQL: "(SELECT id FROM notes) AS notes"}
	_, err = m.Find(expr, rows.Query{})
	require.NoError(t, err)
	assert.False(t, m.HasAllColumns(expr.Statement), "an expression may be another table each time")
	assert.True(t, m.HasAllColumns(db.Statement), "it tells nothing of the table")
}

func TestATableThatLosesAColumnIsReadAllTheSame(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(m *rows.Model, db *gorm.DB) (*rows.Set, error){
		"Find":  func(m *rows.Model, db *gorm.DB) (*rows.Set, error) { return m.Find(db, rows.Query{}) },
		"ByKey": func(m *rows.Model, db *gorm.DB) (*rows.Set, error) { return m.ByKey(db, []any{1}, rows.Query{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, db, _ := notes(t, "CREATE TABLE notes (id integer PRIMARY KEY, text text, mark text)", "INSERT INTO notes VALUES (1, 'a', 'b')")
			for range 2 {
				_, err := read(m, db)
				require.NoError(t, err)
			}
			require.NoError(t, db.Session(&gorm.Session{NewDB: true}).Exec("ALTER TABLE notes DROP COLUMN mark").Error)
			for range 2 {
				set, err := read(m, db)
				require.NoError(t, err)
				assert.Equal(t, []note{{1, "a", ""}}, shown[note](t, set))
			}
			assert.False(t, m.HasAllColumns(db.Statement))
		})
	}
}

func TestAJoinedReadNamesTheTable(t *testing.T) {
	t.Parallel()
	m, db, s := notes(t, "CREATE TABLE notes (id integer PRIMARY KEY, text text, mark text)",
		"CREATE TABLE tags (note_id integer, text text)", "INSERT INTO notes VALUES (1, 'a', 'b')", "INSERT INTO tags VALUES (1, 'x')")
	assert.False(t, rows.Joins(db.Statement))
	db.Statement.AddClause(clause.From{Joins: []clause.Join{{Expression: clause.Expr{SQL: "JOIN tags ON tags.note_id = notes.id"}}}})
	assert.True(t, rows.Joins(db.Statement))
	for range 2 {
		set, err := m.Find(db, rows.Query{Ordered: true, Where: []clause.Expression{rows.In("sqlite", m.Keys, [][]any{{1}})}})
		require.NoError(t, err)
		assert.Equal(t, []note{{1, "a", "b"}}, shown[note](t, set))
	}
	const from = " FROM `notes` JOIN tags ON tags.note_id = notes.id WHERE `notes`.`id` = 1 ORDER BY `notes`.`id`"
	assert.Equal(t, []string{"SELECT `notes`.*" + from, "SELECT `notes`.`id`,`notes`.`text`,`notes`.`mark`" + from}, s.texts)
}
