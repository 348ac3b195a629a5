package behaviour_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Slot has a name that the model declares as unique, and a place that only the table does.
type Slot struct {
	ID    uint
	Name  string `gorm:"unique"`
	Place string
	Note  string `gorm:"default:(lower('NONE'))"`
	Size  int
}

// TestAnInsertOfMapsTellsOfTheRowsThatItWrites: which rows are skipped, only the database knows, whose trigger changes what is given as well.
func TestAnInsertOfMapsTellsOfTheRowsThatItWrites(t *testing.T) {
	t.Parallel()
	type values = map[string]any
	for name, all := range map[string][]values{
		"none skipped":            {{"name": "a", "place": "1"}, {"name": "b", "place": "2"}, {"name": "c", "place": "3"}},
		"first":                   {{"name": "there", "place": "1"}, {"name": "b", "place": "2"}, {"name": "c", "place": "3"}},
		"in the middle":           {{"name": "a", "place": "1"}, {"name": "there", "place": "2"}, {"name": "c", "place": "3"}},
		"all":                     {{"name": "there"}, {"name": "there", "place": "9"}},
		"not declared":            {{"name": "a", "place": "1"}, {"name": "b", "place": "taken"}, {"name": "c", "place": "3"}},
		"not declared, first":     {{"name": "a", "place": "taken"}, {"name": "b", "place": "2"}, {"name": "c", "place": "3", "size": 3}},
		"one of each":             {{"name": "there", "place": "1"}, {"name": "b", "place": "taken"}, {"name": "c", "place": "3", "note": "mine"}},
		"by a trigger":            {{"name": "a", "place": "never"}, {"name": "b", "place": "2"}, {"name": "c", "place": "3"}},
		"keys given":              {{"id": 7, "name": "a", "place": "taken"}, {"id": 8, "name": "b", "place": "2"}, {"id": 9, "name": "there", "place": "3"}},
		"two of the call are one": {{"name": "a", "place": "1"}, {"name": "a", "place": "2"}, {"name": "b", "place": "1"}, {"name": "d", "place": "4"}},
	} {
		for _, changes := range []bool{false, true} {
			for _, returning := range []string{"", "*", "id,name"} {
				if changes && strings.HasPrefix(name, "two of the call") {
					continue // the trigger makes the database refuse it
				}
				t.Run(fmt.Sprint(name, ", values are changed: ", changes, ", returning ", returning), func(t *testing.T) {
					t.Parallel()
					seed := func(use bool) (*gorm.DB, []values) {
						db := testkit.Open(t, &gorm.Config{}, &Slot{})
						require.NoError(t, db.Exec("CREATE UNIQUE INDEX places ON slots (place)").Error)
						require.NoError(t, db.Create(&Slot{ID: 1, Name: "there", Place: "taken"}).Error)
						require.NoError(t, db.Exec("CREATE TRIGGER never BEFORE INSERT ON slots WHEN NEW.place = 'never' BEGIN SELECT RAISE(IGNORE); END").Error)
						if changes {
							require.NoError(t, db.Exec("CREATE TRIGGER fold AFTER INSERT ON slots BEGIN UPDATE slots SET name = name || '!' WHERE id = NEW.id; END").Error)
						}
						if use {
							require.NoError(t, db.Use(signals.Plugin{}))
						}
						given := []values{}
						for _, m := range all {
							given = append(given, maps.Clone(m))
						}
						return db, given
					}
					clauses := []clause.Expression{clause.OnConflict{DoNothing: true}}
					switch returning {
					case "*":
						clauses = append(clauses, clause.Returning{})
					case "id,name":
						clauses = append(clauses, clause.Returning{Columns: []clause.Column{{Name: "id"}, {Name: "name"}}})
					}
					bare, wanted := seed(false)
					want := bare.Clauses(clauses...).Model(&Slot{}).Create(&wanted)
					require.NoError(t, want.Error)
					db, given := seed(true)
					heard := savedNames(db, func(s *Slot) string { return fmt.Sprint(s.ID, s.Place, s.Size) })
					got := db.Clauses(clauses...).Model(&Slot{}).Create(&given)
					require.NoError(t, got.Error)
					assert.Equal(t, want.RowsAffected, got.RowsAffected)
					var a, b []Slot
					require.NoError(t, bare.Order("id").Find(&a).Error)
					require.NoError(t, db.Order("id").Find(&b).Error)
					for i := range min(len(a), len(b)) {
						if a[i].ID != b[i].ID && b[i].ID > 6 { // a database gives a key only once
							a[i].ID = b[i].ID
						}
					}
					assert.Equal(t, a, b)
					expected := []string{}
					for _, s := range b[1:] {
						expected = append(expected, fmt.Sprint("new ", s.ID, s.Place, s.Size))
					}
					assert.Equal(t, expected, *heard)
					assert.Equal(t, wanted, given)
				})
			}
		}
	}
}
