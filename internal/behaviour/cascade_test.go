package behaviour_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
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

// family is what the delete of a parent must send: one pair for every row, in both phases before the pairs of the parents
// that it is listed with. Rows listed with nil are named by the call, all others go by cascade.
type family map[string][]string

func (f family) check(t *testing.T, lines []string) {
	t.Helper()
	f.checkIn(t, lines, "pre ", "post ")
}

// checkIn is check with the order of some phases.
func (f family) checkIn(t *testing.T, lines []string, ordered ...string) {
	t.Helper()
	at := map[string]int{}
	for i, line := range lines {
		at[line] = i
	}
	var want []string
	for _, phase := range []string{"pre ", "post "} {
		for row, parents := range f {
			want = append(want, f.line(phase, row))
			for _, parent := range parents {
				if !slices.Contains(ordered, phase) {
					continue
				}
				assert.Less(t, at[f.line(phase, row)], at[f.line(phase, parent)], "%s%s comes before %s", phase, row, parent)
			}
		}
	}
	assert.ElementsMatch(t, want, lines)
}

func (f family) line(phase, row string) string {
	if f[row] != nil {
		return phase + row + " cascaded"
	}
	return phase + row
}

// deletesOf notes the delete signals of a model. Its receivers fail when a row is not there before its delete, or still is
// afterwards.
func deletesOf[M any](db *gorm.DB, tr *trace, show func(*M) string) {
	note := func(phase string) signals.Receiver[signals.DeleteEvent[*M]] {
		return func(ctx context.Context, e signals.DeleteEvent[*M]) error {
			key := map[string]any{}
			for _, f := range e.Schema().PrimaryFields {
				key[f.DBName], _ = f.ValueOf(ctx, reflect.ValueOf(e.Instance))
			}
			var stored int64
			err := e.DB().Unscoped().Model(new(M)).Where(key).Count(&stored).Error
			if err == nil && stored == 1 != (phase == "pre" || e.Soft) {
				err = fmt.Errorf("%s %s: %d stored", phase, show(e.Instance), stored)
			}
			tr.add("%s %s%s%s", phase, show(e.Instance),
				map[bool]string{true: " soft"}[e.Soft], map[bool]string{true: " cascaded"}[e.Cascade])
			return err
		}
	}
	signals.For[M](db).PreDelete.Connect(note("pre"))
	signals.For[M](db).PostDelete.Connect(note("post"))
}

// depots returns a database in which depot 1 has rack 1 with crates 1 and 2 and rack 2 without, depot 2 has rack 3 with
// crate 3, and depot 3 has nothing.
func depots(t *testing.T, config *gorm.Config, plugin signals.Plugin) *gorm.DB {
	t.Helper()
	db := testkit.OpenWith(t, config, plugin, &Depot{}, &Rack{}, &Crate{})
	require.NoError(t, db.Create(&[]Depot{
		{Name: "a", Racks: []Rack{{Crates: []Crate{{}, {}}}, {}}}, {Name: "b", Racks: []Rack{{Crates: []Crate{{}}}}}, {Name: "c"},
	}).Error)
	stands(t, db, 3, 3, 3)
	return db
}

// stands requires what is stored of depots, racks and crates.
func stands(t *testing.T, db *gorm.DB, depots, racks, crates int64) {
	t.Helper()
	assert.Equal(t, []int64{depots, racks, crates}, []int64{count[Depot](t, db), count[Rack](t, db), count[Crate](t, db)})
}

func traceDepots(db *gorm.DB) *trace {
	tr := &trace{}
	deletesOf(db, tr, func(d *Depot) string { return fmt.Sprint("depot ", d.ID, d.Name) })
	deletesOf(db, tr, func(r *Rack) string { return fmt.Sprintf("rack %d of %d", r.ID, r.DepotID) })
	deletesOf(db, tr, func(c *Crate) string { return fmt.Sprintf("crate %d of %d", c.ID, c.RackID) })
	return tr
}

// depotOne is what a delete of depot 1 must send.
func depotOne() family {
	return family{
		"depot 1a": nil, "rack 1 of 1": {"depot 1a"}, "rack 2 of 1": {"depot 1a"}, "crate 1 of 1": {"rack 1 of 1"}, "crate 2 of 1": {"rack 1 of 1"},
	}
}

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

