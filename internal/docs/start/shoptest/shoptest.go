// Package shoptest opens databases for tests.
package shoptest

import (
	"path/filepath"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

// Open opens a database that no other test has, with the plugin and the tables of the models. No receiver is connected.
func Open(t *testing.T, models ...any) *gorm.DB {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "shop.db") + "?_txlock=immediate&_busy_timeout=5000"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err = db.Use(signals.Plugin{Strict: true}); err != nil {
		t.Fatal(err)
	}
	if err = db.AutoMigrate(models...); err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
