package dbtest_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Part is the model of the tests of lanes.
type Part struct {
	ID      uint
	WholeID *uint
	N       int
}

// Whole has parts that GORM writes with it.
type Whole struct {
	ID    uint
	Parts []Part
}

// firstWrites are calls that GORM runs without a transaction under SkipDefaultTransaction. They set N of a part to 1.
func firstWrites() map[string]func(db *gorm.DB, id uint) error {
	return map[string]func(db *gorm.DB, id uint) error{
		"create":            func(db *gorm.DB, _ uint) error { return db.Create(&Part{N: 1}).Error },
		"create of a slice": func(db *gorm.DB, _ uint) error { return db.Create(&[]Part{{N: 1}}).Error },
		"create from a map": func(db *gorm.DB, _ uint) error { return db.Model(&Part{}).Create(map[string]any{"n": 1}).Error },
		"create in batches": func(db *gorm.DB, _ uint) error { return db.CreateInBatches(&[]Part{{N: 1}}, 1).Error },
		"nested create":     func(db *gorm.DB, _ uint) error { return db.Create(&Whole{Parts: []Part{{N: 1}}}).Error },
		"first or create":   func(db *gorm.DB, _ uint) error { return db.Where(Part{N: 1}).FirstOrCreate(&Part{}).Error },
		"generics":          func(db *gorm.DB, _ uint) error { return gorm.G[Part](db).Create(context.Background(), &Part{N: 1}) },
		"upsert": func(db *gorm.DB, id uint) error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Part{ID: id, N: 1}).Error
		},
		"save":           func(db *gorm.DB, id uint) error { return db.Save(&Part{ID: id, N: 1}).Error },
		"save of a new":  func(db *gorm.DB, id uint) error { return db.Save(&Part{ID: id + 1, N: 1}).Error },
		"update":         func(db *gorm.DB, id uint) error { return db.Model(&Part{ID: id}).Update("n", 1).Error },
		"update by code": func(db *gorm.DB, _ uint) error { return db.Model(&Part{}).Where("n = 0").Update("n", 1).Error },
	}
}

// TestNobodyOvertakesAWriteOnALaneWhereGORMOpensNoTransaction looks for the written row on another connection, before the event of the write can have
// a place on the lane, and changes the row at once if it is there.
func TestNobodyOvertakesAWriteOnALaneWhereGORMOpensNoTransaction(t *testing.T) {
	t.Parallel()
	for name, write := range firstWrites() {
		for _, prepare := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " prepared ", prepare), func(t *testing.T) {
				t.Parallel()
				onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
					t.Helper()
					db := connect(t, dialector(), &gorm.Config{SkipDefaultTransaction: true, PrepareStmt: prepare})
					require.NoError(t, db.AutoMigrate(&Whole{}, &Part{}))
					stored := Part{}
					require.NoError(t, db.Create(&stored).Error)
					require.NoError(t, db.Use(signals.Plugin{}))
					assert.Equal(t, []int{1, 2}, overtaken(t, db, func() error { return write(db, stored.ID) }))
				})
			})
		}
	}
}

// overtaken makes a write that sets N of a part to 1. As soon as another connection sees that, it sets N to 2. It returns N as a receiver on a lane
// has seen it.
func overtaken(t *testing.T, db *gorm.DB, write func() error) []int {
	t.Helper()
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 1})
	var seen []int
	saved := signals.For[Part](db).PostSave
	saved.Connect(func(_ context.Context, e signals.SaveEvent[*Part]) error {
		seen = append(seen, e.Instance.N)
		return nil
	}, signals.AfterCommit(), signals.In(lane), signals.Needs(signals.Keys))
	follow := func() (done bool) {
		found := Part{}
		if !assert.NoError(t, db.Where("n = 1").Limit(1).Find(&found).Error) || found.ID == 0 {
			return false
		}
		return assert.NoError(t, db.Model(&found).Update("n", 2).Error)
	}
	var heard atomic.Bool
	followed := false
	saved.Connect(func(context.Context, signals.SaveEvent[*Part]) error {
		if heard.Swap(true) {
			return nil
		}
		done := make(chan bool)
		go func() { done <- follow() }()
		followed = <-done
		return nil
	}, signals.Needs(signals.Keys))
	require.NoError(t, write())
	if !followed {
		assert.True(t, follow())
	}
	require.NoError(t, lane.Wait(t.Context()))
	return seen
}
