package dbtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// branches returns the rows of a tree in which each row has three below it. If it is turned, parents have higher keys than children.
func branches(n uint, turned bool) []Branch {
	made := make([]Branch, n)
	number := func(i uint) uint {
		if turned {
			return n - i
		}
		return i + 1
	}
	for i := range n {
		at := i
		if turned {
			at = n - 1 - i
		}
		if made[at].ID = number(i); i > 0 {
			parent := number((i - 1) / 3)
			made[at].ParentID = &parent
		}
	}
	return made
}

func TestAConditionalDeleteInATreeIsOneStatementToItsCaller(t *testing.T) {
	t.Parallel()
	for _, turned := range []bool{false, true} {
		for _, where := range []string{"1 = 1", "id % 2 = 0", "id % 5 = 1", "id > 20", "id < 20"} {
			t.Run(fmt.Sprintf("where %s turned %t", where, turned), func(t *testing.T) {
				t.Parallel()
				onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
					t.Helper()
					at := enforcing(dialector())
					plain := connect(t, at, &gorm.Config{})
					require.NoError(t, plain.AutoMigrate(&Branch{}))
					all := branches(60, turned)
					require.NoError(t, inAnyOrder(plain, &all))
					var ids, left []uint
					require.NoError(t, plain.Model(&Branch{}).Where(where).Pluck("id", &ids).Error)
					undone := plain.Begin()
					want := undone.Where(where).Delete(&Branch{})
					require.NoError(t, want.Error)
					require.NoError(t, undone.Model(&Branch{}).Order("id").Pluck("id", &left).Error)
					require.NoError(t, undone.Rollback().Error)
					named := map[uint]bool{}
					for _, id := range ids {
						named[id] = true
					}

					db := connect(t, at, &gorm.Config{})
					require.NoError(t, db.Use(signals.Plugin{BatchSize: 3}))
					told := map[uint]int{}
					signals.For[Branch](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Branch]) error {
						assert.NotEqual(t, named[e.Instance.ID], e.Cascade, "cascade of %d", e.Instance.ID)
						assert.True(t, e.Instance.ParentID == nil || told[*e.Instance.ParentID] == 0, "%d comes after its parent", e.Instance.ID)
						told[e.Instance.ID]++
						return nil
					})
					got := db.Where(where).Delete(&Branch{})
					require.NoError(t, got.Error)
					assert.Equal(t, want.RowsAffected, got.RowsAffected)
					var stored []uint
					require.NoError(t, plain.Model(&Branch{}).Order("id").Pluck("id", &stored).Error)
					assert.Equal(t, left, stored)
					assert.Len(t, told, len(all)-len(stored))
					for id, n := range told {
						assert.Equal(t, 1, n, "events of %d", id)
					}
				})
			})
		}
	}
}

// inAnyOrder inserts rows before those that they refer to.
func inAnyOrder(db *gorm.DB, rows *[]Branch) error {
	return db.Transaction(func(tx *gorm.DB) error {
		switch tx.Name() {
		case "sqlite":
			tx.Exec("PRAGMA defer_foreign_keys = ON")
		case "mysql":
			tx.Exec("SET foreign_key_checks = 0")
			defer tx.Exec("SET foreign_key_checks = 1")
		default:
			tx.Exec("SET LOCAL session_replication_role = replica")
		}
		return tx.Create(rows).Error
	})
}

// keepsRacks makes a trigger that keeps the rack 2.
func keepsRacks(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.Exec("CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF old.id = 2 THEN RETURN NULL; END IF; RETURN old; END'").Error)
	require.NoError(t, db.Exec("CREATE TRIGGER keep BEFORE DELETE ON racks FOR EACH ROW EXECUTE FUNCTION keep()").Error)
}

// TestAChildThatATriggerKeepsSendsNoPostDelete is about PostgreSQL, which obeys a trigger also when it deletes by itself. The others
// refuse the statement.
func TestAChildThatATriggerKeepsSendsNoPostDelete(t *testing.T) {
	t.Parallel()
	for _, batch := range []int{1, 500} { // the children are swept, or kept
		t.Run(fmt.Sprint("in batches of ", batch), func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				at := dialector()
				if at.Name() != "postgres" {
					t.Skip("the database refuses to keep a child")
				}
				db := connect(t, at, &gorm.Config{})
				require.NoError(t, db.AutoMigrate(&Depot{}, &Rack{}, &Crate{}))
				require.NoError(t, db.Use(signals.Plugin{BatchSize: batch}))
				racks := make([]Rack, 15)
				for i := range racks {
					racks[i] = Rack{ID: uint(i + 1), Crates: []Crate{{ID: uint(i + 1)}}}
				}
				require.NoError(t, db.Create(&Depot{ID: 1, Racks: racks}).Error)
				keepsRacks(t, db)
				var gone []uint
				signals.For[Rack](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Rack]) error {
					gone = append(gone, e.Instance.ID)
					return nil
				})
				require.NoError(t, db.Delete(&Depot{ID: 1}).Error)
				var left []uint
				require.NoError(t, db.Model(&Rack{}).Pluck("id", &left).Error)
				assert.Equal(t, []uint{2}, left)
				assert.ElementsMatch(t, []uint{1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, gone)
			})
		})
	}
}

// enforcing returns a database whose foreign keys are enforced.
func enforcing(at gorm.Dialector) gorm.Dialector {
	if lite, ok := at.(*sqlite.Dialector); ok {
		lite.DSN += "&_foreign_keys=on"
	}
	return at
}
