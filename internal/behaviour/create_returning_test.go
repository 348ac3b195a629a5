package behaviour_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

func TestAPlainInsertThatReturnsColumnsTellsOfTheRowsThatATriggerLeaves(t *testing.T) {
	t.Parallel()
	inserts := map[string]func(db *gorm.DB, tags []Tag) error{
		"structs": func(db *gorm.DB, tags []Tag) error { return db.Create(&tags).Error },
		"pointers": func(db *gorm.DB, tags []Tag) error {
			var all []*Tag
			for i := range tags {
				all = append(all, &tags[i])
			}
			return db.Create(&all).Error
		},
	}
	for form, insert := range inserts {
		for columns, returning := range map[string]clause.Returning{
			"all": {}, "star": {Columns: []clause.Column{{Name: "*", Raw: true}}}, "some": {Columns: []clause.Column{{Name: "id"}, {Name: "n"}}},
		} {
			for keys, tags := range map[string][]Tag{
				"given":     {{ID: 1, Name: "A", N: -1}, {ID: 2, Name: "B", N: 1}, {ID: 3, Name: "C", N: -3}, {ID: 4, Name: "D", N: 2}},
				"generated": {{Name: "A", N: -1}, {Name: "B", N: 1}, {Name: "C", N: -3}, {Name: "D", N: 2}},
			} {
				for _, folds := range []bool{false, true} {
					t.Run(fmt.Sprint(form, ", ", columns, ", keys ", keys, ", values change: ", folds), func(t *testing.T) {
						t.Parallel()
						db := open(t, &Tag{})
						require.NoError(t, db.Exec("CREATE TRIGGER skip BEFORE INSERT ON tags WHEN NEW.n < 0 BEGIN SELECT RAISE(IGNORE); END").Error)
						if folds {
							require.NoError(t, db.Exec("CREATE TRIGGER fold AFTER INSERT ON tags BEGIN UPDATE tags SET n = n + 10 WHERE id = NEW.id; END").Error)
						}
						var heard []string
						signals.For[Tag](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Tag]) error {
							heard = append(heard, fmt.Sprint(e.Created, e.Instance.ID, e.Instance.Name))
							return nil
						})
						require.NoError(t, insert(db.Clauses(returning), append([]Tag(nil), tags...)))
						var stored []Tag
						require.NoError(t, db.Find(&stored).Error)
						require.Len(t, stored, 2)
						want := []string{}
						for _, tag := range stored {
							want = append(want, fmt.Sprint(true, tag.ID, tag.Name))
						}
						assert.Equal(t, want, heard)
					})
				}
			}
		}
	}
}

func TestAnInsertThatReturnsAllColumnsSendsTheElementsThatGORMPutsIntoTheSlice(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n, " rows"), func(t *testing.T) {
			t.Parallel()
			db := open(t, &Tag{})
			var heard []*Tag
			signals.For[Tag](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Tag]) error {
				assert.NotZero(t, e.Instance.ID)
				heard = append(heard, e.Instance)
				return nil
			})
			tags := make([]*Tag, n)
			for i := range tags {
				tags[i] = &Tag{Name: "t"}
			}
			require.NoError(t, db.Clauses(clause.Returning{}).Create(&tags).Error)
			require.Len(t, heard, n)
			for i := range tags {
				assert.Same(t, tags[i], heard[i])
			}
		})
	}
}
