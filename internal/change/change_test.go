package change_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/rows"
	"github.com/gorm-signals/signals/internal/testkit"
)

type item struct {
	ID        uint
	Name      string
	Price     int
	Code      string `gorm:"<-:create"`
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
}

// factsOf returns facts of items, for a test to fill in.
func factsOf(t *testing.T) *change.Facts {
	t.Helper()
	db := testkit.Open(t, &gorm.Config{}, &item{})
	require.NoError(t, db.Statement.Parse(&item{}))
	var models rows.Models
	return &change.Facts{Model: models.Of(db.Statement.Schema), DB: db, Table: "items", Strategy: change.WholeRow{}}
}

// columns returns fields by their names.
func columns(s *change.Facts, names ...string) map[*schema.Field]bool {
	fields := map[*schema.Field]bool{}
	for _, name := range names {
		fields[s.Model.Schema.LookUpField(name)] = true
	}
	return fields
}

// changedOf returns the names of the fields of which a row says that they change.
func changedOf(t *testing.T, r *change.Row) []string {
	t.Helper()
	names := []string{}
	for _, name := range []string{"ID", "Name", "Price", "Code", "DeletedAt"} {
		if r.Changed(t.Context(), []string{name}) {
			names = append(names, name)
		}
	}
	return names
}

func TestWhatAWriteChangesDependsOnItsKind(t *testing.T) {
	t.Parallel()
	stored, written := &item{ID: 1, Name: "old", Price: 1, Code: "a"}, &item{ID: 1, Name: "new", Price: 1, Code: "b"}
	for _, c := range []struct {
		fact  string
		facts func(s *change.Facts)
		blind bool // the original was not read
		want  []string
	}{
		{"a whole row changes what differs and GORM may update", func(s *change.Facts) { s.Loaded = true }, false, []string{"Name"}},
		{"a whole row of which nobody read the original may change everything", func(*change.Facts) {}, true, []string{"ID", "Name", "Price", "Code", "DeletedAt"}},
		{"named fields change what differs, named or not", func(s *change.Facts) {
			s.Strategy, s.Loaded, s.Fields = change.NamedFields{}, true, []string{"Price"}
		}, false, []string{"Name", "Code"}},
		{"named fields of which nobody read the original change", func(s *change.Facts) {
			s.Strategy, s.Fields = change.NamedFields{}, []string{"Price"}
		}, true, []string{"Price"}},
		{"what the database computes counts as changed", func(s *change.Facts) {
			s.Strategy, s.Loaded, s.Fields, s.Computed = change.NamedFields{}, true, []string{"Price"}, columns(s, "Price")
		}, false, []string{"Name", "Price", "Code"}},
		{"an upsert changes no column that it does not write", func(s *change.Facts) {
			s.Strategy, s.Loaded, s.Written = change.Upserted{}, true, columns(s, "Price")
		}, false, []string{}},
		{"an upsert changes a column that it writes and that differs", func(s *change.Facts) {
			s.Strategy, s.Loaded, s.Written = change.Upserted{}, true, columns(s, "Name", "Price")
		}, false, []string{"Name"}},
		{"an upsert changes no column that GORM may not update", func(s *change.Facts) {
			s.Strategy, s.Loaded, s.Written = change.Upserted{}, true, columns(s, "Code")
		}, false, []string{}},
		{"an upsert of which nobody read the original changes what it writes", func(s *change.Facts) {
			s.Strategy, s.Written = change.Upserted{}, columns(s, "Price")
		}, true, []string{"Price"}},
		{"several writes of a row change every column that differs", func(s *change.Facts) {
			s.Strategy, s.Loaded = change.EveryColumn{}, true
		}, false, []string{"Name", "Code"}},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			s := factsOf(t)
			c.facts(s)
			r := &change.Row{Facts: s, Instance: written}
			if !c.blind {
				r.Original = stored
			}
			assert.Equal(t, c.want, changedOf(t, r))
			assert.Equal(t, len(c.want) > 0, r.Changed(t.Context(), nil), "any at all")
		})
	}
}

func TestTimesThatGORMSetsAreNoChangeByThemselves(t *testing.T) {
	t.Parallel()
	s := factsOf(t)
	s.Loaded = true
	r := &change.Row{Facts: s, Original: &item{ID: 1}, Instance: &item{ID: 1, UpdatedAt: time.Unix(1, 0)}}
	assert.False(t, r.Changed(t.Context(), nil))
	assert.True(t, r.Changed(t.Context(), []string{"UpdatedAt"}), "asked for by name, the time is a column like others")
}

