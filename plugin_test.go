package signals_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

func TestForWithoutThePluginPanicsAndNamesTheCure(t *testing.T) {
	t.Parallel()
	db := openPlain(t, &gorm.Config{}, &Product{})
	assert.Contains(t, panicOf(func() { signals.For[Product](db) }), "call db.Use(signals.Plugin{})")
	assert.Contains(t, panicOf(func() { signals.Implementing[any](db) }), "call db.Use(signals.Plugin{})")
	assert.Nil(t, signals.Receivers(db))
}

func TestThePluginUsedTwiceIsAnErrorOfUse(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	tr := traceProducts(db)
	require.ErrorIs(t, db.Use(signals.Plugin{}), gorm.ErrRegistered)
	require.NoError(t, db.Create(&Product{}).Error)
	assert.Len(t, tr.take(), 2)
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
		db := openPlain(t, &gorm.Config{}, &Product{})
		require.ErrorContains(t, db.Use(c.plugin), c.want)
		assert.Contains(t, panicOf(func() { signals.For[Product](db) }), "not installed")
	}
}

func TestThePluginAmongTheConfigsPluginsWorks(t *testing.T) {
	t.Parallel()
	plugin := signals.Plugin{}
	db := openPlain(t, &gorm.Config{Plugins: map[string]gorm.Plugin{plugin.Name(): plugin}}, &Product{})
	tr := traceProducts(db)
	require.NoError(t, db.Create(&Product{}).Error)
	assert.Len(t, tr.take(), 2, "each callback is registered once")
}

func TestTwoDatabasesNeverSeeEachOthersReceivers(t *testing.T) {
	t.Parallel()
	one, two := open(t, &Product{}), open(t, &Product{})
	tr := traceProducts(one)
	require.NoError(t, two.Create(&Product{}).Error)
	assert.Empty(t, tr.take())
	assert.Empty(t, signals.Receivers(two))
	assert.Same(t, signals.For[Product](one), signals.For[Product](one.Session(&gorm.Session{NewDB: true})))
}
