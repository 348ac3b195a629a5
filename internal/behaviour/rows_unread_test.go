package behaviour_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Reading is a model whose table holds, in row 2, what no field of it can hold.
type Reading struct {
	ID   uint
	Name string
	N    int
	F    float64
	At   time.Time
	Set  map[string]int `gorm:"serializer:json"`
	OK   *bool
	Gone gorm.DeletedAt
}

func openReadings(t *testing.T, plugin signals.Plugin) *gorm.DB {
	t.Helper()
	db := testkit.Open(t, &gorm.Config{})
	require.NoError(t, db.Exec("CREATE TABLE readings (id integer primary key, name text, n, f, at text, `set` text, ok, gone datetime)").Error)
	require.NoError(t, db.Exec(`INSERT INTO readings VALUES (1,'a',1,1,'2020-01-01 00:00:00','{"a":1}',1,NULL),
		(2,'b','abc','def','0000-00-00','not json','maybe',NULL), (3,'c',3,3,'2020-01-01 00:00:00','{"c":3}',0,NULL)`).Error)
	require.NoError(t, db.Use(plugin))
	return db
}

func TestAStoredValueThatNoFieldCanHoldFailsNoWrite(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(db *gorm.DB) *gorm.DB{
		"update by key":       func(db *gorm.DB) *gorm.DB { return db.Model(&Reading{ID: 2}).Update("name", "x") },
		"update by condition": func(db *gorm.DB) *gorm.DB { return db.Model(&Reading{}).Where("id > 0").Update("name", "x") },
		"expression": func(db *gorm.DB) *gorm.DB {
			return db.Model(&Reading{}).Where("id > 0").Update("n", gorm.Expr("'y' || n"))
		},
		"Save":               func(db *gorm.DB) *gorm.DB { return db.Save(&Reading{ID: 2, Name: "x"}) },
		"soft delete by key": func(db *gorm.DB) *gorm.DB { return db.Delete(&Reading{ID: 2}) },
		"soft delete":        func(db *gorm.DB) *gorm.DB { return db.Where("id > 0").Delete(&Reading{}) },
		"delete":             func(db *gorm.DB) *gorm.DB { return db.Unscoped().Where("id > 0").Delete(&Reading{}) },
	} {
		for _, size := range []int{0, 1} {
			t.Run(fmt.Sprint(name, ", batches of ", size), func(t *testing.T) {
				t.Parallel()
				dump := func(db *gorm.DB) (all []map[string]any) {
					require.NoError(t, db.Raw("SELECT id, name, n, f, at, `set`, ok, gone IS NULL AS gone FROM readings").Scan(&all).Error)
					return all
				}
				bare := openReadings(t, signals.Plugin{})
				want := write(bare)
				require.NoError(t, want.Error)
				db := openReadings(t, signals.Plugin{BatchSize: size})
				var heard []uint
				readings := signals.For[Reading](db)
				readings.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Reading]) error {
					_ = e.Changes()
					heard = append(heard, e.Instance.ID)
					return nil
				})
				readings.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Reading]) error {
					heard = append(heard, e.Instance.ID)
					return nil
				})
				got := write(db)
				require.NoError(t, got.Error)
				assert.Equal(t, want.RowsAffected, got.RowsAffected)
				assert.Equal(t, dump(bare), dump(db))
				assert.Contains(t, heard, uint(2))
				assert.Len(t, heard, int(want.RowsAffected))
			})
		}
	}
}

func TestAFieldThatCannotHoldWhatIsStoredIsZeroAndItsAssignmentAChange(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(db *gorm.DB) *gorm.DB{
		"update": func(db *gorm.DB) *gorm.DB { return db.Model(&Reading{ID: 2}).Update("n", 0) },
		"Save":   func(db *gorm.DB) *gorm.DB { return db.Save(&Reading{ID: 2}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openReadings(t, signals.Plugin{})
			heard := 0
			readings := signals.For[Reading](db)
			readings.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Reading]) error {
				heard++
				original, err := e.Original()
				require.NoError(t, err)
				assert.Zero(t, original.N)
				assert.Nil(t, original.Set)
				assert.Equal(t, "b", original.Name)
				assert.True(t, e.Changed("N"))
				assert.Equal(t, name == "Save", e.Changed("F"))
				return nil
			}, signals.Fields("N"))
			require.NoError(t, write(db).Error)
			assert.Equal(t, 1, heard)
			var n int
			require.NoError(t, db.Raw("SELECT n FROM readings WHERE id = 2").Scan(&n).Error)
			assert.Zero(t, n)
		})
	}
}

// CodeRow has a key of which SQLite keeps any text, also where the field takes numbers only.
type CodeRow struct {
	Code int `gorm:"primaryKey;autoIncrement:false"`
	N    int
}

func TestAKeyThatNoFieldCanHoldIsWrittenInAnyBatch(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 2, 3} {
		for name, write := range map[string]func(db *gorm.DB) *gorm.DB{
			"update":           func(db *gorm.DB) *gorm.DB { return db.Model(&CodeRow{}).Where("n = 1").Update("n", 2) },
			"a row looks on":   func(db *gorm.DB) *gorm.DB { return db.Model(&CodeRow{}).Where("n = (SELECT 1)").Update("n", 2) },
			"delete":           func(db *gorm.DB) *gorm.DB { return db.Where("n = 1").Delete(&CodeRow{}) },
			"update, some out": func(db *gorm.DB) *gorm.DB { return db.Model(&CodeRow{}).Where("n = 1 AND code <> 'y'").Update("n", 2) },
		} {
			t.Run(fmt.Sprint(name, ", batches of ", size), func(t *testing.T) {
				t.Parallel()
				db := testkit.Open(t, &gorm.Config{})
				require.NoError(t, db.Exec("CREATE TABLE code_rows (code PRIMARY KEY, n integer)").Error)
				require.NoError(t, db.Exec("INSERT INTO code_rows VALUES (1,1),(2,1),(3,0),(4,1),('x',1),('y',1),('z',0)").Error)
				require.NoError(t, db.Use(signals.Plugin{BatchSize: size}))
				heard := 0
				labels := signals.For[CodeRow](db)
				labels.PostSave.Connect(func(context.Context, signals.SaveEvent[*CodeRow]) error { heard++; return nil })
				labels.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*CodeRow]) error { heard++; return nil })
				tx := write(db)
				require.NoError(t, tx.Error)
				want := 5
				if name == "update, some out" {
					want = 4
				}
				assert.EqualValues(t, want, tx.RowsAffected)
				assert.Equal(t, want, heard)
				var left int64
				require.NoError(t, db.Raw("SELECT COUNT(*) FROM code_rows WHERE n = 1").Scan(&left).Error)
				assert.EqualValues(t, 5-want, left)
			})
		}
	}
}
