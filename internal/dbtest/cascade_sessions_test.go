package dbtest_test

import (
	"context"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// Stable has horses, which the database deletes with it.
type Stable struct {
	ID     uint
	Horses []Horse `gorm:"constraint:OnDelete:CASCADE"`
}

// Horse stands in a Stable.
type Horse struct {
	ID, StableID uint
}

// TestCascadesFollowTheSessionThatDeletes has sessions that ignore foreign keys, as imports do, between sessions that obey them.
func TestCascadesFollowTheSessionThatDeletes(t *testing.T) {
	t.Parallel()
	set := map[string]map[bool]string{
		"sqlite":   {true: "PRAGMA foreign_keys = ON", false: "PRAGMA foreign_keys = OFF"},
		"postgres": {true: "SET session_replication_role = DEFAULT", false: "SET session_replication_role = replica"},
		"mysql":    {true: "SET foreign_key_checks = 1", false: "SET foreign_key_checks = 0"},
	}
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.AutoMigrate(&Stable{}, &Horse{}))
		require.NoError(t, db.Use(signals.Plugin{}))
		var heard []string
		for word, signal := range map[string]*signals.Signal[signals.DeleteEvent[*Horse]]{
			"pre_delete": signals.For[Horse](db).PreDelete, "post_delete": signals.For[Horse](db).PostDelete,
		} {
			signal.Connect(func(context.Context, signals.DeleteEvent[*Horse]) error {
				heard = append(heard, word)
				return nil
			})
		}
		for _, obeys := range []bool{false, true, false, true} {
			stable := Stable{Horses: []Horse{{}}}
			require.NoError(t, db.Create(&stable).Error)
			require.NoError(t, db.Connection(func(tx *gorm.DB) error {
				require.NoError(t, tx.Exec(set[db.Name()][obeys]).Error)
				require.NoError(t, tx.Delete(&Stable{ID: stable.ID}).Error)
				return tx.Exec(set[db.Name()][true]).Error
			}))
			var left int64
			require.NoError(t, db.Model(&Horse{}).Where("stable_id = ?", stable.ID).Count(&left).Error)
			if obeys {
				assert.Equal(t, []string{"pre_delete", "post_delete"}, heard)
				assert.Zero(t, left)
			} else {
				assert.Empty(t, heard)
				assert.EqualValues(t, 1, left)
			}
			heard = nil
		}
	})
}
