package behaviour_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

type Contact struct{ Name, Email string }

// Essay embeds one struct twice: its fields share their Go names.
type Essay struct {
	ID     uint
	Name   string
	Author Contact `gorm:"embedded;embeddedPrefix:author_"`
	Editor Contact `gorm:"embedded;embeddedPrefix:editor_"`
}

// essays counts what receivers with Fields hear, by the name that was given.
func essays(db *gorm.DB, opts ...signals.ConnectOption) map[string]int {
	heard := map[string]int{}
	for _, name := range []string{"Name", "Email", "Author.Email", "editor_email", "Author.Name"} {
		signals.For[Essay](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Essay]) error {
			heard[name]++
			return nil
		}, append(opts, signals.Fields(name))...)
	}
	return heard
}

func TestEmbeddedFieldsOfOneNameAreToldApart(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]signals.ConnectOption{
		"at once":          nil,
		"after the commit": {signals.AfterCommit()},
		"keys":             {signals.Needs(signals.Keys)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Essay{})
			require.NoError(t, db.Create(&Essay{Name: "n"}).Error)
			heard := essays(db, opts...)
			var changes []signals.Change
			var fields []string
			signals.For[Essay](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Essay]) error {
				changes, fields = e.Changes(), e.UpdateFields()
				return nil
			})
			require.NoError(t, db.Model(&Essay{ID: 1}).Update("author_email", "x").Error)
			assert.Equal(t, map[string]int{"Email": 1, "Author.Email": 1}, heard)
			assert.Equal(t, []signals.Change{{Field: "Author.Email", Column: "author_email", Old: "", New: "x"}}, changes)
			assert.Equal(t, []string{"Author.Email"}, fields)
			clear(heard)
			require.NoError(t, db.Model(&Essay{}).Where("id = 1").Updates(map[string]any{"editor_email": "y"}).Error)
			assert.Equal(t, map[string]int{"Email": 1, "editor_email": 1}, heard)
			clear(heard)
			require.NoError(t, db.Model(&Essay{ID: 1}).Update("name", "m").Error)
			assert.Equal(t, map[string]int{"Name": 1}, heard)
		})
	}
}

func TestReceiversOfKeysHearTheColumnsThatAWriteNames(t *testing.T) {
	t.Parallel()
	db := open(t, &Essay{})
	require.NoError(t, db.Create(&Essay{Name: "n"}).Error)
	var changed []bool
	signals.For[Essay](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Essay]) error {
		changed = []bool{e.Changed("Author.Email"), e.Changed("Editor.Email"), e.Changed("Email"), e.Changed("Name")}
		return nil
	}, signals.Needs(signals.Keys))
	require.NoError(t, db.Model(&Essay{ID: 1}).Update("editor_email", "y").Error)
	assert.Equal(t, []bool{false, true, true, false}, changed)
}

func TestAnInsertNamesItsColumns(t *testing.T) {
	t.Parallel()
	db := open(t, &Essay{})
	var columns, fields []string
	signals.For[Essay](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Essay]) error {
		columns, fields = nil, e.UpdateFields()
		for _, c := range e.Changes() {
			columns = append(columns, c.Column)
		}
		return nil
	})
	full := Essay{Name: "n", Author: Contact{"a", "a@"}, Editor: Contact{"e", "e@"}}
	essay := full
	require.NoError(t, db.Select("editor_name").Create(&essay).Error)
	assert.Equal(t, []string{"id", "editor_name"}, columns)
	assert.Equal(t, []string{"Editor.Name"}, fields)
	essay = full
	require.NoError(t, db.Omit("author_name", "name").Create(&essay).Error)
	assert.Equal(t, []string{"id", "author_email", "editor_name", "editor_email"}, columns)
	essay.Author.Email, essay.Editor.Email = "b@", "f@"
	upsert := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"editor_email"})}
	require.NoError(t, db.Clauses(upsert).Create(&essay).Error)
	assert.Equal(t, []string{"editor_email"}, columns)
	assert.Equal(t, []string{"Editor.Email"}, fields)
}

