package behaviour_test

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

//nolint:paralleltest // the heap is that of the whole process
func TestACascadeOfManyRowsTakesTheMemoryOfAFew(t *testing.T) {
	const n = 100_000
	db := open(t, &Depot{}, &Rack{}, &Crate{})
	require.NoError(t, db.Create(&Depot{Racks: []Rack{{}}}).Error)
	require.NoError(t, db.Exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"+
		" INSERT INTO crates(rack_id) SELECT 1 FROM n", n).Error)
	var start, peak uint64
	live := func() uint64 {
		runtime.GC()
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	pre, post := make([]uint8, n+1), make([]uint8, n+1)
	calls, preBefore, postBefore := 0, 0, 0
	crates, racks := signals.For[Crate](db), signals.For[Rack](db)
	for counts, signal := range map[*[]uint8]*signals.Signal[signals.DeleteEvent[*Crate]]{&pre: crates.PreDelete, &post: crates.PostDelete} {
		signal.Connect(func(_ context.Context, e signals.DeleteEvent[*Crate]) error {
			(*counts)[e.Instance.ID]++
			if calls++; calls%10_000 == 0 {
				peak = max(peak, live())
			}
			return nil
		})
	}
	told := func(counts []uint8) (n int) {
		for _, c := range counts {
			n += int(c)
		}
		return n
	}
	racks.PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Rack]) error { preBefore = told(pre); return nil })
	racks.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Rack]) error { postBefore = told(post); return nil })
	start = live()
	require.NoError(t, db.Delete(&Depot{ID: 1}).Error)
	stands(t, db, 0, 0, 0)
	assert.Equal(t, []int{n, n}, []int{preBefore, postBefore}, "the children come before the parent")
	once := append([]uint8{0}, []uint8(strings.Repeat("\x01", n))...)
	assert.True(t, assert.ObjectsAreEqual(once, pre) && assert.ObjectsAreEqual(once, post), "every child has one pair")
	assert.Less(t, float64(peak-min(start, peak))/(1<<20), 20.0, "megabytes")
}

func TestAVetoBeforeACascadeLeavesTheCallersTransactionAsItWas(t *testing.T) {
	t.Parallel()
	db := depots(t, &gorm.Config{}, signals.Plugin{})
	signals.For[Rack](db).PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Rack]) error { return errBoom })
	tr := traceDepots(db)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.ErrorIs(t, tx.Delete(&Depot{ID: 1}).Error, errBoom)
		return nil // commits what there is
	}))
	stands(t, db, 3, 3, 3)
	assert.NotContains(t, fmt.Sprint(tr.take()), "post", "nothing was deleted")
}

func TestACascadeOfManyParentsCountsAsWithoutThePlugin(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 2} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db := depots(t, &gorm.Config{}, signals.Plugin{BatchSize: size})
			require.NoError(t, db.Create(&[]Depot{{Name: "d", Racks: []Rack{{}, {}, {}}}, {Name: "e"}, {Name: "stays", Racks: []Rack{{}}}}).Error)
			tr := traceDepots(db)
			result := db.Where("name <> ?", "stays").Delete(&Depot{})
			require.NoError(t, result.Error)
			assert.EqualValues(t, 5, result.RowsAffected)
			stands(t, db, 1, 1, 0)
			want := depotOne()
			maps.Copy(want, family{
				"depot 2b": nil, "depot 3c": nil, "depot 4d": nil, "depot 5e": nil, "rack 3 of 2": {"depot 2b"}, "crate 3 of 3": {"rack 3 of 2"},
				"rack 4 of 4": {"depot 4d"}, "rack 5 of 4": {"depot 4d"}, "rack 6 of 4": {"depot 4d"},
			})
			want.check(t, tr.take())
		})
	}
}

