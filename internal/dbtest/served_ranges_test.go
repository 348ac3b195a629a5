package dbtest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// SoftLamp is marked when it is deleted.
type SoftLamp struct {
	ID        uint
	Name      string `gorm:"size:40"`
	Price     int
	DeletedAt gorm.DeletedAt
}

// Word has a key whose order is the database's.
type Word struct {
	Text string `gorm:"size:40;primaryKey"`
	N    int
}

func TestReceiversThatLookAfterwardsCostAWriteByConditionFewStatements(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		need  signals.Need
		write func(tx *gorm.DB) *gorm.DB
		few   map[string]int // statements for three rows, by database
		many  map[string]int // for 10,000
		price func(old int) int
	}{
		"update": {
			signals.Row, func(tx *gorm.DB) *gorm.DB { return tx.Model(&SoftLamp{}).Update("price", -1) },
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 2},
			map[string]int{"sqlite": 6, "postgres": 6, "mysql": 41},
			func(int) int { return -1 },
		},
		"update by an expression": {
			signals.Row, func(tx *gorm.DB) *gorm.DB { return tx.Model(&SoftLamp{}).Update("price", gorm.Expr("price * 2")) },
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 3},
			map[string]int{"sqlite": 6, "postgres": 6, "mysql": 62},
			func(old int) int { return 2 * old },
		},
		"update of keys": {
			signals.Keys, func(tx *gorm.DB) *gorm.DB { return tx.Model(&SoftLamp{}).Update("price", -1) },
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 2},
			map[string]int{"sqlite": 6, "postgres": 6, "mysql": 41},
			func(int) int { return -1 },
		},
		"soft delete": {
			signals.Row, func(tx *gorm.DB) *gorm.DB { return tx.Delete(&SoftLamp{}) },
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 2},
			map[string]int{"sqlite": 6, "postgres": 6, "mysql": 41},
			func(old int) int { return old },
		},
		"delete": {
			signals.Row, func(tx *gorm.DB) *gorm.DB { return tx.Unscoped().Delete(&SoftLamp{}) },
			map[string]int{"sqlite": 1, "postgres": 1, "mysql": 1},
			map[string]int{"sqlite": 6, "postgres": 6, "mysql": 5},
			func(old int) int { return old },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				db := lamps(t, dialector(), 0)
				require.NoError(t, db.AutoMigrate(&SoftLamp{}))
				all := make([]SoftLamp, 10_005)
				for i := range all {
					all[i] = SoftLamp{Name: fmt.Sprint("lamp ", i+1), Price: i + 1}
				}
				require.NoError(t, db.CreateInBatches(&all, 1000).Error)
				require.NoError(t, db.Use(signals.Plugin{}))
				var heard []int
				hear := func(l *SoftLamp) {
					heard = append(heard, int(l.ID))
					if c.need == signals.Row {
						assert.Equal(t, fmt.Sprint("lamp ", l.ID), l.Name)
						assert.Equal(t, c.price(int(l.ID)), l.Price)
					}
					assert.False(t, l.DeletedAt.Valid, "the row is as it was stored")
				}
				s := signals.For[SoftLamp](db)
				s.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*SoftLamp]) error {
					assert.True(t, e.Changed("Price"))
					hear(e.Instance)
					return nil
				}, signals.Needs(c.need))
				s.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*SoftLamp]) error {
					assert.Equal(t, name == "soft delete", e.Soft)
					hear(e.Instance)
					return nil
				})
				require.NoError(t, c.write(db.Where("id > ?", 10_004)).Error) // what is asked once is known now
				heard = nil
				assert.Equal(t, c.few[db.Name()], statementsOf(t, db, func(tx *gorm.DB) error { return c.write(tx.Where("id < ?", 4)).Error }))
				assert.ElementsMatch(t, []int{1, 2, 3}, heard)
				heard = nil
				assert.Equal(t, c.many[db.Name()], statementsOf(t, db, func(tx *gorm.DB) error {
					result := c.write(tx.Where("id BETWEEN ? AND ?", 4, 10_003))
					assert.EqualValues(t, 10_000, result.RowsAffected)
					return result.Error
				}), "of BatchSize rows each, or of five times as many")
				slices.Sort(heard)
				require.Len(t, heard, 10_000)
				assert.Equal(t, 4, heard[0])
				assert.Len(t, slices.Compact(heard), 10_000)
				heard = nil
				require.NoError(t, c.write(db.Where("id < 0")).Error)
				assert.Empty(t, heard)
			})
		})
	}
}

