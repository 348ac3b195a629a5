package signals_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

// Product is the model that most tests write.
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

// open returns a fresh database with the plugin and the tables of the models.
func open(tb testing.TB, models ...any) *gorm.DB {
	tb.Helper()
	return openWith(tb, &gorm.Config{}, signals.Plugin{}, models...)
}

func openWith(tb testing.TB, config *gorm.Config, plugin signals.Plugin, models ...any) *gorm.DB {
	tb.Helper()
	db := openPlain(tb, config, models...)
	require.NoError(tb, db.Use(plugin))
	return db
}

// openPlain returns a fresh database without the plugin.
func openPlain(tb testing.TB, config *gorm.Config, models ...any) *gorm.DB {
	tb.Helper()
	if config.Logger == nil {
		config.Logger = logger.Discard
	}
	dsn := filepath.Join(tb.TempDir(), "test.db") + "?_foreign_keys=on&_busy_timeout=5000"
	db, err := gorm.Open(sqlite.Open(dsn), config)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	})
	require.NoError(tb, db.AutoMigrate(models...))
	return db
}

// trace records what is sent for a model, one line per event.
type trace struct {
	lines []string
	to    *trace // where the lines go instead, when set
}

func (tr *trace) add(format string, args ...any) {
	if tr.to != nil {
		tr = tr.to
	}
	tr.lines = append(tr.lines, fmt.Sprintf(format, args...))
}

// take returns the lines so far and forgets them.
func (tr *trace) take() []string {
	lines := tr.lines
	tr.lines = nil
	return lines
}

// traceOf connects to every signal of a model. show writes an instance.
func traceOf[M any](db *gorm.DB, show func(*M) string) *trace {
	tr := &trace{}
	s := signals.For[M](db)
	save := func(name string) signals.Receiver[signals.SaveEvent[*M]] {
		return func(_ context.Context, e signals.SaveEvent[*M]) error {
			verb := "update"
			if e.Created {
				verb = "create"
			}
			if e.Restored() {
				verb = "restore"
			}
			tr.add("%s %s %s", name, verb, show(e.Instance))
			return nil
		}
	}
	remove := func(name string) signals.Receiver[signals.DeleteEvent[*M]] {
		return func(_ context.Context, e signals.DeleteEvent[*M]) error {
			verb := "hard"
			if e.Soft {
				verb = "soft"
			}
			tr.add("%s %s %s", name, verb, show(e.Instance))
			return nil
		}
	}
	s.PreSave.Connect(save("pre_save"))
	s.PostSave.Connect(save("post_save"))
	s.PreDelete.Connect(remove("pre_delete"))
	s.PostDelete.Connect(remove("post_delete"))
	return tr
}

func traceProducts(db *gorm.DB) *trace {
	return traceOf(db, func(p *Product) string { return fmt.Sprintf("%d %s %d", p.ID, p.Name, p.Price) })
}

func tracePages(db *gorm.DB) *trace {
	return traceOf(db, func(p *Page) string { return fmt.Sprintf("%d %s %d", p.ID, p.Title, p.Views) })
}
