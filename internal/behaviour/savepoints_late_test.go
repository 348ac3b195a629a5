package behaviour_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// TestALateConflictLeavesNoTransactionOpen has a callback that makes an INSERT one that skips rows after the plugin has looked at it: the savepoint
// that the plugin sets then is the first statement of a transaction.
func TestALateConflictLeavesNoTransactionOpen(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]clause.Interface{
		"DoNothing": clause.OnConflict{DoNothing: true}, "OR IGNORE": clause.Insert{Modifier: "OR IGNORE"},
	} {
		for _, fails := range []bool{false, true} {
			if fails && name == "DoNothing" {
				continue // GORM panics
			}
			db := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: true}, signals.Plugin{}, &Product{})
			tr := &trace{}
			signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
				tr.add("%s", e.Instance.Name)
				return nil
			})
			require.NoError(t, db.Callback().Create().After("signals:pre_create").Before("signals:enter_race").Register("late", func(tx *gorm.DB) { tx.Statement.AddClause(late) }))
			var err error
			if fails { // GORM cannot read back what it has inserted from maps
				err = db.Model(&Product{}).Create([]map[string]any{{"Name": "a"}, {"Name": "b"}}).Error
			} else {
				err = db.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error
			}
			pool, poolErr := db.DB()
			require.NoError(t, poolErr)
			assert.Zero(t, pool.Stats().InUse, name)
			if fails {
				require.ErrorContains(t, err, "unsupported Scan", name)
			} else {
				require.NoError(t, err)
				assert.Equal(t, []string{"a", "b"}, tr.take(), name)
			}
			conn, err := pool.Conn(t.Context())
			require.NoError(t, err)
			_, err = conn.ExecContext(t.Context(), "ROLLBACK")
			require.ErrorContains(t, err, "no transaction is active", name)
			require.NoError(t, conn.Close())
		}
	}
}