// TestRangesReachEachRowOnce: in the order of keys that the database has, and rows without a key too.
func TestRangesReachEachRowOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		write func(db *gorm.DB) *gorm.DB
		left  string // of the rows that the write has reached
	}{
		"update": {func(db *gorm.DB) *gorm.DB { return db.Model(&Word{}).Where("n = 0").Update("n", 1) }, "n = 1"},
		"delete": {func(db *gorm.DB) *gorm.DB { return db.Where("n = 0").Delete(&Word{}) }, "n = -1"},
	} {
		for _, nulls := range []int{0, 1, 25} {
			t.Run(fmt.Sprint(name, " with ", nulls), func(t *testing.T) {
				t.Parallel()
				onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
					t.Helper()
					db := lamps(t, dialector(), 0)
					if nulls > 0 {
						require.NoError(t, db.Exec("CREATE TABLE words (text VARCHAR(40), n INT)").Error)
					} else {
						require.NoError(t, db.AutoMigrate(&Word{}))
					}
					n := 0
					for _, first := range []string{"a", "B", "z", "Ä", "é", "_", "1"} {
						for _, second := range []string{"a", "b", "Z", "ö", "-"} {
							require.NoError(t, db.Exec("INSERT INTO words (text, n) VALUES (?, 0)", fmt.Sprint(first, second, n)).Error)
							n++
						}
					}
					for range nulls {
						require.NoError(t, db.Exec("INSERT INTO words (text, n) VALUES (NULL, 0)").Error)
						n++
					}
					require.NoError(t, db.Use(signals.Plugin{BatchSize: 2}))
					heard := 0
					words := signals.For[Word](db)
					words.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Word]) error {
						assert.Equal(t, 1, e.Instance.N)
						heard++
						return nil
					}, signals.Needs(signals.Row))
					words.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Word]) error { heard++; return nil })
					result := c.write(db)
					require.NoError(t, result.Error)
					assert.EqualValues(t, n, result.RowsAffected)
					assert.Equal(t, n, heard)
					var left int64
					require.NoError(t, db.Model(&Word{}).Where("n = 0").Count(&left).Error)
					assert.Zero(t, left)
					require.NoError(t, db.Model(&Word{}).Where(c.left).Count(&left).Error)
					assert.Equal(t, map[string]int64{"n = 1": int64(n), "n = -1": 0}[c.left], left)
				})
			})
		}
	}
}

// TestReceiversThatAddRowsToAWriteDoNotKeepItGoing: a write has an end although each row makes its receiver store another one that it would reach.
func TestReceiversThatAddRowsToAWriteDoNotKeepItGoing(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(db *gorm.DB) *gorm.DB{
		"update": func(db *gorm.DB) *gorm.DB { return db.Model(&Lamp{}).Where("price > ?", 0).Update("name", "new") },
		"delete": func(db *gorm.DB) *gorm.DB { return db.Where("price > ?", 0).Delete(&Lamp{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				db := lamps(t, dialector(), 50)
				require.NoError(t, db.Use(signals.Plugin{BatchSize: 2}))
				heard := map[uint]int{}
				add := func(tx *gorm.DB, id uint) error {
					heard[id]++
					return tx.Create(&Lamp{Price: 1}).Error
				}
				s := signals.For[Lamp](db)
				s.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Lamp]) error {
					if e.Created {
						return nil
					}
					return add(e.DB(), e.Instance.ID)
				}, signals.Needs(signals.Row))
				s.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Lamp]) error { return add(e.DB(), e.Instance.ID) })
				result := write(db)
				require.NoError(t, result.Error)
				assert.EqualValues(t, len(heard), result.RowsAffected)
				assert.GreaterOrEqual(t, len(heard), 50)
				for id, times := range heard {
					assert.Equal(t, 1, times, id)
				}
			})
		})
	}
}
