package dbtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// gauge is a model whose table holds more than its fields: infinity, a zero date, numbers that are too large.
type gauge struct {
	ID   uint
	Name string
	At   time.Time
	N    int8
}

func TestAStoredValueThatNoFieldCanHoldFailsNoWrite(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		at := map[string]string{"postgres": "infinity", "mysql": "0000-00-00 00:00:00"}[db.Name()]
		if at == "" {
			at = "never"
		}
		if db.Name() == "mysql" {
			pool, err := db.DB()
			require.NoError(t, err)
			pool.SetMaxOpenConns(1)
			require.NoError(t, db.Exec("SET SESSION sql_mode = ''").Error)
		}
		kind := map[string]string{"postgres": "timestamptz", "mysql": "datetime"}[db.Name()]
		if kind == "" {
			kind = "text"
		}
		require.NoError(t, db.Exec("CREATE TABLE gauges (id integer PRIMARY KEY, name text, at "+kind+", n bigint)").Error)
		for id := range 4 {
			require.NoError(t, db.Exec("INSERT INTO gauges VALUES (?, 'a', ?, 1000)", id+1, at).Error)
		}
		require.NoError(t, db.Use(signals.Plugin{BatchSize: 2}))
		heard := 0
		gauges := signals.For[gauge](db)
		gauges.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*gauge]) error {
			assert.Zero(t, e.Instance.N)
			heard++
			return nil
		})
		gauges.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*gauge]) error { heard++; return nil })
		for _, write := range []func() *gorm.DB{
			func() *gorm.DB { return db.Model(&gauge{}).Where("id > 0").Update("name", "b") },
			func() *gorm.DB { return db.Model(&gauge{ID: 1}).Update("name", "c") },
			func() *gorm.DB { return db.Where("id > 1").Delete(&gauge{}) },
			func() *gorm.DB { return db.Delete(&gauge{ID: 1}) },
		} {
			heard = 0
			tx := write()
			require.NoError(t, tx.Error)
			assert.NotZero(t, heard)
			assert.EqualValues(t, heard, tx.RowsAffected)
		}
	})
}
