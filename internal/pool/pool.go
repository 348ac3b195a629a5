// Package pool wraps GORM's connection pools, to see the end of each transaction. A wrapped pool begins transactions of type Tx; everything else
// passes through.
package pool

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/txn"
)

// Pools makes wrappers. A pool always gets the same wrapper, because GORM's plugins use pools as map keys.
type Pools struct {
	ended   Ended
	before  Before
	commits Commits
	capture Capture
	begin   Begin
	dialect txn.Dialect
	adopted sync.Map // *sql.Tx -> *Tx
	wrapped sync.Map // gorm.ConnPool -> gorm.ConnPool
}

// Hooks are the functions that transactions of wrappers call.
type Hooks struct {
	Begin   Begin
	Before  Before
	Commits Commits
	Ended   Ended
	Capture Capture
}

// Begin runs before a transaction is begun on a wrapper. If it returns an error, none is begun. explain may add to the error of beginning.
type Begin func(ctx context.Context, outside gorm.ConnPool) (explain func(error) error, err error)

// New returns the Pools of a database with this dialect.
func New(dialect string, h Hooks) *Pools {
	return &Pools{begin: h.Begin, before: h.Before, commits: h.Commits, ended: h.Ended, capture: h.Capture, dialect: txn.DialectOf(dialect)}
}

// tracked is implemented by all wrappers of this package.
type tracked interface{ of() *Pools }

// Wrap returns the wrapper of a pool that begins transactions. It returns a wrapper, a transaction, and a pool that cannot begin as they are. In a
// prepared-statement pool it wraps the inner pool.
func (p *Pools) Wrap(raw gorm.ConnPool) gorm.ConnPool {
	switch pool := raw.(type) {
	case nil, tracked:
		return raw
	case *sql.DB:
		return p.once(raw, func() gorm.ConnPool { return &database{DB: pool, pools: p} })
	case *sql.Conn:
		return &connection{Conn: pool, pools: p} // not kept: connections come and go
	case *gorm.PreparedStmtDB:
		inner := p.Wrap(pool.ConnPool)
		if inner == pool.ConnPool {
			return raw
		}
		return &gorm.PreparedStmtDB{ConnPool: inner, Mux: pool.Mux, Stmts: pool.Stmts}
	case gorm.TxCommitter: // a transaction, or a pool that both begins and commits, which Unwrapped handles
		return raw
	case gorm.TxBeginner:
		return p.once(raw, func() gorm.ConnPool {
			return &other{ConnPool: raw, pools: p, begin: func(ctx context.Context, o *sql.TxOptions) (gorm.ConnPool, error) {
				return pool.BeginTx(ctx, o)
			}}
		})
	case gorm.ConnPoolBeginner:
		return p.once(raw, func() gorm.ConnPool { return &other{ConnPool: raw, pools: p, begin: pool.BeginTx} })
	}
	return raw
}

// WrapInside is Wrap for the pool of a database that is being set up. It changes a prepared-statement pool in place, because the program and GORM
// keep pointers to it.
func (p *Pools) WrapInside(raw gorm.ConnPool) gorm.ConnPool {
	if prepared, ok := raw.(*gorm.PreparedStmtDB); ok {
		prepared.ConnPool = p.Wrap(prepared.ConnPool)
		return raw
	}
	return p.Wrap(raw)
}

func (p *Pools) once(raw gorm.ConnPool, wrap func() gorm.ConnPool) gorm.ConnPool {
	if found, ok := p.wrapped.Load(raw); ok {
		pool, _ := found.(gorm.ConnPool)
		return pool
	}
	kept, _ := p.wrapped.LoadOrStore(raw, wrap())
	pool, _ := kept.(gorm.ConnPool)
	return pool
}

// database is a wrapped *[sql.DB]. All methods of the *[sql.DB] stay visible.
type database struct {
	*sql.DB

	pools *Pools
}

func (d *database) of() *Pools { return d.pools }

// GetDBConn returns the *[sql.DB], for GORM's DB method.
func (d *database) GetDBConn() (*sql.DB, error) { return d.DB, nil }

// BeginTx begins a tracked transaction.
func (d *database) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	return d.pools.beginOn(ctx, d, func() (gorm.ConnPool, error) { return d.DB.BeginTx(ctx, opts) })
}

// connection is a wrapped *[sql.Conn].
type connection struct {
	*sql.Conn

	pools *Pools
}

func (c *connection) of() *Pools { return c.pools }

// Lasts reports whether a pool is more than a single connection. Connections come and go, so callers keep nothing for them.
func Lasts(pool gorm.ConnPool) bool { return connOf(pool) == nil }

// GivenBack reports whether a pool is a single connection that was given back, as at the end of db.Connection. It asks no database.
func GivenBack(pool gorm.ConnPool) bool {
	c := connOf(pool)
	return c != nil && errors.Is(c.Raw(func(any) error { return nil }), sql.ErrConnDone)
}

// connOf returns the single connection in a pool, nil if the pool is none.
func connOf(pool gorm.ConnPool) *sql.Conn {
	for {
		switch p := pool.(type) {
		case *sql.Conn:
			return p
		case *connection:
			return p.Conn
		case *gorm.PreparedStmtDB:
			pool = p.ConnPool
		default:
			return nil
		}
	}
}

// BeginTx begins a tracked transaction.
func (c *connection) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	return c.pools.beginOn(ctx, c, func() (gorm.ConnPool, error) { return c.Conn.BeginTx(ctx, opts) })
}

// other is a wrapped pool of an unknown kind that was there before the plugin.
type other struct {
	gorm.ConnPool

	pools *Pools
	begin func(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error)
}

func (o *other) of() *Pools { return o.pools }

// GetDBConn returns the *[sql.DB] of the wrapped pool.
func (o *other) GetDBConn() (*sql.DB, error) {
	if connector, ok := o.ConnPool.(gorm.GetDBConnector); ok {
		return connector.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// BeginTx begins a tracked transaction. If the pool returns no gorm.Tx, the transaction stays untracked.
func (o *other) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	return o.pools.beginOn(ctx, o, func() (gorm.ConnPool, error) { return o.begin(ctx, opts) })
}

// beginOn begins a transaction on a wrapper.
func (p *Pools) beginOn(ctx context.Context, outside gorm.ConnPool, begin func() (gorm.ConnPool, error)) (gorm.ConnPool, error) {
	explain, err := p.begin(ctx, outside)
	if err != nil {
		return (*Tx)(nil), err
	}
	begun, err := begin()
	if err != nil {
		if explain != nil {
			err = explain(err)
		}
		return (*Tx)(nil), err
	}
	tx, ok := begun.(gorm.Tx)
	if !ok {
		return begun, nil
	}
	return p.newTx(ctx, tx, outside), nil
}
