package workloads

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"time"

	"gorm.io/driver/sqlite" //nolint:depguard // The rule is for the library; what is measured needs a database.
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/bench/internal/statements"
	"github.com/gorm-signals/signals/internal/nulldb"
)

// Backend is where a workload runs.
type Backend string

// The backends.
const (
	Null    Backend = "null"   // a driver that answers at once, to show costs that vanish in the noise of a real database
	Memory  Backend = "memory" // SQLite in memory
	File    Backend = "file"   // SQLite in a file with a write-ahead log
	Nowhere Backend = "-"      // no database
)

// Env is the database of one way of one workload. It has one connection, and its table has one row.
type Env struct {
	DB   *gorm.DB
	Pool *sql.DB

	dir    string
	before func(query string) // called before each statement; nil means nothing
	cancel func()             // ends the context of DB; nil means that it cannot end
}

// Open makes a database.
func Open(on Backend) (*Env, error) { return openWith(on, nil) }

// openWith makes a database. If it is not nil, before is called ahead of each statement.
func openWith(on Backend, before func(query string)) (*Env, error) {
	e := &Env{before: before}
	if on == Nowhere {
		return e, nil
	}
	if err := e.open(on); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Env) open(on Backend) (err error) {
	switch on {
	case Null:
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		e.Pool = nulldb.Open(nulldb.Row{
			Columns: []string{"id", "name", "category", "price", "stock", "created_at", "updated_at"},
			Values:  []driver.Value{int64(1), "tea", "drinks", int64(250), int64(40), now, now},
		})
	case File:
		if e.dir, err = os.MkdirTemp("", "signals-bench"); err != nil {
			return err
		}
		name := "file:" + filepath.Join(e.dir, "shop.db") + "?_journal_mode=WAL&_synchronous=NORMAL"
		e.Pool, err = e.sqlite(name)
	default:
		e.Pool, err = e.sqlite(":memory:")
	}
	if err != nil {
		return err
	}
	e.Pool.SetMaxOpenConns(1)
	e.DB, err = gorm.Open(sqlite.New(sqlite.Config{Conn: e.Pool}), &gorm.Config{Logger: logger.Discard})
	if err != nil || on == Null {
		return err
	}
	if err := e.DB.AutoMigrate(&Product{}); err != nil {
		return err
	}
	return e.Fill(1)
}

func (e *Env) sqlite(name string) (*sql.DB, error) {
	if e.before == nil {
		return sql.Open(sqlite.DriverName, name)
	}
	return statements.Open(sqlite.DriverName, name, e.before)
}

// Context returns the context of the work.
func (e *Env) Context() context.Context { return e.DB.Statement.Context }

// Close removes the database.
func (e *Env) Close() error {
	var err error
	if e.cancel != nil {
		e.cancel()
	}
	if e.Pool != nil {
		err = e.Pool.Close()
	}
	if e.dir != "" {
		err = errors.Join(err, os.RemoveAll(e.dir))
	}
	return err
}

// Fill replaces the rows of the table by n rows of one category and ten of another one.
func (e *Env) Fill(n int) error {
	if err := e.Empty(); err != nil {
		return err
	}
	_, err := e.Pool.ExecContext(context.Background(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO products (id, name, category, price, stock, created_at, updated_at)
		SELECT i, 'product ' || i, CASE WHEN i > ? THEN 'kept' ELSE 'drinks' END, 100 + i % 50, 40,
			'2026-01-02 03:04:05+00:00', '2026-01-02 03:04:05+00:00' FROM n`, n+10, n)
	return err
}

// Empty deletes all rows of the table.
func (e *Env) Empty() error {
	_, err := e.Pool.ExecContext(context.Background(), "DELETE FROM products")
	return err
}

// Version returns the version of SQLite.
func (e *Env) Version() (version string, err error) {
	err = e.Pool.QueryRowContext(context.Background(), "SELECT sqlite_version()").Scan(&version)
	return version, err
}

// State sums the table up, to compare what ways of one workload leave.
type State struct{ Rows, Prices, Kept int64 }

// State returns the state of the table.
func (e *Env) State() (s State, err error) {
	err = e.Pool.QueryRowContext(context.Background(),
		"SELECT COUNT(*), COALESCE(SUM(price), 0), COALESCE(SUM(category = 'kept'), 0) FROM products").Scan(&s.Rows, &s.Prices, &s.Kept)
	return s, err
}
