package django_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// After Django's tests/signals/tests.py.

func TestModelPreInitAndPostInit(t *testing.T) {
	t.Parallel()
	db, tr := open(t, &Person{}), &trace{}
	signals.For[Person](db).PostLoad.Connect(func(_ context.Context, e signals.LoadEvent[*Person]) error {
		tr.add("post_load %s", shown(e.Instance))
		return nil
	})
	// Differs: Go has no constructor that could send anything. What a query fills sends post_load.
	p := Person{FirstName: "John", LastName: "Doe"}
	create(t, db, &p)
	assert.Empty(t, tr.take())
	require.NoError(t, db.First(&Person{}, p.ID).Error)
	assert.Equal(t, []string{"post_load 1 John Doe"}, tr.take())
}

func TestSaveSignals(t *testing.T) {
	t.Parallel()
	db, tr := open(t, &Person{}), &trace{}
	hearSaves(db, tr)
	p1 := Person{FirstName: "John", LastName: "Smith"}
	create(t, db, &p1)
	// Differs: pre_save knows already whether the row is created.
	assert.Equal(t, []string{"pre_save Person 0 John Smith created", "post_save Person 1 John Smith created"}, tr.take())

	p1.FirstName = "Tom"
	require.NoError(t, db.Save(&p1).Error)
	assert.Equal(t, []string{"pre_save Person 1 Tom Smith", "post_save Person 1 Tom Smith"}, tr.take())

	require.NoError(t, db.WithContext(signals.Raw(t.Context())).Save(&p1).Error)
	assert.Equal(t, []string{"pre_save Person 1 Tom Smith raw", "post_save Person 1 Tom Smith raw"}, tr.take())

	p2 := Person{ID: 99999, FirstName: "James", LastName: "Jones"}
	require.NoError(t, db.Save(&p2).Error)
	assert.Equal(t, []string{"pre_save Person 99999 James Jones created", "post_save Person 99999 James Jones created"}, tr.take())
	p2.ID = 99998
	require.NoError(t, db.Save(&p2).Error)
	assert.Equal(t, []string{"pre_save Person 99998 James Jones created", "post_save Person 99998 James Jones created"}, tr.take())
	assert.Equal(t, []string{"Tom", "James", "James"}, column(t, db, "people", "first_name"))

	// Differs: the instance is the whole stored row, also when the caller has loaded a part of it.
	p3 := Person{}
	require.NoError(t, db.Select("id", "last_name").First(&p3, p1.ID).Error)
	require.NoError(t, db.Model(&p3).Update("last_name", "Reese").Error)
	assert.Equal(t, []string{"pre_save Person 1 Tom Reese", "post_save Person 1 Tom Reese"}, tr.take())
	assert.Empty(t, p3.FirstName)
}

func TestDeleteSignals(t *testing.T) {
	t.Parallel()
	db, tr := open(t, &Person{}), &trace{}
	hearDeletes(db, tr) // a method of a value with state is a receiver as good as any
	p1 := Person{FirstName: "John", LastName: "Smith"}
	create(t, db, &p1)
	require.NoError(t, db.Delete(&p1).Error)
	assert.Equal(t, []string{"pre_delete Person 1 John Smith", "post_delete Person 1 John Smith"}, tr.take())

	p2 := Person{ID: 99999, FirstName: "James", LastName: "Jones"}
	require.NoError(t, db.Save(&p2).Error)
	p2.ID = 99998
	require.NoError(t, db.Save(&p2).Error)
	require.NoError(t, db.Delete(&p2).Error)
	assert.Equal(t, []string{"pre_delete Person 99998 James Jones", "post_delete Person 99998 James Jones"}, tr.take())
	assert.Equal(t, []string{"99999"}, column(t, db, "people", "id"))

	// Differs: a row that is not there sends nothing; Django takes the instance's word for it.
	require.NoError(t, db.Delete(&p2).Error)
	assert.Empty(t, tr.take())
}

// library is a database with a person and a book of two pages, whose deletes are heard.
func library(t *testing.T) (*gorm.DB, *trace) {
	t.Helper()
	db, tr := open(t, &Person{}, &Author{}, &Book{}, &Page{}), &trace{}
	create(t, db, &Person{FirstName: "John", LastName: "Smith"},
		&Book{Name: "Rayuela", Pages: []Page{{Text: "Page 1"}, {Text: "Page 2"}}})
	hearDeletes(db, tr)
	return db, tr
}

// cascade is what the delete of the book sends, in Django's order: what depends on the book first, in both phases.
func cascade() []string {
	return []string{
		"pre_delete Page 1 Page 1 cascade", "pre_delete Page 2 Page 2 cascade", "pre_delete Book 1 Rayuela",
		"post_delete Page 1 Page 1 cascade", "post_delete Page 2 Page 2 cascade", "post_delete Book 1 Rayuela",
	}
}