func TestACascadeInACircleSendsOnePairPerRow(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1} {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: size}, &Latch{}, &Bolt{})
			require.NoError(t, db.Create(&[]Latch{{ID: 1}, {ID: 2}, {ID: 3}}).Error)
			require.NoError(t, db.Create(&[]Bolt{{ID: 1, LatchID: new(uint(1))}, {ID: 2, LatchID: new(uint(2))}}).Error)
			require.NoError(t, db.Model(&Latch{ID: 2}).Update("bolt_id", 1).Error)
			require.NoError(t, db.Model(&Latch{ID: 1}).Update("bolt_id", 2).Error)
			tr := &trace{}
			deletesOf(db, tr, func(l *Latch) string { return fmt.Sprint("latch ", l.ID) })
			deletesOf(db, tr, func(b *Bolt) string { return fmt.Sprint("bolt ", b.ID) })
			require.NoError(t, db.Delete(&Latch{ID: 1}).Error)
			family{"latch 1": nil, "bolt 1": {"latch 1"}, "latch 2": {"bolt 1"}, "bolt 2": {"latch 2"}}.check(t, tr.take())
			assert.EqualValues(t, 1, count[Latch](t, db))
			assert.Zero(t, count[Bolt](t, db))
		})
	}
}

// Branch grows on another one.
type Branch struct {
	ID       uint
	ParentID *uint
	Twigs    []Branch `gorm:"foreignKey:ParentID;constraint:OnDelete:CASCADE"`
}

func traceBranches(db *gorm.DB) *trace {
	tr := &trace{}
	deletesOf(db, tr, func(b *Branch) string { return fmt.Sprint("branch ", b.ID) })
	return tr
}

func TestACascadeWithinOneTableSendsOnePairPerRow(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 2} {
		for name, c := range map[string]struct {
			keys []uint
			also string // the row that is matched and cascaded
		}{"root": {[]uint{1}, ""}, "root and leaf": {[]uint{1, 4}, "4"}, "leaf and root": {[]uint{6, 2}, "2"}} {
			t.Run(fmt.Sprint(name, " in batches of ", size), func(t *testing.T) {
				t.Parallel()
				db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{BatchSize: size}, &Branch{})
				require.NoError(t, db.Create(&[]Branch{
					{ID: 6},
					{ID: 5},
					{ID: 1, ParentID: new(uint(6))},
					{ID: 2, ParentID: new(uint(1))},
					{ID: 3, ParentID: new(uint(1))},
					{ID: 4, ParentID: new(uint(2))},
				}).Error)
				tr := traceBranches(db)
				require.NoError(t, db.Delete(&Branch{}, c.keys).Error)
				want := family{"branch 1": nil, "branch 2": {"branch 1"}, "branch 3": {"branch 1"}, "branch 4": {"branch 2"}}
				if c.keys[0] == 6 {
					want["branch 6"], want["branch 1"] = nil, []string{"branch 6"}
				}
				lines := tr.take()
				for i, line := range lines { // whether such a row counts as cascaded is not what this is about
					if strings.HasSuffix(line, "branch "+c.also) {
						lines[i] += " cascaded"
					}
				}
				want.check(t, lines)
				assert.EqualValues(t, 6-len(want), count[Branch](t, db))
			})
		}
	}
}

// Cellar is soft-deleted.
type Cellar struct {
	ID        uint
	DeletedAt gorm.DeletedAt
	Bottles   []Bottle `gorm:"constraint:OnDelete:CASCADE"`
}

// Bottle goes with its Cellar.
type Bottle struct{ ID, CellarID uint }

// Binder holds sheets, which are soft-deleted.
type Binder struct {
	ID     uint
	Sheets []Sheet `gorm:"constraint:OnDelete:CASCADE"`
}

// Sheet goes with its Binder, for good.
type Sheet struct {
	ID, BinderID uint
	DeletedAt    gorm.DeletedAt
	Slips        []Slip `gorm:"constraint:OnDelete:CASCADE"`
}

// Slip goes with its Sheet.
type Slip struct{ ID, SheetID uint }

func traceBinders(db *gorm.DB) *trace {
	tr := &trace{}
	deletesOf(db, tr, func(b *Binder) string { return fmt.Sprint("binder ", b.ID) })
	deletesOf(db, tr, func(s *Sheet) string { return fmt.Sprint("sheet ", s.ID) })
	deletesOf(db, tr, func(s *Slip) string { return fmt.Sprint("slip ", s.ID) })
	return tr
}

func TestSoftDeletedChildrenThatReallyGoSendAHardPair(t *testing.T) {
	t.Parallel()
	db := open(t, &Binder{}, &Sheet{}, &Slip{})
	require.NoError(t, db.Create(&Binder{Sheets: []Sheet{{Slips: []Slip{{}}}, {Slips: []Slip{{}}}}}).Error)
	require.NoError(t, db.Delete(&Sheet{ID: 1}).Error)
	tr := traceBinders(db)
	require.NoError(t, db.Delete(&Binder{ID: 1}).Error)
	family{
		"binder 1": nil, "sheet 1": {"binder 1"}, "sheet 2": {"binder 1"}, "slip 1": {"sheet 1"}, "slip 2": {"sheet 2"},
	}.check(t, tr.take())
	assert.Zero(t, count[Sheet](t, db)+count[Slip](t, db))
}
