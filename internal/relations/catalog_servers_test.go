package relations_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/internal/relations"
)

// named is SQLite under the name of another database.
type named struct {
	sqlite.Dialector

	name string
}

// Name is the name.
func (n named) Name() string { return n.name }

// server is a database that answers every question with the rows of a SELECT.
type server struct {
	*gorm.DB

	answer string
	asked  []string
}

func openServer(t *testing.T, name, answer string) *server {
	t.Helper()
	s := &server{answer: answer}
	var err error
	s.DB, err = gorm.Open(named{sqlite.Dialector{DSN: filepath.Join(t.TempDir(), "test.db")}, name}, &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	t.Cleanup(func() {
		pool, err := s.DB.DB()
		require.NoError(t, err)
		require.NoError(t, pool.Close())
	})
	require.NoError(t, s.Callback().Row().Before("gorm:row").Register("answer", func(tx *gorm.DB) {
		s.asked = append(s.asked, tx.Statement.SQL.String())
		tx.Statement.SQL.Reset()
		tx.Statement.SQL.WriteString(s.answer)
		tx.Statement.Vars = nil
	}))
	return s
}

const noKeys = "SELECT '' AS name, '' AS `column` WHERE false"

// keys is an answer about foreign keys, each with its columns.
func keys(of map[string][]string) string {
	var selects []string
	for name, columns := range of {
		for _, column := range columns {
			selects = append(selects, "SELECT '"+name+"' AS name, '"+column+"' AS `column`")
		}
	}
	return strings.Join(selects, " UNION ALL ")
}

func TestAServerHasACascadeByOneOfItsForeignKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact   string
		answer string
		want   bool
	}{
		{"over the column", keys(map[string][]string{"fk": {"both_id"}}), true},
		{"in another case", keys(map[string][]string{"fk": {"BOTH_ID"}}), true},
		{"among others", keys(map[string][]string{"a": {"other_id"}, "b": {"both_id"}}), true},
		{"not over another column", keys(map[string][]string{"fk": {"other_id"}}), false},
		{"not over more columns", keys(map[string][]string{"fk": {"both_id", "shop_id"}}), false},
		{"not without one", noKeys, false},
	} {
		for _, name := range []string{"postgres", "mysql"} {
			t.Run(name+": "+c.fact, func(t *testing.T) {
				t.Parallel()
				s := openServer(t, name, c.answer)
				cascade := graphOf(t, s.DB, &both{}).Below(schemaOf(t, s.DB, &both{}))[0]
				var catalog relations.Catalog
				for range 2 {
					has, err := catalog.Has(s.DB, cascade)
					require.NoError(t, err)
					assert.Equal(t, c.want, has)
				}
				assert.Len(t, s.asked, 1, "it is asked once")
			})
		}
	}
}

func TestAnUnknownDatabaseIsBelieved(t *testing.T) {
	t.Parallel()
	s := openServer(t, "sqlserver", noKeys)
	cascade := graphOf(t, s.DB, &both{}).Below(schemaOf(t, s.DB, &both{}))[0]
	has, err := new(relations.Catalog).Has(s.DB, cascade)
	require.NoError(t, err)
	assert.True(t, has, "the model says so")
	assert.Empty(t, s.asked)
}

func TestAQuestionWithoutAnAnswerIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := openServer(t, "postgres", keys(map[string][]string{"fk": {"both_id"}}))
	cascade := graphOf(t, s.DB, &both{}).Below(schemaOf(t, s.DB, &both{}))[0]
	var catalog relations.Catalog
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := catalog.Has(s.WithContext(ctx), cascade)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, relations.Relation{Table: true, Lockable: true}, catalog.Relation(s.WithContext(ctx), "boths"), "taken for a table")
	has, err := catalog.Has(s.DB, cascade)
	require.NoError(t, err)
	assert.True(t, has)
	s.answer = "SELECT false AS `table`, false AS lockable"
	assert.Equal(t, relations.Relation{}, catalog.Relation(s.DB, "boths"))
}

func TestANameCanStandForATableOrAView(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact, answer string
		want         relations.Relation
	}{
		{"a table", "SELECT true AS `table`, true AS lockable", relations.Relation{Table: true, Lockable: true}},
		{"a view that is updatable by itself", "SELECT false AS `table`, true AS lockable", relations.Relation{Lockable: true}},
		{"a view that a trigger writes", "SELECT false AS `table`, false AS lockable", relations.Relation{}},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			s := openServer(t, "postgres", c.answer)
			var catalog relations.Catalog
			for range 2 {
				assert.Equal(t, c.want, catalog.Relation(s.DB, "shop.items"))
			}
			assert.Len(t, s.asked, 1, "it is asked once")
			catalog.Relation(s.DB, "other")
			assert.Len(t, s.asked, 2, "each name by itself")
		})
	}
}

// stateError is an error with an SQLSTATE.
type stateError string

// Error returns a text without the state.
func (stateError) Error() string { return "refused" }

// SQLState returns the state.
func (s stateError) SQLState() string { return string(s) }

func TestARelationIsAskedAboutAgainAfterAFailureThatMayPass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact  string
		err   error
		again bool
	}{
		{"a lost connection", errors.New("unexpected EOF"), true},
		{"an aborted transaction", stateError("25P02"), true},
		{"a shutdown", stateError("57P01"), true},
		{"a function that the server does not have", stateError("42883"), false},
		{"a feature that the server does not have", stateError("0A000"), false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			s := openServer(t, "postgres", "SELECT false AS `table`, false AS lockable")
			fail := c.err
			require.NoError(t, s.Callback().Row().After("answer").Before("gorm:row").Register("fail", func(tx *gorm.DB) { _ = tx.AddError(fail) }))
			var catalog relations.Catalog
			assert.Equal(t, relations.Relation{Table: true, Lockable: true}, catalog.Relation(s.DB, "boths"), "taken for a table")
			fail = nil
			assert.Equal(t, relations.Relation{Table: !c.again, Lockable: !c.again}, catalog.Relation(s.DB, "boths"))
		})
	}
}
