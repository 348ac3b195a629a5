package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/gorm-signals/signals/outbox" //nolint:depguard // The demo is a program of its own module.
	"github.com/gorm-signals/signals/product"
	"gorm.io/driver/sqlite" //nolint:depguard // The demo is a program of its own module.
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Files in the directory.
const (
	shopFile   = "shop.db"
	searchFile = "search.db"
	streamDir  = "streams"
)

const (
	second    = time.Second
	pollEvery = 20 * time.Millisecond // relay and shop are two processes, so nobody wakes the relay
)

// openDB opens a SQLite file that several processes use.
func openDB(dir, name string) (*gorm.DB, error) {
	file := url.URL{Path: filepath.ToSlash(filepath.Join(dir, name))}
	dsn := "file:" + file.EscapedPath() + "?_journal_mode=wal&_synchronous=normal&_busy_timeout=20000&_txlock=immediate"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, fmt.Errorf("cannot open %s in %q: %w", name, dir, err)
	}
	return db, nil
}

func closeDB(db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}

// total is a counter of changes: those that the shop has committed, or those that search has handled.
type total struct {
	ID      uint
	Changes int
}

// addOne adds one change to the counter.
func addOne(tx *gorm.DB) error {
	return tx.Exec("UPDATE totals SET changes = changes + 1").Error
}

// changes returns the number of counted changes.
func changes(ctx context.Context, db *gorm.DB) (n int, err error) {
	err = db.WithContext(ctx).Model(&total{}).Select("changes").Take(&n).Error
	return n, err
}

// migrate makes the tables of both databases.
func migrate(ctx context.Context, shopDB, searchDB *gorm.DB, ob *outbox.Outbox) error {
	return errors.Join(
		shopDB.AutoMigrate(product.Models()...), shopDB.AutoMigrate(&total{}), shopDB.FirstOrCreate(&total{ID: 1}).Error, ob.Migrate(ctx),
		searchDB.AutoMigrate(&found{}, &total{}), searchDB.FirstOrCreate(&total{ID: 1}).Error, outbox.NewInbox(searchDB, searchName).Migrate(ctx),
	)
}