func TestDeleteSignalsOriginModel(t *testing.T) {
	t.Parallel()
	db, tr := library(t)
	require.NoError(t, db.Delete(&Person{ID: 1}).Error)
	assert.Equal(t, []string{"pre_delete Person 1 John Smith", "post_delete Person 1 John Smith"}, tr.take())
	signals.For[Page](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Page]) error {
		// Differs: Django deletes model by model, and the book is still there. Here the database deletes all at once.
		assert.Empty(t, column(t, e.DB(), "books", "id"))
		return nil
	})
	require.NoError(t, db.Delete(&Book{ID: 1}).Error)
	// Differs: Cascade says that a row goes with its parent; there is no origin to tell which.
	assert.Equal(t, cascade(), tr.take())
	assert.Empty(t, column(t, db, "pages", "id"))
}

func TestDeleteSignalsOriginQueryset(t *testing.T) {
	t.Parallel()
	db, tr := library(t)
	require.NoError(t, db.Where("1 = 1").Delete(&Person{}).Error)
	assert.Equal(t, []string{"pre_delete Person 1 John Smith", "post_delete Person 1 John Smith"}, tr.take())
	require.NoError(t, db.Where("1 = 1").Delete(&Book{}).Error)
	assert.Equal(t, cascade(), tr.take())
	assert.Empty(t, column(t, db, "pages", "id"))
}

func TestDecorators(t *testing.T) {
	t.Parallel()
	db, tr := open(t, &Car{}, &Part{}), &trace{}
	signals.Implementing[any](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error {
		tr.add("any %s", shown(e.Instance))
		return nil
	})
	signals.For[Car](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Car]) error {
		tr.add("car %s", shown(e.Instance))
		return nil
	})
	create(t, db, &Car{Name: "Volkswagen Passat"})
	assert.Equal(t, []string{"any 0 Volkswagen Passat", "car 0 Volkswagen Passat"}, tr.take())
}

func TestSaveAndDeleteSignalsWithM2M(t *testing.T) {
	t.Parallel()
	db, tr := open(t, &Author{}, &Book{}, &Page{}), &trace{}
	hearSaves(db, tr)
	hearDeletes(db, tr)
	a1, b1 := Author{Name: "Neal Stephenson"}, Book{Name: "Snow Crash"}
	create(t, db, &a1, &b1)
	assert.Equal(t, []string{
		"pre_save Author 0 Neal Stephenson created", "post_save Author 1 Neal Stephenson created",
		"pre_save Book 0 Snow Crash created", "post_save Book 1 Snow Crash created",
	}, tr.take())
	require.NoError(t, db.Model(&b1).Association("Authors").Append(&a1))
	assert.Equal(t, []string{"1"}, linked(t, db, "book_authors", "author_id"))
	assert.Empty(t, tr.take(), "links are no rows of a model")
	require.NoError(t, db.Model(&b1).Association("Authors").Clear())
	assert.Empty(t, linked(t, db, "book_authors", "author_id"))
	assert.Empty(t, tr.take())
}

func TestDisconnectInDispatch(t *testing.T) {
	t.Parallel()
	db, tr := open(t, &Person{}), &trace{}
	people := signals.For[Person](db).PostSave
	for _, uid := range []string{"a", "b"} {
		people.Connect(func(context.Context, signals.SaveEvent[*Person]) error {
			tr.add("%s, %t", uid, people.Disconnect(uid))
			return nil
		}, signals.UID(uid))
	}
	create(t, db, &Person{FirstName: "John", LastName: "Smith"})
	assert.Equal(t, []string{"a, true", "b, true"}, tr.take())
	assertClean(t, people)
	create(t, db, &Person{FirstName: "Tom", LastName: "Smith"})
	assert.Empty(t, tr.take())
}

func TestDisconnectModel(t *testing.T) {
	t.Parallel()
	db, tr := open(t, &Person{}), &trace{}
	disconnect := signals.For[Person](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Person]) error {
		tr.add("heard")
		return nil
	})
	assert.True(t, disconnect())
	assert.False(t, disconnect())
	create(t, db, &Person{FirstName: "John", LastName: "Smith"})
	assert.Empty(t, tr.take())
}

func TestInvalidSenderModelName(t *testing.T) {
	t.Parallel()
	db := open(t)
	// Differs: a sender is a type and not a name, so a model that is missing does not compile; what is no model panics.
	assert.Contains(t, testkit.PanicOf(func() { signals.For[int](db) }), "signals: For[int]: int is no model")
}