func TestAnUpdateNamesWhatItsCallerAssigns(t *testing.T) {
	t.Parallel()
	set := clause.Set{{Column: clause.Column{Name: "price"}}, {Column: clause.Column{Name: "updated_at"}}, {Column: clause.Column{Name: "name"}}}
	s := factsOf(t)
	s.Assigns = &change.Assigns{Set: set}
	assert.Equal(t, []string{"Name", "Price"}, s.Named(), "in the order of the model, without the time that GORM sets")
	s.Assigns = &change.Assigns{Set: set, ByHand: map[string]any{"updated_at": time.Now()}}
	assert.Equal(t, []string{"Name", "Price", "UpdatedAt"}, s.Named())

	lasting := s.Lasting()
	s.Assigns.Set[0] = clause.Assignment{Column: clause.Column{Name: "code"}}
	assert.Equal(t, []string{"Name", "Price", "UpdatedAt"}, lasting.Named(), "facts that last share nothing with the statement")
}

func TestChangesOfARow(t *testing.T) {
	t.Parallel()
	type one struct {
		Name, Column string
		Old, New     any
	}
	for _, c := range []struct {
		fact string
		row  change.Row
		make func(s *change.Facts)
		want []one
	}{
		{
			"of a created row are its values",
			change.Row{Created: true, Instance: &item{ID: 2, Name: "a", Code: "c"}},
			func(*change.Facts) {},
			[]one{{"ID", "id", nil, uint(2)}, {"Name", "name", nil, "a"}, {"Code", "code", nil, "c"}},
		},
		{
			"of a created row that names fields are those and the key",
			change.Row{Created: true, Instance: &item{ID: 2, Name: "a", Code: "c"}},
			func(s *change.Facts) { s.Inserts = []string{"Code"} },
			[]one{{"ID", "id", nil, uint(2)}, {"Code", "code", nil, "c"}},
		},
		{
			"of an updated row have the old values",
			change.Row{Original: &item{ID: 2, Name: "a"}, Instance: &item{ID: 2, Name: "b"}},
			func(s *change.Facts) { s.Loaded = true },
			[]one{{"Name", "name", "a", "b"}},
		},
		{
			"of a row whose original was not read are what the statement names",
			change.Row{Instance: &item{ID: 2, Name: "b"}},
			func(s *change.Facts) { s.Strategy, s.Fields = change.NamedFields{}, []string{"Name"} },
			[]one{{"Name", "name", nil, "b"}},
		},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			s := factsOf(t)
			c.make(s)
			c.row.Facts = s
			var got []one
			c.row.Changes(t.Context(), func(name, column string, old, value any) { got = append(got, one{name, column, old, value}) })
			assert.Equal(t, c.want, got)
		})
	}
}

func TestARowIsRestoredThatWasHiddenAndIsNoMore(t *testing.T) {
	t.Parallel()
	gone := gorm.DeletedAt{Time: time.Unix(1, 0), Valid: true}
	for _, c := range []struct {
		fact          string
		before, after gorm.DeletedAt
		created, want bool
	}{
		{"from hidden to seen", gone, gorm.DeletedAt{}, false, true},
		{"from seen to hidden", gorm.DeletedAt{}, gone, false, false},
		{"seen before and after", gorm.DeletedAt{}, gorm.DeletedAt{}, false, false},
		{"a created row was never hidden", gone, gorm.DeletedAt{}, true, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			s := factsOf(t)
			s.Loaded = true
			r := change.Row{Facts: s, Created: c.created, Original: &item{ID: 1, DeletedAt: c.before}, Instance: &item{ID: 1, DeletedAt: c.after}}
			assert.Equal(t, c.want, r.Restored(t.Context()))
		})
	}
}

func TestANameThatTheModelDoesNotKnowPanicsWithTheCure(t *testing.T) {
	t.Parallel()
	r := change.Row{Facts: factsOf(t), Instance: &item{}}
	r.MustKnow([]string{"Name", "price"})
	text := testkit.PanicOf(func() { r.MustKnow([]string{"Prise"}) })
	assert.Contains(t, text, `item has no column field "Prise": did you mean "Price"?`)
}

func TestWhatARowWasIsItsOriginalOrElseItself(t *testing.T) {
	t.Parallel()
	r := change.Row{Instance: &item{Name: "now"}}
	assert.Equal(t, "now", r.Stored().FieldByName("Name").String())
	r.Original = &item{Name: "before"}
	assert.Equal(t, "before", r.Stored().FieldByName("Name").String())
	assert.Equal(t, "now", r.Value().FieldByName("Name").String())
}
