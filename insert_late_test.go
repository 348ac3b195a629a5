package signals_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// TestAConflictClauseThatComesLateSendsWhatIsWritten has a callback that adds the clause after pre_save was sent, and one that adds it around
// GORM's INSERT itself, where nobody can look at the rows beforehand.
func TestAConflictClauseThatComesLateSendsWhatIsWritten(t *testing.T) {
	t.Parallel()
	clauses := map[string]clause.Interface{
		"DoNothing": clause.OnConflict{DoNothing: true}, "OR IGNORE": clause.Insert{Modifier: "OR IGNORE"}, "UpdateAll": clause.OnConflict{UpdateAll: true},
	}
	for name, late := range clauses {
		for _, place := range []string{"before", "around"} {
			for form, create := range map[string]func(db *gorm.DB) *gorm.DB{
				"stored first": func(db *gorm.DB) *gorm.DB {
					return db.Create(&[]Coded{{ID: 1, Code: "a", Name: "new"}, {ID: 2, Code: "b"}})
				},
				"stored last": func(db *gorm.DB) *gorm.DB {
					return db.Create(&[]*Coded{{ID: 2, Code: "b"}, {ID: 1, Code: "a", Name: "new"}})
				},
				"stored alone": func(db *gorm.DB) *gorm.DB { return db.Create(&Coded{ID: 1, Code: "a", Name: "new"}) },
			} {
				t.Run(name+" "+place+" "+form, func(t *testing.T) {
					t.Parallel()
					db := open(t, &Coded{})
					require.NoError(t, db.Create(&Coded{ID: 1, Code: "a", Name: "old"}).Error)
					heard := savedNames(db, func(c *Coded) string { return fmt.Sprint(c.ID, c.Name) })
					add := func(tx *gorm.DB) { tx.Statement.AddClause(late) }
					creates := db.Callback().Create()
					if place == "around" {
						insert := creates.Get("gorm:create")
						require.NoError(t, creates.Replace("gorm:create", func(tx *gorm.DB) { add(tx); insert(tx) }))
					} else {
						require.NoError(t, creates.After("signals:pre_create").Before("signals:enter_race").Register("late", add))
					}
					require.NoError(t, create(db).Error)
					want := []string{}
					if form != "stored alone" {
						want = append(want, "new 2")
					}
					if name == "UpdateAll" && place == "before" {
						want = append(want, "old 1new")
					} else if name == "UpdateAll" {
						want = append(want, "new 1new")
					}
					assert.ElementsMatch(t, want, *heard)
				})
			}
		}
	}
}
