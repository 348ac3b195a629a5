package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/bench/internal/statements"
	"github.com/gorm-signals/signals/outbox"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Product is the model of the measurements.
type Product struct {
	ID    uint
	Name  string
	Price int64
}

// database is a server or file that the measurements write to.
type database struct {
	name   string
	driver string
	dsn    func(dir string) string
	over   func(pool *sql.DB) gorm.Dialector
}

const (
	onSQLite   = "SQLite, WAL file"
	onPostgres = "PostgreSQL"
	onMariaDB  = "MariaDB"
)

func databases() []database {
	return []database{
		{onSQLite, sqlite.DriverName, func(dir string) string {
			return filepath.Join(dir, "bench.db") + "?_txlock=immediate&_busy_timeout=10000&_journal_mode=wal&_synchronous=normal"
		}, func(pool *sql.DB) gorm.Dialector { return sqlite.New(sqlite.Config{Conn: pool}) }},
		{onPostgres, "pgx", func(string) string {
			return dsn("SIGNALS_TEST_POSTGRES_DSN", "host=127.0.0.1 user=postgres dbname=test sslmode=disable")
		}, func(pool *sql.DB) gorm.Dialector { return postgres.New(postgres.Config{Conn: pool}) }},
		{onMariaDB, "mysql", func(string) string {
			return dsn("SIGNALS_TEST_MARIADB_DSN", "root@tcp(127.0.0.1:3306)/test?parseTime=true&loc=UTC&interpolateParams=true")
		}, func(pool *sql.DB) gorm.Dialector { return mysql.New(mysql.Config{Conn: pool}) }},
	}
}

// open opens a pool. If before is not nil, its connections call before ahead of each statement.
func (d database) open(dir string, before func(query string)) (*gorm.DB, error) {
	open := sql.Open
	if before != nil {
		open = func(name, dsn string) (*sql.DB, error) { return statements.Open(name, dsn, before) }
	}
	pool, err := open(d.driver, d.dsn(dir))
	if err != nil {
		return nil, err
	}
	return gorm.Open(d.over(pool), &gorm.Config{Logger: logger.Discard})
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

// TableName returns a name that no other program uses in this database.
func (Product) TableName() string { return products }

func openShop(ctx context.Context, d database, dir string, before func(query string)) (*shop, error) {
	db, err := d.open(dir, before)
	if err != nil {
		return nil, err
	}
	s := &shop{db: db}
	if err = s.drop(); err != nil {
		return nil, err
	}
	if err = db.AutoMigrate(&Product{}, &Shelf{}); err != nil {
		return nil, err
	}
	if err = db.Create(&Shelf{}).Error; err != nil {
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

func (s *shop) drop() error {
	return s.db.Migrator().DropTable("bench_shelf_tags", &Shelf{}, &Tag{}, products, table, table+"_leases")
}

// fill replaces the rows of the table by n new ones, and returns the key of one. No receiver may be connected.
func (s *shop) fill(n int) (key uint, err error) {
	if err = s.empty(products); err != nil || n == 0 {
		return 0, err
	}
	rows := make([]Product, n)
	for i := range rows {
		rows[i] = Product{Name: "lamp", Price: 30}
	}
	if err = s.db.CreateInBatches(&rows, 1000).Error; err == nil && s.db.Name() == "postgres" {
		err = s.db.Exec("ANALYZE " + products).Error
	}
	return rows[0].ID, err
}

// empty deletes all rows of a table, by TRUNCATE where the database has it. After a DELETE, PostgreSQL would have to skip the old rows in each statement until it cleans up.
func (s *shop) empty(table string) error {
	if s.db.Name() == "sqlite" {
		return s.db.Exec("DELETE FROM " + table).Error
	}
	return s.db.Exec("TRUNCATE TABLE " + table).Error
}

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
