package statement_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/utils/tests"

	"github.com/gorm-signals/signals/internal/statement"
)

type (
	product struct{ ID uint }
	order   struct{ ID uint }
)

// TableName returns a name with a schema.
func (order) TableName() string { return "archive.orders" }

func TestTheTableOfAStatementOnAModel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact  string
		model any
		of    func(db *gorm.DB) *gorm.DB
		want  string
	}{
		{"is the model's", &product{}, func(db *gorm.DB) *gorm.DB { return db }, "products"},
		{"with the schema that GORM cuts off", &order{}, func(db *gorm.DB) *gorm.DB { return db }, "archive.orders"},
		{"or the one that the call names", &product{}, func(db *gorm.DB) *gorm.DB { return db.Table("old") }, "old"},
		{"with its schema", &product{}, func(db *gorm.DB) *gorm.DB { return db.Table("archive.old") }, "archive.old"},
		{"without its alias", &product{}, func(db *gorm.DB) *gorm.DB { return db.Table("archive.old AS o") }, "archive.old"},
		{"without its quotes", &product{}, func(db *gorm.DB) *gorm.DB { return db.Table("`archive`.`old`") }, "archive.old"},
		{"as a value", &product{}, func(db *gorm.DB) *gorm.DB { return db.Table("?", clause.Table{Name: "archive.old"}) }, "archive.old"},
		{"as a raw value", &product{}, func(db *gorm.DB) *gorm.DB { return db.Table("? AS o", clause.Table{Name: "old AS o", Raw: true}) }, "old"},
		{"as a value that stands for the model's", &product{}, func(db *gorm.DB) *gorm.DB {
			return db.Table("?", clause.Table{Name: clause.CurrentTable})
		}, "products"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			db, err := gorm.Open(tests.DummyDialector{}, &gorm.Config{})
			require.NoError(t, err)
			stmt := c.of(db.Session(&gorm.Session{})).Model(c.model).Statement
			require.NoError(t, stmt.Parse(c.model))
			assert.Equal(t, c.want, statement.TableOf(stmt, stmt.Schema))
		})
	}
}

func TestAStatementOnAnotherModelNamesNoTableOfThisOne(t *testing.T) {
	t.Parallel()
	db, err := gorm.Open(tests.DummyDialector{}, &gorm.Config{})
	require.NoError(t, err)
	own, other := &gorm.Statement{DB: db}, db.Table("old").Statement
	require.NoError(t, own.Parse(&product{}))
	require.NoError(t, other.Parse(&order{}))
	assert.Equal(t, "products", statement.TableOf(other, own.Schema))
	assert.Equal(t, "products", statement.TableOf(nil, own.Schema))
}

func TestNamesAreThoseOfAStatementThatSelectsEverything(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact    string
		selects []string
		want    bool
	}{
		{"everything", []string{"*"}, true},
		{"nothing", nil, false},
		{"one column", []string{"name"}, false},
		{"everything and more", []string{"*", "name"}, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			stmt := &gorm.Statement{Selects: c.selects}
			names := statement.Names(stmt)
			assert.Equal(t, c.want, names != nil)
			assert.Same(t, names, statement.Names(stmt), "the same memory every time")
			assert.Nil(t, new(statement.Unsaved).Take(stmt), "only the INSERT of a Save takes what is left")
		})
	}
}
