package dbtest_test

import (
	"context"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/plugin/optimisticlock"
)

// versioned is locked by its version: an update of another version finds no row.
type versioned struct {
	ID      uint
	Name    string
	Pages   int
	Version optimisticlock.Version
}

func version(n int64) optimisticlock.Version { return optimisticlock.Version{Int64: n, Valid: true} }

func onVersioned(t *testing.T, test func(t *testing.T, tw *twins)) {
	t.Helper()
	onTwins(t, nil, nil, []any{&versioned{}}, func(t *testing.T, tw *twins) {
		t.Helper()
		tw.write(t, "create", func(db *gorm.DB) (*gorm.DB, any) {
			all := []versioned{{Name: "a"}, {Name: "b", Version: version(7)}, {Name: "c"}}
			return db.Create(&all), all
		}, saved("created", 1, 2, 3)...)
		test(t, tw)
	})
}

func TestAnUpdateOfAnOldVersionWritesAndSendsNothing(t *testing.T) {
	t.Parallel()
	onVersioned(t, func(t *testing.T, tw *twins) {
		t.Helper()
		for what, write := range map[string]func(db *gorm.DB, v *versioned) *gorm.DB{
			"Update":         func(db *gorm.DB, v *versioned) *gorm.DB { return db.Model(v).Update("name", "late") },
			"Updates map":    func(db *gorm.DB, v *versioned) *gorm.DB { return db.Model(v).Updates(map[string]any{"name": "late"}) },
			"Updates struct": func(db *gorm.DB, v *versioned) *gorm.DB { return db.Model(v).Updates(&versioned{Name: "late"}) },
			"Updates itself": func(db *gorm.DB, v *versioned) *gorm.DB { v.Name = "late"; return db.Updates(v) },
			"Select": func(db *gorm.DB, v *versioned) *gorm.DB {
				return db.Model(v).Select("Name").Updates(&versioned{Name: "late"})
			},
			"Select all": func(db *gorm.DB, v *versioned) *gorm.DB { v.Name = "late"; return db.Select("*").Updates(v) },
			"expression": func(db *gorm.DB, v *versioned) *gorm.DB { return db.Model(v).Update("pages", gorm.Expr("pages + 1")) },
			"condition":  func(db *gorm.DB, v *versioned) *gorm.DB { return db.Model(v).Where("pages = 0").Update("name", "late") },
		} {
			r := tw.write(t, what, func(db *gorm.DB) (*gorm.DB, any) {
				v := versioned{ID: 2, Name: "b", Version: version(6)}
				return write(db, &v), v
			})
			assert.Zero(t, r.Rows, what)
			assert.Empty(t, r.Error, what)
		}
	})
}

// TestASaveOfSelectedColumnsKeepsTheLock is the Save of the plugin's README: GORM inserts nothing after it.
func TestASaveOfSelectedColumnsKeepsTheLock(t *testing.T) {
	t.Parallel()
	onVersioned(t, func(t *testing.T, tw *twins) {
		t.Helper()
		save := func(v versioned) result {
			return tw.write(t, "Select Save", func(db *gorm.DB) (*gorm.DB, any) { return db.Select("*").Save(&v), v }, "pre_save updated 2")
		}
		r := save(versioned{ID: 2, Name: "late", Version: version(6)})
		assert.Zero(t, r.Rows)
		assert.Empty(t, r.Error)
	})
}

func TestAnUpdateOfTheVersionRaisesItAndSends(t *testing.T) {
	t.Parallel()
	onVersioned(t, func(t *testing.T, tw *twins) {
		t.Helper()
		now := int64(7)
		for _, form := range []struct {
			what  string
			write func(db *gorm.DB, v *versioned) *gorm.DB
		}{
			{"Update", func(db *gorm.DB, v *versioned) *gorm.DB { return db.Model(v).Update("name", "x") }},
			{"Updates map", func(db *gorm.DB, v *versioned) *gorm.DB { return db.Model(v).Updates(map[string]any{"name": "y"}) }},
			{"Updates struct", func(db *gorm.DB, v *versioned) *gorm.DB { return db.Model(v).Updates(&versioned{Name: "z"}) }},
			{"Updates itself", func(db *gorm.DB, v *versioned) *gorm.DB { v.Name = "i"; return db.Updates(v) }},
			{"Select", func(db *gorm.DB, v *versioned) *gorm.DB {
				return db.Model(v).Select("Name", "Version").Updates(&versioned{Name: "s"})
			}},
			{"Select all", func(db *gorm.DB, v *versioned) *gorm.DB { v.Name = "all"; return db.Select("*").Updates(v) }},
			{"expression", func(db *gorm.DB, v *versioned) *gorm.DB { return db.Model(v).Update("pages", gorm.Expr("pages + 1")) }},
			{"Save", func(db *gorm.DB, v *versioned) *gorm.DB { v.Name = "saved"; return db.Save(v) }},
		} {
			r := tw.write(t, form.what, func(db *gorm.DB) (*gorm.DB, any) {
				var v versioned
				if err := db.First(&v, 2).Error; err != nil {
					return db, err
				}
				return form.write(db, &v), v
			}, saved("updated", 2)...)
			now++
			assert.EqualValues(t, 1, r.Rows, form.what)
			var v versioned
			require.NoError(t, tw.loud.First(&v, 2).Error)
			assert.Equal(t, now, v.Version.Int64, form.what)
		}
	})
}

