package dbtest_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// Depot has racks and a Rack has crates; all of them go with what they stand in.
type Depot struct {
	ID    uint
	Name  string
	Racks []Rack `gorm:"constraint:OnDelete:CASCADE"`
}

// Rack stands in a Depot.
type Rack struct {
	ID      uint
	DepotID uint
	Crates  []Crate `gorm:"constraint:OnDelete:CASCADE"`
}

// Crate stands in a Rack.
type Crate struct{ ID, RackID uint }

// Latch and Bolt refer to each other.
type Latch struct {
	ID     uint
	BoltID *uint
	Bolt   *Bolt `gorm:"constraint:OnDelete:CASCADE"`
}

// Bolt refers to a Latch.
type Bolt struct {
	ID      uint
	LatchID *uint
	Latch   *Latch `gorm:"constraint:OnDelete:CASCADE"`
}

// Branch grows on another one.
type Branch struct {
	ID       uint
	ParentID *uint
	Twigs    []Branch `gorm:"foreignKey:ParentID;constraint:OnDelete:CASCADE"`
}

// Binder holds sheets. Both are soft-deleted.
type Binder struct {
	ID        uint
	DeletedAt gorm.DeletedAt
	Sheets    []Sheet `gorm:"constraint:OnDelete:CASCADE"`
}

// Sheet goes with its Binder, for good.
type Sheet struct {
	ID, BinderID uint
	DeletedAt    gorm.DeletedAt
}

// cascades runs a test on every server with the tables of the models, whose foreign keys the database enforces.
func cascades(t *testing.T, models []any, test func(t *testing.T, db *gorm.DB)) {
	t.Helper()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		at := dialector()
		if at.Name() == "sqlite" { // which enforces them only when it is told so
			at = sqlite.Open(filepath.Join(t.TempDir(), "cascade.db") + "?_foreign_keys=on&_busy_timeout=5000&_synchronous=off")
		} else { // tables that refer to each other must be there before their foreign keys
			require.NoError(t, connect(t, at, &gorm.Config{DisableForeignKeyConstraintWhenMigrating: true}).AutoMigrate(models...))
		}
		db := connect(t, at, &gorm.Config{})
		require.NoError(t, db.AutoMigrate(models...))
		require.NoError(t, db.Use(signals.Plugin{}))
		test(t, db)
	})
}

// deletes notes the delete signals of every model. Its receivers fail when a row is not there before its delete, or still is
// afterwards.
func deletes(db *gorm.DB) *[]string {
	var lines []string
	note := func(phase string) signals.Receiver[signals.DeleteEvent[any]] {
		return func(ctx context.Context, e signals.DeleteEvent[any]) error {
			id, _ := e.Schema().PrioritizedPrimaryField.ValueOf(ctx, reflect.ValueOf(e.Instance))
			line := fmt.Sprint(phase, " ", e.Schema().Name, " ", id,
				map[bool]string{true: " soft"}[e.Soft], map[bool]string{true: " cascaded"}[e.Cascade])
			lines = append(lines, line)
			var stored int64
			err := e.DB().Table(e.Schema().Table).Where("id = ?", id).Count(&stored).Error
			if err == nil && stored == 1 != (phase == "pre" || e.Soft) {
				err = fmt.Errorf("%s: %d stored", line, stored)
			}
			return err
		}
	}
	signals.Implementing[any](db).PreDelete.Connect(note("pre"))
	signals.Implementing[any](db).PostDelete.Connect(note("post"))
	return &lines
}

// pairs requires one pair for every row, in both phases in the order of rows: what stands in one line may come in any.
func pairs(t *testing.T, lines *[]string, rows ...string) {
	t.Helper()
	var want []string
	for _, phase := range []string{"pre ", "post "} {
		last := -1
		for _, row := range rows {
			first := len(*lines)
			from := last
			for one := range strings.SplitSeq(row, ", ") {
				want = append(want, phase+one)
				at := slices.Index(*lines, phase+one)
				first, last = min(first, at), max(last, at)
			}
			assert.Greater(t, first, from, "%s%s in %v", phase, row, *lines)
		}
	}
	assert.ElementsMatch(t, want, *lines)
	*lines = nil
}

