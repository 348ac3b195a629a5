package behaviour_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Leaf is a model whose rows are in several tables.
type Leaf struct {
	ID   uint
	Name string
}

// openLeaves returns a database with several tables of leaves, one of them in another schema.
func openLeaves(t *testing.T) *gorm.DB {
	t.Helper()
	db := open(t, &Leaf{})
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1) // which the other schema is attached to
	require.NoError(t, db.Exec("ATTACH ? AS archive", filepath.Join(t.TempDir(), "archive.db")).Error)
	for _, table := range []string{"archive.leafs", "archive.leafs_kept", "leafs_old", "`odd*>leafs`"} {
		require.NoError(t, db.Exec("CREATE TABLE "+table+" (id integer PRIMARY KEY, name text)").Error)
	}
	return db
}

// tables hears which table each event names.
func tables(db *gorm.DB, opts ...signals.ConnectOption) *[]string {
	var heard []string
	leaves := signals.For[Leaf](db)
	leaves.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Leaf]) error {
		heard = append(heard, "save "+e.Table())
		return nil
	}, opts...)
	leaves.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Leaf]) error {
		heard = append(heard, "delete "+e.Table())
		return nil
	}, opts...)
	return &heard
}

func TestAnEventNamesTheTableThatTheWriteNames(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]signals.ConnectOption{
		"inside": nil, "after the commit": {signals.AfterCommit()}, "net": {signals.AfterCommit(), signals.Net()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openLeaves(t)
			heard := tables(db, opts...)
			for _, named := range []struct {
				table string
				db    *gorm.DB
			}{
				{"leafs", db},
				{"leafs", db.Table("leafs")},
				{"leafs_old", db.Table("leafs_old")},
				{"archive.leafs_kept", db.Table("archive.leafs_kept")},
				{"odd*>leafs", db.Table("odd*>leafs")},
			} {
				*heard = nil
				db := named.db.Session(&gorm.Session{})
				require.NoError(t, db.Create(&Leaf{ID: 1, Name: "a"}).Error)
				require.NoError(t, db.Model(&Leaf{ID: 1}).Update("name", "b").Error)
				require.NoError(t, db.Save(&Leaf{ID: 1, Name: "c"}).Error)
				require.NoError(t, db.Where("name = ?", "c").Delete(&Leaf{}).Error)
				save := "save " + named.table
				assert.Equal(t, []string{save, save, save, "delete " + named.table}, *heard)
			}
		})
	}
}

func TestNetTellsTheRowsOfTwoTablesOfOneNameApart(t *testing.T) {
	t.Parallel()
	db := openLeaves(t)
	require.NoError(t, db.Create(&Leaf{ID: 1, Name: "here"}).Error)
	require.NoError(t, db.Exec("INSERT INTO archive.leafs VALUES (1, 'there')").Error) // where GORM's driver leaves the schema out
	heard := tables(db, signals.AfterCommit(), signals.Net())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Table("archive.leafs").Where("id = ?", 1).Updates(&Leaf{Name: "moved"}).Error)
		return tx.Delete(&Leaf{ID: 1}).Error
	}))
	assert.Equal(t, []string{"save archive.leafs", "delete leafs"}, *heard)
}

func TestAnEventThatWasNeverSentNamesNoTable(t *testing.T) {
	t.Parallel()
	assert.Empty(t, signals.SaveEvent[*Leaf]{}.Table())
	assert.Empty(t, signals.DeleteEvent[*Leaf]{}.Table())
}
