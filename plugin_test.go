package signals_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// openProducts returns a database with the plugin.
func openProducts(t *testing.T) *gorm.DB {
	t.Helper()
	return testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{}, &Product{})
}

// countProducts counts the signals that are sent for products.
func countProducts(db *gorm.DB) *int {
	sent := new(int)
	save := func(context.Context, signals.SaveEvent[*Product]) error { *sent++; return nil }
	remove := func(context.Context, signals.DeleteEvent[*Product]) error { *sent++; return nil }
	products := signals.For[Product](db)
	products.PreSave.Connect(save)
	products.PostSave.Connect(save)
	products.PreDelete.Connect(remove)
	products.PostDelete.Connect(remove)
	return sent
}

func TestForWithoutThePluginPanicsAndNamesTheCure(t *testing.T) {
	t.Parallel()
	db := testkit.Open(t, &gorm.Config{}, &Product{})
	assert.Contains(t, testkit.PanicOf(func() { signals.For[Product](db) }), "call db.Use(signals.Plugin{})")
	assert.Contains(t, testkit.PanicOf(func() { signals.Implementing[any](db) }), "call db.Use(signals.Plugin{})")
	assert.Nil(t, signals.Receivers(db))
}

func TestThePluginUsedTwiceIsAnErrorOfUse(t *testing.T) {
	t.Parallel()
	db := openProducts(t)
	sent := countProducts(db)
	require.ErrorIs(t, db.Use(signals.Plugin{}), gorm.ErrRegistered)
	require.NoError(t, db.Create(&Product{}).Error)
	assert.Equal(t, 2, *sent)
}

func TestWrongConfigurationIsAnErrorOfUse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		plugin signals.Plugin
		want   string
	}{
		{signals.Plugin{BatchSize: -1}, "BatchSize is -1: use 1 to 10000"},
		{signals.Plugin{BatchSize: 10_001}, "BatchSize is 10001: use 1 to 10000"},
		{signals.Plugin{MaxDepth: -1}, "MaxDepth is -1: use 1 or more"},
	} {
		db := testkit.Open(t, &gorm.Config{}, &Product{})
		require.ErrorContains(t, db.Use(c.plugin), c.want)
		assert.Contains(t, testkit.PanicOf(func() { signals.For[Product](db) }), "not installed")
	}
}

func TestThePluginAmongTheConfigsPluginsWorks(t *testing.T) {
	t.Parallel()
	plugin := signals.Plugin{}
	db := testkit.Open(t, &gorm.Config{Plugins: map[string]gorm.Plugin{plugin.Name(): plugin}}, &Product{})
	sent := countProducts(db)
	require.NoError(t, db.Create(&Product{}).Error)
	assert.Equal(t, 2, *sent, "each callback is registered once")
}

func TestTwoDatabasesNeverSeeEachOthersReceivers(t *testing.T) {
	t.Parallel()
	one, two := openProducts(t), openProducts(t)
	sent := countProducts(one)
	require.NoError(t, two.Create(&Product{}).Error)
	assert.Zero(t, *sent)
	assert.Empty(t, signals.Receivers(two))
	assert.Same(t, signals.For[Product](one), signals.For[Product](one.Session(&gorm.Session{NewDB: true})))
}