// counts requires how many rows are stored of each model.
func counts(t *testing.T, db *gorm.DB, want map[any]int64) {
	t.Helper()
	for model, n := range want {
		var stored int64
		require.NoError(t, db.Unscoped().Model(model).Count(&stored).Error)
		assert.Equal(t, n, stored, "%T", model)
	}
}

// fillDepots makes depot 1 with rack 1, which has crates 1 and 2, and depot 2 with rack 2, which has crate 3.
func fillDepots(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.Create(&Depot{Racks: []Rack{{Crates: []Crate{{}, {}}}}}).Error)
	require.NoError(t, db.Create(&Depot{Racks: []Rack{{Crates: []Crate{{}}}}}).Error)
}

func TestACascadeSendsOnePairPerRowOfEveryLevel(t *testing.T) {
	t.Parallel()
	cascades(t, []any{&Depot{}, &Rack{}, &Crate{}}, func(t *testing.T, db *gorm.DB) {
		t.Helper()
		fillDepots(t, db)
		lines := deletes(db)
		result := db.Where("id = ?", 1).Delete(&Depot{})
		require.NoError(t, result.Error)
		assert.EqualValues(t, 1, result.RowsAffected)
		pairs(t, lines, "Crate 1 cascaded, Crate 2 cascaded", "Rack 1 cascaded", "Depot 1")
		counts(t, db, map[any]int64{&Depot{}: 1, &Rack{}: 1, &Crate{}: 1})
	})
}

func TestACascadeInACircleSendsOnePairPerRow(t *testing.T) {
	t.Parallel()
	cascades(t, []any{&Latch{}, &Bolt{}}, func(t *testing.T, db *gorm.DB) {
		t.Helper()
		require.NoError(t, db.Create(&[]Latch{{ID: 1}, {ID: 2}, {ID: 3}}).Error)
		require.NoError(t, db.Create(&[]Bolt{{ID: 1, LatchID: new(uint(1))}, {ID: 2, LatchID: new(uint(2))}}).Error)
		require.NoError(t, db.Model(&Latch{ID: 2}).Update("bolt_id", 1).Error)
		require.NoError(t, db.Model(&Latch{ID: 1}).Update("bolt_id", 2).Error)
		lines := deletes(db)
		require.NoError(t, db.Delete(&Latch{ID: 1}).Error)
		pairs(t, lines, "Bolt 2 cascaded", "Latch 2 cascaded", "Bolt 1 cascaded", "Latch 1")
		counts(t, db, map[any]int64{&Latch{}: 1, &Bolt{}: 0})
	})
}

func TestACascadeWithinOneTableSendsOnePairPerRow(t *testing.T) {
	t.Parallel()
	cascades(t, []any{&Branch{}}, func(t *testing.T, db *gorm.DB) {
		t.Helper()
		require.NoError(t, db.Create(&[]Branch{{ID: 1}, {ID: 9}}).Error)
		require.NoError(t, db.Create(&[]Branch{{ID: 2, ParentID: new(uint(1))}, {ID: 3, ParentID: new(uint(1))}}).Error)
		require.NoError(t, db.Create(&[]Branch{{ID: 4, ParentID: new(uint(2))}, {ID: 5, ParentID: new(uint(3))}}).Error)
		lines := deletes(db)
		require.NoError(t, db.Delete(&Branch{}, []uint{1, 4}).Error)
		for i, line := range *lines { // whether a row that is named too counts as cascaded is not what this is about
			(*lines)[i] = strings.TrimSuffix(line, " cascaded")
		}
		pairs(t, lines, "Branch 4, Branch 5", "Branch 2, Branch 3", "Branch 1")
		counts(t, db, map[any]int64{&Branch{}: 1})
	})
}

func TestASoftDeletedParentCascadesNothingUntilItReallyGoes(t *testing.T) {
	t.Parallel()
	cascades(t, []any{&Binder{}, &Sheet{}}, func(t *testing.T, db *gorm.DB) {
		t.Helper()
		require.NoError(t, db.Create(&Binder{Sheets: []Sheet{{}, {}}}).Error)
		lines := deletes(db)
		require.NoError(t, db.Delete(&Binder{ID: 1}).Error)
		pairs(t, lines, "Binder 1 soft")
		counts(t, db, map[any]int64{&Binder{}: 1, &Sheet{}: 2})
		require.NoError(t, db.Unscoped().Delete(&Binder{ID: 1}).Error)
		pairs(t, lines, "Sheet 1 cascaded, Sheet 2 cascaded", "Binder 1")
		counts(t, db, map[any]int64{&Binder{}: 0, &Sheet{}: 0})
	})
}