func TestUpdatesByConditionRaiseEveryVersion(t *testing.T) {
	t.Parallel()
	onVersioned(t, func(t *testing.T, tw *twins) {
		t.Helper()
		var sent []string
		sent = append(append(sent, saved("updated", 1, 2)...), saved("updated", 3)...)
		tw.write(t, "condition", func(db *gorm.DB) (*gorm.DB, any) {
			return db.Model(&versioned{}).Where("id > 0").Update("pages", 5), nil
		}, sent...)
		tw.write(t, "unscoped", func(db *gorm.DB) (*gorm.DB, any) {
			v := versioned{ID: 1, Version: version(99)}
			return db.Unscoped().Model(&v).Update("name", "forced"), v
		}, saved("updated", 1)...)
		tw.write(t, "columns", func(db *gorm.DB) (*gorm.DB, any) {
			v := versioned{ID: 1}
			return db.Model(&v).UpdateColumn("name", "silent"), v
		})
		tw.write(t, "delete", func(db *gorm.DB) (*gorm.DB, any) {
			v := versioned{ID: 1, Version: version(1)}
			return db.Delete(&v), v
		}, removed("hard", 1)...)
	})
}

// TestASaveOfAnOldVersionTakesTheRowOverAsWithoutThePlugin shows GORM's own way: the update of Save finds no row, and its upsert does.
func TestASaveOfAnOldVersionTakesTheRowOverAsWithoutThePlugin(t *testing.T) {
	t.Parallel()
	onVersioned(t, func(t *testing.T, tw *twins) {
		t.Helper()
		tw.write(t, "stale", func(db *gorm.DB) (*gorm.DB, any) {
			v := versioned{ID: 2, Name: "late", Version: version(6)}
			return db.Save(&v), v
		}, saved("updated", 2)...)
		tw.write(t, "new", func(db *gorm.DB) (*gorm.DB, any) {
			v := versioned{ID: 9, Name: "new"}
			return db.Save(&v), v
		}, saved("created", 9)...)
		tw.write(t, "slice", func(db *gorm.DB) (*gorm.DB, any) {
			all := []versioned{{ID: 1, Name: "x", Version: version(50)}, {ID: 2, Name: "y"}}
			return db.Save(&all), all
		}, saved("updated", 1, 2)...)
	})
}

// TestARowThatAReceiverChangesKeepsItsLock changes rows in pre_save: each is written by a statement of its own, with the lock.
func TestARowThatAReceiverChangesKeepsItsLock(t *testing.T) {
	t.Parallel()
	onVersioned(t, func(t *testing.T, tw *twins) {
		t.Helper()
		signals.For[versioned](tw.loud).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*versioned]) error {
			if e.Instance.ID == 2 {
				e.Instance.Name = "changed"
			}
			return nil
		})
		versions := func() (found []int64) {
			require.NoError(t, tw.loud.Model(&versioned{}).Order("id").Pluck("version", &found).Error)
			return found
		}
		require.NoError(t, tw.loud.Model(&versioned{}).Where("id > 0").Update("pages", 5).Error)
		assert.Equal(t, []int64{2, 8, 2}, versions())
		v := versioned{ID: 2, Version: version(7)}
		tx := tw.loud.Model(&v).Update("pages", 6)
		require.NoError(t, tx.Error)
		assert.Zero(t, tx.RowsAffected)
		v = versioned{ID: 2, Name: "saved", Version: version(8)}
		require.NoError(t, tw.loud.Save(&v).Error)
		assert.Equal(t, []int64{2, 9, 2}, versions())
		var stored versioned
		require.NoError(t, tw.loud.First(&stored, 2).Error)
		assert.Equal(t, "changed", stored.Name)
	})
}

type shelf struct {
	ID      uint
	Name    string
	Version optimisticlock.Version
	Volumes []volume
}

type volume struct {
	ID      uint
	ShelfID uint
	Name    string
	Version optimisticlock.Version
}

func TestLocksOfRelationsAreKept(t *testing.T) {
	t.Parallel()
	onTwins(t, nil, nil, []any{&shelf{}, &volume{}}, func(t *testing.T, tw *twins) {
		t.Helper()
		full := func(v int64) *shelf {
			return &shelf{ID: 1, Name: "a", Version: version(v), Volumes: []volume{{ID: 1, Name: "x", Version: version(v)}, {ID: 2, Name: "y", Version: version(v)}}}
		}
		tw.write(t, "create", func(db *gorm.DB) (*gorm.DB, any) { s := full(1); return db.Create(s), s },
			"pre_save created new", "pre_save created new", "pre_save created new", "post_save created 1", "post_save created 2", "post_save created 1")
		tw.write(t, "update", func(db *gorm.DB) (*gorm.DB, any) {
			s := full(1)
			s.Name = "b"
			return db.Updates(s), s
		}, saved("updated", 1)...)
		tw.write(t, "stale", func(db *gorm.DB) (*gorm.DB, any) {
			s := full(1)
			s.Name, s.Volumes = "c", nil
			return db.Updates(s), s
		})
	})
}