func TestChildrenThatTheCallDeletesItselfSendOnePair(t *testing.T) {
	t.Parallel()
	nested := family{
		"depot 1a": nil, "rack 1 of 1": nil, "rack 2 of 1": nil, "crate 1 of 1": {"rack 1 of 1"}, "crate 2 of 1": {"rack 1 of 1"},
	}
	for name, c := range map[string]struct {
		remove func(db *gorm.DB) error
		want   family
	}{
		"Select":              {func(db *gorm.DB) error { return db.Select("Racks").Delete(&Depot{ID: 1}).Error }, nested},
		"Select associations": {func(db *gorm.DB) error { return db.Select(clause.Associations).Delete(&Depot{ID: 1}).Error }, nested},
		"Select of two levels": {func(db *gorm.DB) error { // GORM knows no key of the racks, and leaves the crates to the database
			return db.Select("Racks", "Racks.Crates").Delete(&Depot{ID: 1}).Error
		}, nested},
		"Select by condition": {func(db *gorm.DB) error { // GORM deletes nothing more for it, but the database does
			return db.Select("Racks").Where("id = 1").Delete(&Depot{}).Error
		}, depotOne()},
		"Unscoped Clear": {func(db *gorm.DB) error {
			return db.Model(&Depot{ID: 1}).Association("Racks").Unscoped().Clear()
		}, family{"rack 1 of 1": nil, "rack 2 of 1": nil, "crate 1 of 1": {"rack 1 of 1"}, "crate 2 of 1": {"rack 1 of 1"}}},
		"Unscoped Delete": {func(db *gorm.DB) error {
			return db.Model(&Depot{ID: 1}).Association("Racks").Unscoped().Delete(&Rack{ID: 1})
		}, family{"rack 1 of 1": nil, "crate 1 of 1": {"rack 1 of 1"}, "crate 2 of 1": {"rack 1 of 1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := depots(t, &gorm.Config{}, signals.Plugin{})
			tr := traceDepots(db)
			require.NoError(t, c.remove(db))
			if strings.HasPrefix(name, "Select") { // GORM deletes the selected ones once pre_delete of the parent is sent
				c.want.checkIn(t, tr.take(), "post ")
			} else {
				c.want.check(t, tr.take())
			}
			assert.EqualValues(t, 1, count[Crate](t, db))
		})
	}
}

func TestSelectedChildrenThatAreSoftDeletedFirstSendASoftAndAHardPair(t *testing.T) {
	t.Parallel()
	db := open(t, &Binder{}, &Sheet{}, &Slip{})
	require.NoError(t, db.Create(&Binder{Sheets: []Sheet{{Slips: []Slip{{}}}}}).Error)
	tr := traceBinders(db)
	require.NoError(t, db.Select("Sheets").Delete(&Binder{ID: 1}).Error)
	assert.ElementsMatch(t, []string{
		"pre sheet 1 soft", "post sheet 1 soft", "pre binder 1", "post binder 1",
		"pre sheet 1 cascaded", "pre slip 1 cascaded", "post sheet 1 cascaded", "post slip 1 cascaded",
	}, tr.take())
	assert.Zero(t, count[Sheet](t, db)+count[Slip](t, db))
}

func TestChildrenThatAReceiverOfTheParentDeletesHaveOnePost(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db := depots(t, &gorm.Config{}, signals.Plugin{BatchSize: size})
			signals.For[Depot](db).PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Depot]) error {
				return e.DB().Where("depot_id = ?", e.Instance.ID).Delete(&Rack{}).Error
			})
			tr := traceDepots(db)
			require.NoError(t, db.Delete(&Depot{ID: 1}).Error)
			stands(t, db, 2, 1, 1)
			assert.Equal(t, map[string]int{
				"depot 1a": 1, "rack 1 of 1": 1, "rack 2 of 1": 1, "crate 1 of 1": 1, "crate 2 of 1": 1,
			}, posts(tr.take()))
		})
	}
}

func TestAChildThatAReceiverMovesAwayStaysAndHasNoPost(t *testing.T) {
	t.Parallel()
	db := depots(t, &gorm.Config{}, signals.Plugin{})
	tr := traceDepots(db)
	signals.For[Crate](db).PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Crate]) error {
		if e.Instance.ID != 1 {
			return nil
		}
		return e.DB().Model(&Crate{ID: 1}).Update("rack_id", 3).Error
	})
	require.NoError(t, db.Delete(&Depot{ID: 1}).Error)
	stands(t, db, 2, 1, 2)
	assert.EqualValues(t, 3, find[Crate](t, db, 1).RackID)
	lines := fmt.Sprint(tr.take())
	assert.NotContains(t, lines, "post crate 1")
	assert.Contains(t, lines, "post crate 2")
}