func TestChangedOfAnUnknownNameFailsTheReceiver(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string][]signals.ConnectOption{
		"in the write": nil, "before the commit": {signals.BeforeCommit()}, "after the commit": {signals.AfterCommit()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var late error
			handler := func(_ context.Context, err error) { late = err }
			db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{ErrorHandler: handler}, &Product{})
			signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
				_ = e.Changed("Prise")
				return nil
			}, opt...)
			err := db.Create(&Product{Name: "a"}).Error
			if err == nil {
				err = late
			}
			var failed *signals.ReceiverError
			require.ErrorAs(t, err, &failed)
			var panicked *signals.PanicError
			require.ErrorAs(t, err, &panicked)
			assert.ErrorContains(t, err, `Product has no column field "Prise": did you mean "Price"?`)
		})
	}
}

func TestConnectSaysWhichFieldMayBeMeant(t *testing.T) {
	t.Parallel()
	db := open(t, &Essay{})
	connect := func(name string) func() {
		return func() {
			signals.For[Essay](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Essay]) error { return nil }, signals.Fields(name))
		}
	}
	message := func(name string) (text string) {
		defer func() { text, _ = recover().(string) }()
		connect(name)()
		return ""
	}
	assert.Contains(t, message("Author.Emial"), `Essay has no column field "Author.Emial": did you mean "Author.Email"? Use a Go field name such as "ID", `+
		`a path such as "Author.Name" into an embedded struct, or the name of a column`)
	assert.Contains(t, message("Colour"), `Essay has no column field "Colour": use a Go field name`)
	for _, name := range []string{"Email", "Author.Email", "author_email", "Name"} {
		assert.NotPanics(t, connect(name), name)
	}
}

func TestAnInterfacesReceiverMayNameFieldsThatAModelLacks(t *testing.T) {
	t.Parallel()
	db := open(t, &Essay{})
	heard := 0
	signals.Implementing[any](db).PostSave.Connect(func(context.Context, signals.SaveEvent[any]) error { heard++; return nil }, signals.Fields("Price"))
	require.NoError(t, db.Create(&Essay{Name: "n"}).Error)
	require.NoError(t, db.Model(&Essay{ID: 1}).Update("name", "m").Error)
	assert.Equal(t, 1, heard) // a created row has all its fields changed
}

// lastKept is a store that keeps the last event.
type lastKept struct {
	receiver signals.DurableReceiver
	data     []byte
}

func (s *lastKept) Register(r signals.DurableReceiver) error {
	s.receiver = r
	return nil
}

func (s *lastKept) Keep(_ context.Context, _ *gorm.DB, _ signals.DurableReceiver, events []signals.KeptEvent) error {
	s.data = events[len(events)-1].Data
	return nil
}

func TestKeptEventsNameTheirFields(t *testing.T) {
	t.Parallel()
	db := open(t, &Essay{})
	require.NoError(t, db.Create(&Essay{Name: "n"}).Error)
	store := &lastKept{}
	var fields []string
	var changed []bool
	signals.For[Essay](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Essay]) error {
		fields, changed = e.UpdateFields(), []bool{e.Changed("Author.Email"), e.Changed("Editor.Email")}
		return nil
	}, signals.Durable(store, "essays"), signals.Needs(signals.Keys))
	require.NoError(t, db.Model(&Essay{ID: 1}).Update("editor_email", "y").Error)
	require.NoError(t, store.receiver.Deliver(t.Context(), store.data))
	assert.Equal(t, []string{"Editor.Email"}, fields)
	assert.Equal(t, []bool{false, true}, changed)
	old := strings.ReplaceAll(string(store.data), "Editor.Email", "Email") // as versions wrote it that knew Go names only
	require.NotEqual(t, old, string(store.data))
	require.NoError(t, store.receiver.Deliver(t.Context(), []byte(old)))
	assert.Equal(t, []string{"Author.Email", "Editor.Email"}, fields)
	assert.Equal(t, []bool{true, true}, changed)
}
