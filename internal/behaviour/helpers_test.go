package behaviour_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

var errBoom = errors.New("boom")

// view is what a signal that is no model's carries.
type view struct{ product string }

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
	return testkit.OpenWith(tb, &gorm.Config{}, signals.Plugin{}, models...)
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

// seeded returns a database with three products and their trace.
func seeded(t *testing.T, plugin signals.Plugin) (*gorm.DB, *trace) {
	t.Helper()
	db := testkit.OpenWith(t, &gorm.Config{}, plugin, &Product{})
	require.NoError(t, db.Create(&[]Product{{Name: "a", Price: 1}, {Name: "b", Price: 2}, {Name: "c", Price: 3}}).Error)
	return db, traceProducts(db)
}

func count[M any](t *testing.T, db *gorm.DB) int64 {
	t.Helper()
	var n int64
	require.NoError(t, db.Session(&gorm.Session{NewDB: true}).Unscoped().Model(new(M)).Count(&n).Error)
	return n
}

// find reads a row without signals.
func find[M any](t *testing.T, db *gorm.DB, key any) M {
	t.Helper()
	var m M
	require.NoError(t, db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Unscoped().First(&m, key).Error)
	return m
}

// changesOf records the Changes of every post_save.
func changesOf[M any](db *gorm.DB) *trace {
	tr := &trace{}
	signals.For[M](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*M]) error {
		for _, c := range e.Changes() {
			tr.add("%s: %v -> %v", c.Field, c.Old, c.New)
		}
		return nil
	})
	return tr
}

// into makes one trace write into another.
func into(tr, other *trace) { other.to = tr }

func recordSQL(db *gorm.DB) *statements {
	s := &statements{Interface: logger.Discard}
	db.Logger = s
	return s
}

// statements records the SQL that a database shows to its logger.
type statements struct {
	logger.Interface
	texts []string
}

// Trace records. Not from several goroutines.
func (s *statements) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	sql, _ := fc()
	s.texts = append(s.texts, sql)
}

// kinds counts the statements so far by their first words, and forgets them.
func (s *statements) kinds() map[string]int {
	kinds := map[string]int{}
	for _, text := range s.texts {
		kind, _, _ := strings.Cut(text, " ")
		kinds[kind]++
	}
	s.texts = nil
	return kinds
}