func TestDeferredReceiversHearOfCascadedRows(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		t.Run(fmt.Sprint("skip ", skip), func(t *testing.T) {
			t.Parallel()
			hearDeferred(t, depots(t, &gorm.Config{SkipDefaultTransaction: skip}, signals.Plugin{}))
		})
	}
}

func hearDeferred(t *testing.T, db *gorm.DB) {
	t.Helper()
	tr := &trace{}
	for phase, option := range map[string]signals.ConnectOption{
		"before commit": signals.BeforeCommit(), "committed": signals.AfterCommit(), "undone": signals.AfterRollback(),
	} {
		signals.For[Crate](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Crate]) error {
			var left int64
			err := e.DB().Model(&Crate{}).Count(&left).Error
			tr.add("%s crate %d of %d cascaded %t, %d left", phase, e.Instance.ID, e.Instance.RackID, e.Cascade, left)
			return err
		}, option)
	}
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Delete(&Depot{ID: 1}).Error)
		assert.Empty(t, tr.take())
		return errBoom
	}), errBoom)
	assert.ElementsMatch(t, []string{"undone crate 1 of 1 cascaded true, 3 left", "undone crate 2 of 1 cascaded true, 3 left"}, tr.take())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Delete(&Depot{ID: 1}).Error)
		assert.Empty(t, tr.take())
		return nil
	}))
	assert.ElementsMatch(t, []string{
		"before commit crate 1 of 1 cascaded true, 1 left", "before commit crate 2 of 1 cascaded true, 1 left",
		"committed crate 1 of 1 cascaded true, 1 left", "committed crate 2 of 1 cascaded true, 1 left",
	}, tr.take())
	require.NoError(t, db.Delete(&Depot{ID: 2}).Error)
	assert.ElementsMatch(t, []string{
		"before commit crate 3 of 3 cascaded true, 0 left", "committed crate 3 of 3 cascaded true, 0 left",
	}, tr.take(), "GORM's own transaction counts too, and the library's")
}

func TestCascadesReachThroughModelsThatNobodyListensTo(t *testing.T) {
	t.Parallel()
	for _, need := range []signals.Need{signals.Keys, signals.Row} {
		t.Run(need.String(), func(t *testing.T) {
			t.Parallel()
			db := depots(t, &gorm.Config{}, signals.Plugin{})
			var batches [][]Crate
			signals.For[Crate](db).PostDelete.ConnectBatch(func(_ context.Context, events []signals.DeleteEvent[*Crate]) error {
				var batch []Crate
				for _, e := range events {
					batch = append(batch, *e.Instance)
				}
				batches = append(batches, batch)
				return nil
			}, signals.Needs(need))
			require.NoError(t, db.Where("name < ?", "c").Delete(&Depot{}).Error)
			stands(t, db, 1, 0, 0)
			rack := map[signals.Need]uint{signals.Row: 1}[need]
			assert.Equal(t, [][]Crate{{{1, rack}, {2, rack}, {3, 3 * rack}}}, batches)
		})
	}
}

func TestACascadeDeeperThanMaxDepthIsNoRecursion(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{MaxDepth: 2}, &Branch{})
	want := family{"branch 1": nil}
	require.NoError(t, db.Create(&Branch{ID: 1}).Error)
	for id := uint(2); id <= 40; id++ {
		require.NoError(t, db.Create(&Branch{ID: id, ParentID: new(id - 1)}).Error)
		want[fmt.Sprint("branch ", id)] = []string{fmt.Sprint("branch ", id-1)}
	}
	tr := &trace{} // deletesOf would ask for rows, which is deeper by itself
	branches := signals.For[Branch](db)
	branches.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Branch]) error {
		tr.add("pre branch %d%s", e.Instance.ID, map[bool]string{true: " cascaded"}[e.Cascade])
		return nil
	})
	branches.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Branch]) error {
		tr.add("post branch %d%s", e.Instance.ID, map[bool]string{true: " cascaded"}[e.Cascade])
		return nil
	})
	require.NoError(t, db.Delete(&Branch{ID: 1}).Error)
	want.check(t, tr.take())
	assert.Zero(t, count[Branch](t, db))
}
