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

// OnCommit calls fn once the outermost transaction of tx has committed, and never when the transaction, or the innermost
// savepoint that is open now, is rolled back. In no transaction it calls fn at once and returns its error. It is Django's
// transaction.on_commit.
//
// fn gets the values of tx's context without its cancellation. Its error goes to Plugin.ErrorHandler. OnCommit itself fails
// with ErrNotInstalled, with [sql.ErrTxDone] when the transaction has ended, and with ErrUntracked when its end cannot be
// seen.
func OnCommit(tx *gorm.DB, fn func(ctx context.Context) error) error {
	return atEnd(tx, fn, dispatch.AfterCommit, location(2))
}

// OnRollback calls fn once the transaction of tx, or the innermost savepoint that is open now, was rolled back; for a
// savepoint that is when the transaction ends. Functions run in reverse order. In no transaction fn never runs. Context and
// errors are as in OnCommit.
func OnRollback(tx *gorm.DB, fn func(ctx context.Context) error) error {
	return atEnd(tx, fn, dispatch.AfterRollback, location(2))
}

// Transaction is db.Transaction whose end is seen under every Tracking.
func Transaction(db *gorm.DB, fn func(tx *gorm.DB) error, opts ...*sql.TxOptions) error {
	reg := registryOf(db)
	if reg == nil {
		return fault.ErrNotInstalled
	}
	if reg.Explicit {
		db = db.Session(&gorm.Session{Context: db.Statement.Context})
		db.Statement.ConnPool = reg.Pools.Wrap(db.Statement.ConnPool)
	}
	return db.Transaction(fn, opts...)
}

// SQLTx returns the *[sql.Tx] of a transaction, for code that used tx.Statement.ConnPool.(*sql.Tx). It reports false when tx
// is in no transaction. Do not end the *[sql.Tx] itself: nobody would know.
func SQLTx(tx *gorm.DB) (*sql.Tx, bool) {
	if tx == nil || tx.Statement == nil {
		return nil, false
	}
	return pool.SQLTx(tx.Statement.ConnPool)
}

func atEnd(tx *gorm.DB, fn func(context.Context) error, on dispatch.Phase, location string) error {
	reg := registryOf(tx)
	switch {
	case reg == nil:
		return fault.ErrNotInstalled
	case fn == nil:
		return errors.New("signals: OnCommit and OnRollback need a function, and this one is nil")
	}
	return delivery.AtEnd(reg, tx, fn, on, location)
}