func TestSoftDeletedChildrenThatReallyGoSendAHardPair(t *testing.T) {
	t.Parallel()
	cascades(t, []any{&Binder{}, &Sheet{}}, func(t *testing.T, db *gorm.DB) {
		t.Helper()
		require.NoError(t, db.Create(&Binder{Sheets: []Sheet{{}, {}}}).Error)
		lines := deletes(db)
		require.NoError(t, db.Delete(&Sheet{ID: 1}).Error)
		pairs(t, lines, "Sheet 1 soft")
		require.NoError(t, db.Unscoped().Where("1 = 1").Delete(&Binder{}).Error)
		pairs(t, lines, "Sheet 1 cascaded, Sheet 2 cascaded", "Binder 1")
		counts(t, db, map[any]int64{&Sheet{}: 0})
	})
}

func TestACascadeOfManyRowsGoesInBatchesAndSendsOnePairPerRow(t *testing.T) {
	t.Parallel()
	const n = 20_000
	cascades(t, []any{&Depot{}, &Rack{}, &Crate{}}, func(t *testing.T, db *gorm.DB) {
		t.Helper()
		require.NoError(t, db.Create(&Depot{Racks: []Rack{{}}}).Error)
		digit := "SELECT 0 AS d" + strings.Repeat(" UNION ALL SELECT 0", 9)
		require.NoError(t, db.Exec(fmt.Sprintf("INSERT INTO crates(rack_id) SELECT 1 FROM (%[1]s) a, (%[1]s) b, (%[1]s) c, (%[1]s) d, (SELECT 0 AS d UNION ALL SELECT 0) e", digit)).Error)
		counts(t, db, map[any]int64{&Crate{}: n})
		calls := 0
		seen := map[string]map[uint]bool{"pre": make(map[uint]bool, n), "post": make(map[uint]bool, n)}
		note := func(phase string) signals.Receiver[signals.DeleteEvent[*Crate]] {
			return func(_ context.Context, e signals.DeleteEvent[*Crate]) error {
				calls++
				seen[phase][e.Instance.ID] = true
				return nil
			}
		}
		signals.For[Crate](db).PreDelete.Connect(note("pre"))
		signals.For[Crate](db).PostDelete.Connect(note("post"))
		signals.For[Rack](db).PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Rack]) error {
			assert.Len(t, seen["pre"], n, "children come before the parent")
			return nil
		})
		signals.For[Rack](db).PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Rack]) error {
			assert.Len(t, seen["post"], n, "children come before the parent")
			return nil
		})
		require.NoError(t, db.Delete(&Depot{ID: 1}).Error)
		counts(t, db, map[any]int64{&Depot{}: 0, &Rack{}: 0, &Crate{}: 0})
		assert.Equal(t, 2*n, calls, "every child has one pair")
	})
}

func TestAVetoOnACascadedRowUndoesTheWholeDelete(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"pre", "post"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			cascades(t, []any{&Depot{}, &Rack{}, &Crate{}}, func(t *testing.T, db *gorm.DB) {
				t.Helper()
				fillDepots(t, db)
				errBoom := errors.New("boom")
				veto := func(_ context.Context, e signals.DeleteEvent[*Crate]) error {
					if e.Instance.ID == 3 {
						return errBoom
					}
					return nil
				}
				if crates := signals.For[Crate](db); phase == "pre" {
					crates.PreDelete.Connect(veto)
				} else {
					crates.PostDelete.Connect(veto)
				}
				require.ErrorIs(t, db.Where("1 = 1").Delete(&Depot{}).Error, errBoom)
				counts(t, db, map[any]int64{&Depot{}: 2, &Rack{}: 2, &Crate{}: 3})
				require.NoError(t, db.Delete(&Depot{ID: 1}).Error)
				counts(t, db, map[any]int64{&Depot{}: 1, &Rack{}: 1, &Crate{}: 1})
			})
		})
	}
}
