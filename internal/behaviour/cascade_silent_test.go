package behaviour_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

// Poster has notices by a polymorphic relation, which is no foreign key of the database.
type Poster struct {
	ID      uint
	Notices []Notice `gorm:"polymorphic:Subject;constraint:OnDelete:CASCADE"`
}

// Notice belongs to whatever it names.
type Notice struct {
	ID, SubjectID uint
	SubjectType   string
}

// Nest has eggs, which stay without it.
type Nest struct {
	ID   uint
	Eggs []Egg `gorm:"constraint:OnDelete:SET NULL"`
}

// Egg may lie in a Nest.
type Egg struct {
	ID     uint
	NestID *uint
}

func TestChildrenThatTheDatabaseLeavesAloneSendNothing(t *testing.T) {
	t.Parallel()
	onDepot := func() (any, any) { return &Depot{Racks: []Rack{{}}}, &Rack{} }
	for name, c := range map[string]struct {
		open  func(t *testing.T) *gorm.DB
		model func() (parent, child any)
	}{
		"polymorphic": {
			func(t *testing.T) *gorm.DB { t.Helper(); return open(t, &Poster{}, &Notice{}) },
			func() (any, any) { return &Poster{Notices: []Notice{{}}}, &Notice{} },
		},
		"SET NULL": {
			func(t *testing.T) *gorm.DB { t.Helper(); return open(t, &Nest{}, &Egg{}) },
			func() (any, any) { return &Nest{Eggs: []Egg{{}}}, &Egg{} },
		},
		"SQLite without foreign keys": {func(t *testing.T) *gorm.DB {
			t.Helper()
			db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")), &gorm.Config{Logger: logger.Discard})
			require.NoError(t, err)
			pool, err := db.DB()
			require.NoError(t, err)
			t.Cleanup(func() { _ = pool.Close() })
			require.NoError(t, db.Use(signals.Plugin{}))
			require.NoError(t, db.AutoMigrate(&Depot{}, &Rack{}, &Crate{}))
			return db
		}, onDepot},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := c.open(t)
			parent, child := c.model()
			require.NoError(t, db.Create(parent).Error)
			tr := &trace{}
			signals.Implementing[any](db).PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[any]) error {
				tr.add("%T", e.Instance)
				return nil
			})
			require.NoError(t, db.Delete(parent).Error)
			assert.Equal(t, []string{fmt.Sprintf("%T", parent)}, tr.take())
			var left int64
			require.NoError(t, db.Model(child).Count(&left).Error)
			assert.EqualValues(t, 1, left)
		})
	}
}

func TestSilentCallsSendNothingForCascadedRows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		remove func(db *gorm.DB) error
		racks  int64 // that are left
	}{
		"SkipHooks": {func(db *gorm.DB) error { return db.Session(&gorm.Session{SkipHooks: true}).Delete(&Depot{ID: 1}).Error }, 1},
		"Mute": {func(db *gorm.DB) error {
			return db.WithContext(signals.Mute(context.Background())).Delete(&Depot{ID: 1}).Error
		}, 1},
		"Exec":    {func(db *gorm.DB) error { return db.Exec("DELETE FROM depots WHERE id = 1").Error }, 1},
		"no rows": {func(db *gorm.DB) error { return db.Where("name = 'nobody'").Delete(&Depot{}).Error }, 3},
		"DryRun":  {func(db *gorm.DB) error { return db.Session(&gorm.Session{DryRun: true}).Delete(&Depot{ID: 1}).Error }, 3},
		"a cancelled context": {func(db *gorm.DB) error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			assert.ErrorIs(t, db.WithContext(ctx).Delete(&Depot{ID: 1}).Error, context.Canceled)
			return nil
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := depots(t, &gorm.Config{}, signals.Plugin{})
			tr := traceDepots(db)
			require.NoError(t, c.remove(db))
			assert.Empty(t, tr.take())
			assert.Equal(t, c.racks, count[Rack](t, db))
		})
	}
}

func TestACascadeThatNobodyListensToRunsNoFurtherQuery(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		connect func(db *gorm.DB)
		want    map[string]int
	}{
		"nobody":              {func(*gorm.DB) {}, map[string]int{"DELETE": 1}},
		"deletes of others":   {func(db *gorm.DB) { tracePages(db) }, map[string]int{"DELETE": 1}},
		"saves of children":   {connectSaves[Crate], map[string]int{"DELETE": 1}},
		"deletes of parents":  {connectDeletes[Depot], map[string]int{"DELETE": 1}},
		"deletes of the rows": {connectDeletes[Rack], map[string]int{"SELECT": 1, "DELETE": 1}},
		"a receiver that has left": {func(db *gorm.DB) {
			ok := func(context.Context, signals.DeleteEvent[*Crate]) error { return nil }
			signals.For[Crate](db).PostDelete.Connect(ok)()
		}, map[string]int{"DELETE": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := depots(t, &gorm.Config{}, signals.Plugin{})
			c.connect(db)
			sql := recordSQL(db)
			require.NoError(t, db.Delete(&Rack{ID: 1}).Error)
			assert.Equal(t, c.want, sql.kinds())
			stands(t, db, 3, 2, 1)
		})
	}
}

func connectSaves[M any](db *gorm.DB) {
	signals.For[M](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*M]) error { return nil })
}

func connectDeletes[M any](db *gorm.DB) {
	signals.For[M](db).PostDelete.Connect(func(context.Context, signals.DeleteEvent[*M]) error { return nil })
}

func TestASoftDeletedParentRunsNoFurtherQuery(t *testing.T) {
	t.Parallel()
	db := open(t, &Cellar{}, &Bottle{})
	require.NoError(t, db.Create(&Cellar{Bottles: []Bottle{{}}}).Error)
	connectDeletes[Bottle](db)
	sql := recordSQL(db)
	require.NoError(t, db.Delete(&Cellar{ID: 1}).Error)
	assert.Equal(t, map[string]int{"UPDATE": 1}, sql.kinds())
}

// Vault has boxes, which go with it unless there are coins in them.
type Vault struct {
	ID    uint
	Boxes []Box `gorm:"constraint:OnDelete:CASCADE"`
}

// Box holds coins.
type Box struct {
	ID, VaultID uint
	Coins       []Coin `gorm:"constraint:OnDelete:RESTRICT"`
}

// Coin keeps its Box.
type Coin struct{ ID, BoxID uint }

func TestACascadeThatTheDatabaseRefusesSendsNoPost(t *testing.T) {
	t.Parallel()
	db := open(t, &Vault{}, &Box{}, &Coin{})
	require.NoError(t, db.Create(&Vault{Boxes: []Box{{}, {Coins: []Coin{{}}}}}).Error)
	tr := &trace{}
	deletesOf(db, tr, func(v *Vault) string { return fmt.Sprint("vault ", v.ID) })
	deletesOf(db, tr, func(b *Box) string { return fmt.Sprint("box ", b.ID) })
	deletesOf(db, tr, func(c *Coin) string { return fmt.Sprint("coin ", c.ID) })
	require.ErrorContains(t, db.Delete(&Vault{ID: 1}).Error, "FOREIGN KEY constraint failed")
	assert.ElementsMatch(t, []string{"pre box 1 cascaded", "pre box 2 cascaded", "pre vault 1"}, tr.take())
	assert.Equal(t, []int64{1, 2, 1}, []int64{count[Vault](t, db), count[Box](t, db), count[Coin](t, db)})
}
