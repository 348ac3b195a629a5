package workloads

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"
)

// The ways of this file show the least that a workload costs if code keeps the promises of signals. They do nothing else: bare callbacks of GORM that
// know the model, functions that are called directly, reads and writes by database/sql. None of this code would fit another program.

// idle is a plugin for GORM with as many callbacks around a write as signals has, and with transactions whose end it sees.
type idle struct {
	before, after func(db *gorm.DB) error // called around GORM's statement; nil means nothing
}

// Name implements [gorm.Plugin].
func (idle) Name() string { return "idle" }

// Initialize implements [gorm.Plugin].
func (i idle) Initialize(db *gorm.DB) error {
	if pool, ok := db.ConnPool.(*sql.DB); ok {
		db.ConnPool = &followed{pool}
		db.Statement.ConnPool = db.ConnPool
	}
	nothing := func(*gorm.DB) {}
	calling := func(f func(*gorm.DB) error) func(*gorm.DB) {
		if f == nil {
			return nothing
		}
		return func(db *gorm.DB) {
			if db.Error == nil {
				_ = db.AddError(f(db))
			}
		}
	}
	var errs []error
	all := db.Callback()
	for main, register := range map[string]func(first, name string, run func(*gorm.DB)) error{
		"gorm:create": func(at, name string, run func(*gorm.DB)) error { return all.Create().Before(at).Register(name, run) },
		"gorm:update": func(at, name string, run func(*gorm.DB)) error { return all.Update().Before(at).Register(name, run) },
		"gorm:delete": func(at, name string, run func(*gorm.DB)) error { return all.Delete().Before(at).Register(name, run) },
	} {
		const end = "gorm:commit_or_rollback_transaction"
		errs = append(errs,
			register("gorm:begin_transaction", "idle:track", nothing), register(main, "idle:pre", calling(i.before)), register(main, "idle:build", nothing),
			register(end, "idle:ran", nothing), register(end, "idle:post", calling(i.after)))
	}
	return errors.Join(errs...)
}

// followed is a pool whose transactions know whether they have committed.
type followed struct{ *sql.DB }

// BeginTx implements [gorm.ConnPoolBeginner].
func (p *followed) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := p.DB.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &followedTx{Tx: tx}, nil
}

type followedTx struct {
	*sql.Tx

	committed bool
}

// Commit implements [gorm.TxCommitter].
func (tx *followedTx) Commit() error {
	err := tx.Tx.Commit()
	tx.committed = err == nil
	return err
}

// floor returns a way of GORM with the idle plugin.
func floor(before, after func(db *gorm.DB) error, prepare func(e *Env) (Work, error)) Way {
	return Way{Floor, connected(func(db *gorm.DB) error { return db.Use(idle{before, after}) }, prepare)}
}

// callEach does the work of a receiver for each row of an INSERT.
func callEach(db *gorm.DB) error {
	switch dest := db.Statement.Dest.(type) {
	case *Product:
		return CheckPrice(dest.Price)
	case []Product:
		return CheckAll(dest)
	case *[]Product:
		return CheckAll(*dest)
	default:
		return errDest
	}
}

var errDest = errors.New("the floor does not know this statement")

// readOne reads the stored row by database/sql.
func readOne(db *gorm.DB) error {
	stmt := db.Statement
	old, err := scan(stmt.ConnPool.QueryRowContext(stmt.Context, selectProducts+" WHERE id = ?", 1))
	if err != nil {
		return err
	}
	return ComparePrice(old.Price, old.Price)
}

func lookOnce(*gorm.DB) error { return CheckPrice(1) }

// returnRow makes GORM's UPDATE return its row, and looks at it.
func returnRow(db *gorm.DB) error {
	db.Statement.ConnPool = returning{db.Statement.ConnPool}
	return nil
}

func returned(db *gorm.DB) error {
	if p, ok := db.Statement.ConnPool.(returning); ok {
		db.Statement.ConnPool = p.ConnPool
	}
	return nil
}

type returning struct{ gorm.ConnPool }

// ExecContext implements [gorm.ConnPool].
func (p returning) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	row, err := scan(p.QueryRowContext(ctx, query+" RETURNING "+productColumns, args...))
	if err != nil {
		return nil, err
	}
	return oneRow{}, CheckPrice(row.Price)
}

// oneRow is the result of a statement that wrote one row.
type oneRow struct{}

// LastInsertId implements [sql.Result].
func (oneRow) LastInsertId() (int64, error) { return 0, nil }

// RowsAffected implements [sql.Result].
func (oneRow) RowsAffected() (int64, error) { return 1, nil }

// floorRows is how many rows the library holds in memory at once.
const floorRows = 500

// eachBatch reads the drinks in key order and calls write with each batch and the range of keys that it fills.
func eachBatch(ctx context.Context, e *Env, write func(ctx context.Context, tx *sql.Tx, batch []Product, above, upTo uint) error) error {
	return inSQL(ctx, e.Pool, func(tx *sql.Tx) error {
		within := context.WithoutCancel(ctx) // with ctx, the driver would start a goroutine for each row
		var last uint
		for ctx.Err() == nil {
			batch, err := products(within, tx, selectProducts+" WHERE category = ? AND id > ? ORDER BY id LIMIT ?", Drinks, last, floorRows)
			if err != nil || len(batch) == 0 {
				return err
			}
			above := last
			last = batch[len(batch)-1].ID
			if err := write(within, tx, batch, above, last); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

func deleteAtLeast(e *Env) error {
	return eachBatch(e.Context(), e, func(ctx context.Context, tx *sql.Tx, batch []Product, above, upTo uint) error {
		if err := CheckAll(batch); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM products WHERE category = ? AND id > ? AND id <= ?", Drinks, above, upTo); err != nil {
			return err
		}
		return CheckAll(batch)
	})
}

func doubleAtLeast(e *Env) error {
	return eachBatch(e.Context(), e, func(ctx context.Context, tx *sql.Tx, batch []Product, above, upTo uint) error {
		if err := CheckAll(batch); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE products SET price = price * 2 WHERE category = ? AND id > ? AND id <= ?", Drinks, above, upTo); err != nil {
			return err
		}
		updated, err := products(ctx, tx, selectProducts+" WHERE category = ? AND id > ? AND id <= ?", Drinks, above, upTo)
		if err != nil {
			return err
		}
		return CompareAll(updated, batch)
	})
}
