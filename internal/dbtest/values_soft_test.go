package dbtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/plugin/soft_delete"
)

type (
	bySeconds struct {
		ID uint
		V  soft_delete.DeletedAt
	}
	byMillis struct {
		ID uint
		V  soft_delete.DeletedAt `gorm:"softDelete:milli"`
	}
	byNanos struct {
		ID uint
		V  soft_delete.DeletedAt `gorm:"softDelete:nano"`
	}
	byFlag struct {
		ID uint
		V  soft_delete.DeletedAt `gorm:"softDelete:flag"`
	}
	mixed struct {
		ID        uint
		DeletedAt time.Time
		V         soft_delete.DeletedAt `gorm:"softDelete:flag,DeletedAtField:DeletedAt"`
	}
	pointed struct {
		ID uint
		V  *gorm.DeletedAt
	}
)

// restores deletes a row and makes it live again.
func restores[M any](live any) func(*testing.T, *gorm.DB) {
	return func(t *testing.T, db *gorm.DB) {
		t.Helper()
		require.NoError(t, db.AutoMigrate(new(M)))
		require.NoError(t, db.Use(signals.Plugin{}))
		require.NoError(t, db.Create(new(M)).Error)
		var told []bool
		tell := func(_ context.Context, e signals.SaveEvent[*M]) error {
			told = append(told, e.Restored())
			return nil
		}
		signals.For[M](db).PreSave.Connect(tell)
		signals.For[M](db).PostSave.Connect(tell)
		update := func(value any) {
			require.NoError(t, db.Unscoped().Model(new(M)).Where("id = 1").Update("v", value).Error)
		}
		for range 2 {
			require.NoError(t, db.Delete(new(M), 1).Error)
			told = nil
			update(live)
			assert.Equal(t, []bool{true, true}, told)
			update(live)
			assert.Equal(t, []bool{true, true, false, false}, told)
		}
	}
}

// kinds marks a row as deleted by an update and makes it live again, and checks that a receiver with the least need is told so.
func kinds[M any](live, gone any) func(*testing.T, *gorm.DB) {
	return func(t *testing.T, db *gorm.DB) {
		t.Helper()
		require.NoError(t, db.AutoMigrate(new(M)))
		require.NoError(t, db.Use(signals.Plugin{}))
		require.NoError(t, db.Create(new(M)).Error)
		var told []signals.ChangeKind
		signals.For[M](db).PostChange.Connect(func(_ context.Context, e signals.ChangeEvent[*M]) error {
			told = append(told, e.Kind)
			return nil
		}, signals.Needs(signals.Keys))
		for _, value := range []any{gone, live, live} {
			require.NoError(t, db.Unscoped().Model(new(M)).Where("id = 1").Update("v", value).Error)
		}
		require.NoError(t, db.Model(new(M)).Where("id = 1").Update("v", gone).Error)
		assert.Equal(t, []signals.ChangeKind{signals.SoftDeleted, signals.Restored, signals.Updated, signals.SoftDeleted}, told)
	}
}

func TestKindKnowsTheModesOfSoftDelete(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(*testing.T, *gorm.DB){
		"seconds": kinds[bySeconds](0, 77), "milli": kinds[byMillis](0, 77_000), "flag": kinds[byFlag](0, 1), "mixed": kinds[mixed](0, 1),
		"pointer": kinds[pointed](nil, time.Unix(1_800_000_000, 0).UTC()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				check(t, connect(t, dialector(), &gorm.Config{}))
			})
		})
	}
}

func TestRestoredKnowsTheModesOfSoftDelete(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(*testing.T, *gorm.DB){
		"seconds": restores[bySeconds](0), "milli": restores[byMillis](0), "nano": restores[byNanos](0), "flag": restores[byFlag](0),
		"mixed": restores[mixed](0), "pointer": restores[pointed](nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				check(t, connect(t, dialector(), &gorm.Config{}))
			})
		})
	}
}
