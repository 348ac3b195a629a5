// Package testkit holds the helpers that the tests of several packages need.
package testkit

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Open returns a new SQLite database with the tables of the models and without the plugin. The file lies in the temporary directory of
// the test, and the connections are closed when the test ends.
func Open(tb testing.TB, config *gorm.Config, models ...any) *gorm.DB {
	tb.Helper()
	if config.Logger == nil {
		config.Logger = logger.Discard
	}
	dsn := filepath.Join(tb.TempDir(), "test.db") + "?_foreign_keys=on&_busy_timeout=5000"
	db, err := gorm.Open(sqlite.Open(dsn), config)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			assert.NoError(tb, pool.Close())
		}
	})
	require.NoError(tb, db.AutoMigrate(models...))
	return db
}

// OpenWith returns what Open returns, with a plugin in use.
func OpenWith(tb testing.TB, config *gorm.Config, plugin gorm.Plugin, models ...any) *gorm.DB {
	tb.Helper()
	db := Open(tb, config, models...)
	require.NoError(tb, db.Use(plugin))
	return db
}

// PanicOf returns the text that f panics with.
func PanicOf(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return "no panic"
}
