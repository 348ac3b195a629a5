package signals

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/pool"
)

// OnCommit calls fn after the outermost transaction of tx has committed. If the transaction, or the innermost savepoint that is open now, is rolled
// back, fn never runs. In no transaction OnCommit calls fn at once and returns its error. It is Django's transaction.on_commit.
//
// fn gets the values of tx's context without its cancellation. Its errors and panics go to Plugin.ErrorHandler. OnCommit returns ErrNotInstalled if
// the database has no plugin, and [sql.ErrTxDone] if the transaction has ended. If the plugin cannot see its end, OnCommit returns ErrUntracked,
// unless Plugin.Untracked says otherwise.
func OnCommit(tx *gorm.DB, fn func(ctx context.Context) error) error {
	return atEnd(tx, fn, dispatch.AfterCommit, dispatch.Here(2))
}

// OnRollback calls fn after the transaction of tx, or the innermost savepoint that is open now, was rolled back. After a rollback to a savepoint, fn
// waits for the end of the transaction. The last function added runs first. In no transaction fn never runs. Context and errors are those of
// OnCommit.
func OnRollback(tx *gorm.DB, fn func(ctx context.Context) error) error {
	return atEnd(tx, fn, dispatch.AfterRollback, dispatch.Here(2))
}

// Transaction is db.Transaction, and the plugin sees its end under every [Tracking], also inside db.Connection. It returns ErrNotInstalled if the
// database has no plugin.
func Transaction(db *gorm.DB, fn func(tx *gorm.DB) error, opts ...*sql.TxOptions) error {
	reg := registryOf(db)
	if reg == nil {
		return fault.ErrNotInstalled
	}
	// With explicit tracking no pool is wrapped, and in db.Connection the connection is not.
	if wrapped := reg.Pools.Wrap(db.Statement.ConnPool); wrapped != db.Statement.ConnPool {
		db = db.Session(&gorm.Session{Context: db.Statement.Context})
		db.Statement.ConnPool = wrapped
	}
	return db.Transaction(fn, opts...)
}

// SQLTx returns the *[sql.Tx] of a transaction, for code that used tx.Statement.ConnPool.(*sql.Tx). It returns false if tx is in no transaction. Do
// not commit or roll back the *[sql.Tx] itself: the plugin would not see the end.
func SQLTx(tx *gorm.DB) (*sql.Tx, bool) {
	if tx == nil || tx.Statement == nil {
		return nil, false
	}
	return pool.SQLTx(tx.Statement.ConnPool)
}

func atEnd(tx *gorm.DB, fn func(context.Context) error, on dispatch.Phase, at dispatch.Place) error {
	reg := registryOf(tx)
	switch {
	case reg == nil:
		return fault.ErrNotInstalled
	case fn == nil:
		return errors.New("signals: OnCommit and OnRollback need a function, and this one is nil")
	}
	return delivery.AtEnd(reg, tx, fn, on, at)
}
