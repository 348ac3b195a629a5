package django_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Person is saved and deleted. For m2m_changed it has fans and friends among its own kind.
type Person struct {
	ID        uint
	FirstName string
	LastName  string
	Fans      []*Person `gorm:"many2many:person_fans;joinForeignKey:PersonID;joinReferences:FanID"`
	Idols     []*Person `gorm:"many2many:person_fans;joinForeignKey:FanID;joinReferences:PersonID"`
	Friends   []*Person `gorm:"many2many:person_friends"`
}

// Car has two relations with one model.
type Car struct {
	ID            uint
	Name          string
	DefaultParts  []*Part `gorm:"many2many:car_default_parts"`
	OptionalParts []*Part `gorm:"many2many:car_optional_parts"`
}

// Part declares the other side of both.
type Part struct {
	ID           uint
	Name         string
	Cars         []*Car `gorm:"many2many:car_default_parts"`
	CarsOptional []*Car `gorm:"many2many:car_optional_parts"`
}

// Author writes books.
type Author struct {
	ID   uint
	Name string
}

// Book has authors, and pages that go with it.
type Book struct {
	ID      uint
	Name    string
	Authors []*Author `gorm:"many2many:book_authors"`
	Pages   []Page    `gorm:"constraint:OnDelete:CASCADE"`
}

// Page is a part of a book.
type Page struct {
	ID     uint
	Text   string
	BookID uint
}

// open returns a fresh database with the plugin and the tables of the models.
func open(t *testing.T, models ...any) *gorm.DB {
	t.Helper()
	return testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{}, models...)
}

// create inserts rows.
func create(t *testing.T, db *gorm.DB, rows ...any) {
	t.Helper()
	for _, row := range rows {
		require.NoError(t, db.Create(row).Error)
	}
}

// column returns what is stored in a column, in the order of the keys.
func column(t *testing.T, db *gorm.DB, table, name string) []string {
	t.Helper()
	var values []string
	require.NoError(t, db.Raw("SELECT "+name+" FROM "+table+" ORDER BY id").Scan(&values).Error)
	return values
}

// linked returns a column of a join table.
func linked(t *testing.T, db *gorm.DB, table, name string) []string {
	t.Helper()
	var values []string
	require.NoError(t, db.Raw("SELECT "+name+" FROM "+table+" ORDER BY "+name).Scan(&values).Error)
	return values
}

// trace keeps one line per event.
type trace struct{ lines []string }

func (tr *trace) add(format string, args ...any) {
	tr.lines = append(tr.lines, fmt.Sprintf(format, args...))
}

// take returns the lines so far and forgets them.
func (tr *trace) take() []string {
	lines := tr.lines
	tr.lines = nil
	return lines
}

// hearSaves writes a line for every save event of every model.
func hearSaves(db *gorm.DB, tr *trace) {
	saved := func(_ context.Context, name string, e signals.SaveEvent[any]) {
		line := fmt.Sprintf("%s %s %s", name, e.Schema().Name, shown(e.Instance))
		if e.Created {
			line += " created"
		}
		if e.Raw() {
			line += " raw"
		}
		tr.add("%s", line)
	}
	s := signals.Implementing[any](db)
	s.PreSave.Connect(func(ctx context.Context, e signals.SaveEvent[any]) error {
		saved(ctx, "pre_save", e)
		return nil
	})
	s.PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[any]) error {
		saved(ctx, "post_save", e)
		return nil
	})
}

// deletes is a receiver with state: a method of it is connected.
type deletes struct {
	tr   *trace
	name string
}

func (d deletes) receive(_ context.Context, e signals.DeleteEvent[any]) error {
	line := fmt.Sprintf("%s %s %s", d.name, e.Schema().Name, shown(e.Instance))
	if e.Cascade {
		line += " cascade"
	}
	d.tr.add("%s", line)
	return nil
}

// hearDeletes writes a line for every delete event of every model.
func hearDeletes(db *gorm.DB, tr *trace) {
	s := signals.Implementing[any](db)
	s.PreDelete.Connect(deletes{tr, "pre_delete"}.receive)
	s.PostDelete.Connect(deletes{tr, "post_delete"}.receive)
}

// shown returns the key and the name of an instance.
func shown(instance any) string {
	switch m := instance.(type) {
	case *Person:
		return fmt.Sprintf("%d %s %s", m.ID, m.FirstName, m.LastName)
	case *Car:
		return fmt.Sprint(m.ID, " ", m.Name)
	case *Part:
		return fmt.Sprint(m.ID, " ", m.Name)
	case *Author:
		return fmt.Sprint(m.ID, " ", m.Name)
	case *Book:
		return fmt.Sprint(m.ID, " ", m.Name)
	case *Page:
		return fmt.Sprint(m.ID, " ", m.Text)
	}
	return fmt.Sprintf("%T", instance)
}
