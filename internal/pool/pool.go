// Package pool wraps the connection pools of GORM so that the end of a transaction is seen. A wrapped pool begins
// transactions of type Tx; everything else passes through.
package pool

import (
	"context"
	"database/sql"
	"sync"

	"gorm.io/gorm"
)

// Pools makes wrappers, and always the same one for the same pool: GORM's plugins use pools as map keys.
type Pools struct {
	ended   Ended
	before  Before
	capture Capture
	wrapped sync.Map // gorm.ConnPool -> gorm.ConnPool
}

// New returns a maker of wrappers whose transactions call these functions.
func New(before Before, ended Ended, capture Capture) *Pools {
	return &Pools{before: before, ended: ended, capture: capture}
}

// tracked is what the wrappers of this package have in common.
type tracked interface{ tracksTransactions() }

// Wrap returns the wrapper of a pool that begins transactions. A wrapper, a transaction and a pool that cannot begin are
// returned as they are. Inside a prepared-statement pool, the pool that it uses is wrapped.
func (p *Pools) Wrap(raw gorm.ConnPool) gorm.ConnPool {
	switch pool := raw.(type) {
	case nil, tracked, gorm.TxCommitter:
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

// WrapInside is Wrap for the pool of a database that is being set up: it wraps inside a prepared-statement pool in place,
// because users and GORM hold on to that one.
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

// Foreign reports whether a pool is of an unknown kind that begins transactions of its own.
func Foreign(pool gorm.ConnPool) bool {
	switch pool.(type) {
	case nil, tracked, gorm.TxCommitter, *sql.DB, *sql.Conn, *gorm.PreparedStmtDB:
		return false
	case gorm.TxBeginner, gorm.ConnPoolBeginner:
		return true
	}
	return false
}

// database is a wrapped *[sql.DB]. Everything of the *[sql.DB] stays visible.
type database struct {
	*sql.DB

	pools *Pools
}

func (*database) tracksTransactions() {}

// GetDBConn returns the *[sql.DB], for GORM's DB method.
func (d *database) GetDBConn() (*sql.DB, error) { return d.DB, nil }

// BeginTx begins a transaction whose end is seen.
func (d *database) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := d.DB.BeginTx(ctx, opts)
	if err != nil {
		return (*Tx)(nil), err
	}
	return &Tx{Tx: tx, Outside: d, ctx: ctx, pools: d.pools}, nil
}

// connection is a wrapped *[sql.Conn].
type connection struct {
	*sql.Conn

	pools *Pools
}

func (*connection) tracksTransactions() {}

// BeginTx begins a transaction whose end is seen.
func (c *connection) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := c.Conn.BeginTx(ctx, opts)
	if err != nil {
		return (*Tx)(nil), err
	}
	return &Tx{Tx: tx, Outside: c, ctx: ctx, pools: c.pools}, nil
}

// other is a wrapped pool of an unknown kind that was there before the plugin.
type other struct {
	gorm.ConnPool

	pools *Pools
	begin func(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error)
}

func (*other) tracksTransactions() {}

// GetDBConn asks the wrapped pool.
func (o *other) GetDBConn() (*sql.DB, error) {
	if connector, ok := o.ConnPool.(gorm.GetDBConnector); ok {
		return connector.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// BeginTx begins a transaction whose end is seen. One that is no gorm.Tx stays as it is, untracked.
func (o *other) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	begun, err := o.begin(ctx, opts)
	if err != nil {
		return (*Tx)(nil), err
	}
	tx, ok := begun.(gorm.Tx)
	if !ok {
		return begun, nil
	}
	return &Tx{Tx: tx, Outside: o, ctx: ctx, pools: o.pools}, nil
}
