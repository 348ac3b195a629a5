package signals_test

import (
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

// Product is the model of most examples.
type Product struct {
	ID        uint
	Name      string
	Slug      string
	Price     int64
	Stock     int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Page is a model with soft delete.
type Page struct {
	ID        uint
	Title     string
	Views     int
	DeletedAt gorm.DeletedAt
}

// Titled is satisfied through an embedded struct.
type Titled interface{ ShownTitle() string }

// Base gives its models a title.
type Base struct{ Title string }

// ShownTitle returns the title.
func (b *Base) ShownTitle() string { return b.Title }

// Article embeds Base.
type Article struct {
	ID uint
	Base
}

// Comment embeds Base.
type Comment struct {
	ID uint
	Base
}

// exampleDB opens a database in memory with the plugin and the tables of the models.
func exampleDB(models ...any) *gorm.DB { return exampleDBWith(&gorm.Config{}, models...) }

func exampleDBWith(config *gorm.Config, models ...any) *gorm.DB {
	config.Logger = logger.Discard
	db, err := gorm.Open(sqlite.Open(":memory:"), config)
	if err == nil {
		err = db.Use(signals.Plugin{})
	}
	if err == nil {
		err = db.AutoMigrate(models...)
	}
	if err != nil {
		panic(err)
	}
	return db
}
