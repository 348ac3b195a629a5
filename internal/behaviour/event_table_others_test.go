package behaviour_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Bough has leaves that go with it, and marks.
type Bough struct {
	ID     uint
	Name   string
	Leaves []BoughLeaf `gorm:"constraint:OnDelete:CASCADE"`
	Marks  []BoughMark `gorm:"many2many:bough_marked"`
}

type BoughLeaf struct {
	ID      uint
	BoughID uint
}

type BoughMark struct{ ID uint }

// TestATableOfTheSameNameOrAQuotedOneIsNotTheModelsOwn: keys are not unique in the other tables, and nothing refers to their rows.
func TestATableOfTheSameNameOrAQuotedOneIsNotTheModelsOwn(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"archive.boughs", "`archive`.`boughs`", "`other`", "other"} {
		for name, write := range map[string]func(db *gorm.DB) *gorm.DB{
			"update":               func(db *gorm.DB) *gorm.DB { return db.Model(&Bough{}).Where("name <> ?", "c").Update("name", "x") },
			"update by key":        func(db *gorm.DB) *gorm.DB { return db.Model(&Bough{ID: 1}).Update("name", "x") },
			"update by key, found": func(db *gorm.DB) *gorm.DB { return db.Model(&Bough{ID: 1}).Where("name = 'a'").Update("name", "x") },
			"delete":               func(db *gorm.DB) *gorm.DB { return db.Where("name <> ?", "c").Delete(&Bough{}) },
			"delete by key":        func(db *gorm.DB) *gorm.DB { return db.Where("name = ?", "a").Delete(&Bough{ID: 1}) },
		} {
			if table == "`other`" && name == "delete by key" {
				continue // GORM's own condition names the model's table there
			}
			t.Run(table+", "+name, func(t *testing.T) {
				t.Parallel()
				db := testkit.Open(t, &gorm.Config{}, &Bough{}, &BoughLeaf{}, &BoughMark{})
				pool, err := db.DB()
				require.NoError(t, err)
				pool.SetMaxOpenConns(1)
				require.NoError(t, db.Exec("ATTACH ? AS archive", filepath.Join(t.TempDir(), "archive.db")).Error)
				require.NoError(t, db.Create(&Bough{ID: 1, Name: "own", Leaves: []BoughLeaf{{}, {}}, Marks: []BoughMark{{ID: 1}}}).Error)
				require.NoError(t, db.Exec("CREATE TABLE "+table+" (id integer, name text)").Error)
				require.NoError(t, db.Exec("INSERT INTO "+table+" VALUES (1,'a'),(1,'b'),(1,'c'),(2,'d')").Error)
				require.NoError(t, db.Use(signals.Plugin{BatchSize: 1}))
				var heard []string
				boughs := signals.For[Bough](db)
				boughs.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Bough]) error {
					heard = append(heard, fmt.Sprint(e.Table(), " ", e.Instance.ID, e.Instance.Name))
					return nil
				})
				boughs.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Bough]) error {
					heard = append(heard, fmt.Sprint(e.Table(), " ", e.Instance.ID, e.Instance.Name))
					return nil
				})
				signals.For[BoughLeaf](db).PreDelete.Connect(func(context.Context, signals.DeleteEvent[*BoughLeaf]) error {
					heard = append(heard, "a leaf")
					return nil
				})
				tx := write(db.Table(table))
				require.NoError(t, tx.Error)
				named := strings.ReplaceAll(table, "`", "")
				want := map[string][]string{
					"update":               {" 1x", " 1x", " 2x"},
					"update by key":        {" 1x", " 1x", " 1x"},
					"update by key, found": {" 1x"},
					"delete":               {" 1a", " 1b", " 2d"},
					"delete by key":        {" 1a"},
				}[name]
				for i := range want {
					want[i] = named + want[i]
				}
				assert.Equal(t, want, heard)
				assert.EqualValues(t, len(want), tx.RowsAffected)
				assert.Equal(t, "own", find[Bough](t, db, 1).Name)
			})
		}
	}
}

func TestAReceiverMayChangeTheOneRowOfAnotherTableThatAKeyNames(t *testing.T) {
	t.Parallel()
	db := openLeaves(t)
	signals.For[Leaf](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Leaf]) error {
		e.Instance.Name += "!"
		return nil
	})
	old := db.Table("leafs_old").Session(&gorm.Session{})
	require.NoError(t, old.Create(&Leaf{ID: 1, Name: "a"}).Error)
	require.NoError(t, old.Model(&Leaf{ID: 1}).Update("name", "b").Error)
	var stored Leaf
	require.NoError(t, old.First(&stored, 1).Error)
	assert.Equal(t, "b!", stored.Name)
}
