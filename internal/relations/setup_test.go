package relations_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/relations"
)

// Deleting a shop cascades to its shelves, and from these to their books. A ticket declares this itself. A book has many authors.
type (
	shop struct {
		ID      uint
		Shelves []shelf  `gorm:"constraint:OnDelete:CASCADE"`
		Clerks  []clerk  // the database keeps them
		Tickets []ticket `gorm:"constraint:OnDelete:SET NULL"`
	}
	shelf struct {
		ID     uint
		ShopID uint
		Books  []book `gorm:"constraint:OnDelete:CASCADE"`
		Above  *uint
		Below  []shelf `gorm:"foreignKey:Above;constraint:OnDelete:cascade"`
	}
	book struct {
		ID      uint
		ShelfID uint
		Authors []author `gorm:"many2many:book_authors;constraint:OnDelete:CASCADE"`
	}
	author struct {
		ID    uint
		Books []book `gorm:"many2many:book_authors"`
	}
	clerk struct {
		ID     uint
		ShopID uint
	}
	ticket struct {
		ID     uint
		ShopID *uint
		BookID uint
		Book   book `gorm:"constraint:OnDelete:CASCADE"`
	}
	lonely struct{ ID uint }
)

// bookAuthor is a model for the join table of books and authors.
type bookAuthor struct {
	BookID   uint `gorm:"primaryKey"`
	AuthorID uint `gorm:"primaryKey"`
	Note     string
}

// TableName returns the name that the relations give.
func (bookAuthor) TableName() string { return "book_authors" }

func open(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")+"?_foreign_keys=on"), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	t.Cleanup(func() {
		pool, err := db.DB()
		require.NoError(t, err)
		require.NoError(t, pool.Close())
	})
	return db
}

func schemaOf(t *testing.T, db *gorm.DB, model any) *schema.Schema {
	t.Helper()
	stmt := &gorm.Statement{DB: db}
	require.NoError(t, stmt.Parse(model))
	return stmt.Schema
}

// names returns the tables of models.
func names(models []*schema.Schema) []string {
	tables := make([]string, len(models))
	for i, s := range models {
		tables[i] = s.Table
	}
	return tables
}

// graphOf returns a graph of some models.
func graphOf(t *testing.T, db *gorm.DB, models ...any) *relations.Graph {
	t.Helper()
	g := &relations.Graph{}
	for _, model := range models {
		g.Add(db, schemaOf(t, db, model))
	}
	return g
}
