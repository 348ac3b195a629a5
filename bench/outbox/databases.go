package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Product is what is written.
type Product struct {
	ID    uint
	Name  string
	Price int64
}

// database is where it is written.
type database struct {
	name string
	open func(dir string) gorm.Dialector
}

func databases() []database {
	return []database{
		{"SQLite, WAL file", func(dir string) gorm.Dialector {
			return sqlite.Open(filepath.Join(dir, "bench.db") + "?_txlock=immediate&_busy_timeout=10000&_journal_mode=wal&_synchronous=normal")
		}},
		{"PostgreSQL", func(string) gorm.Dialector {
			return postgres.Open(dsn("SIGNALS_TEST_POSTGRES_DSN", "host=127.0.0.1 user=postgres dbname=test sslmode=disable"))
		}},
		{"MariaDB", func(string) gorm.Dialector {
			return mysql.Open(dsn("SIGNALS_TEST_MARIADB_DSN", "root@tcp(127.0.0.1:3306)/test?parseTime=true&loc=UTC"))
		}},
	}
}

func dsn(variable, otherwise string) string {
	if given := os.Getenv(variable); given != "" {
		return given
	}
	return otherwise
}

// shop is an open database with an outbox, in tables of its own.
type shop struct {
	db *gorm.DB
	ob *outbox.Outbox
}

const (
	products = "bench_products"
	table    = "bench_outbox"
)

// TableName keeps the measurements apart from what else the database holds.
func (Product) TableName() string { return products }

func openShop(ctx context.Context, d database, dir string) (*shop, error) {
	db, err := gorm.Open(d.open(dir), &gorm.Config{Logger: logger.Default.LogMode(logger.Silent)})
	if err != nil {
		return nil, err
	}
	s := &shop{db: db}
	if err = s.drop(); err != nil {
		return nil, err
	}
	if err = db.AutoMigrate(&Product{}); err != nil {
		return nil, err
	}
	if err = db.Use(signals.Plugin{}); err != nil {
		return nil, err
	}
	failed := func(_ context.Context, err error) { fmt.Fprintln(os.Stderr, err) }
	if s.ob, err = outbox.Install(db, outbox.Config{Source: "/bench", Table: table, ErrorHandler: failed}); err != nil {
		return nil, err
	}
	return s, s.ob.Migrate(ctx)
}

func (s *shop) drop() error { return s.db.Migrator().DropTable(products, table, table+"_leases") }

func (s *shop) close() error {
	if err := s.drop(); err != nil {
		return err
	}
	pool, err := s.db.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}
