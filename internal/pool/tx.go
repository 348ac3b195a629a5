package pool

import (
	"context"
	"database/sql"
	"errors"
	"reflect"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/txn"
)

// Before runs in a transaction right before its COMMIT. An error rolls the transaction back.
type Before func(tx *Tx) error

// Ended runs when a transaction has ended and its connection is back in the pool.
type Ended func(tx *Tx, end End)

// Capture shows and runs what waits for the commit of a transaction, inside it, for tests that roll it back.
type Capture interface {
	// List describes what was added after a place in the queue and would run.
	List(tx *Tx, place int) []string
	// Run takes that out of the queue and runs it as if the transaction had committed. It hands on every error, and says whether it came
	// before the commit.
	Run(tx *Tx, place int, failed func(before bool, err error))
}

// End is how a transaction ended.
type End struct {
	Outcome txn.Outcome
	Cause   error           // of an outcome other than committed
	Waiting []txn.Item[any] // the actions that survived, in order
	Cut     []txn.Item[any] // the actions that ROLLBACK TO took away, in order
}

// Tx is a transaction whose end is seen. It is a gorm.Tx.
type Tx struct {
	gorm.Tx

	Queue   txn.Queue[any]
	Outside gorm.ConnPool // the wrapped pool that it was begun on

	// Statements counts what was executed or queried in the transaction, by the goroutine that uses it.
	Statements int

	ctx   context.Context //nolint:containedctx // the transaction lives as long as this context
	pools *Pools
	stop  func() bool
}

// ExecContext runs a statement and looks whether it was about a savepoint.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	t.Statements++
	result, err := t.Tx.ExecContext(ctx, query, args...)
	if err == nil {
		t.Queue.Executed(query)
	}
	t.Saw(err)
	return result, err
}

// QueryContext runs a query.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	t.Statements++
	rows, err := t.Tx.QueryContext(ctx, query, args...)
	t.Saw(err)
	return rows, err
}

// StmtContext returns a prepared statement for use in the transaction.
func (t *Tx) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	t.Statements++
	return t.Tx.StmtContext(ctx, stmt)
}

// GetDBConn returns the *[sql.DB] that the transaction was begun on, for GORM's DB method.
func (t *Tx) GetDBConn() (*sql.DB, error) {
	if connector, ok := t.Outside.(gorm.GetDBConnector); ok {
		return connector.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// Commit commits, after what waits for it and before what waits for its success.
func (t *Tx) Commit() error {
	if err := t.pools.before(t); err != nil {
		_ = t.Tx.Rollback()
		t.end(txn.RolledBack, err)
		return err
	}
	if !t.Queue.Commit() { // the context ended, and rollback functions have run: it must not commit now
		_ = t.Tx.Rollback()
		return errors.Join(t.ctx.Err(), sql.ErrTxDone)
	}
	if err := t.ctx.Err(); err != nil { // COMMIT is not sent
		_ = t.Tx.Rollback()
		t.end(txn.RolledBack, err)
		return err
	}
	err := t.Tx.Commit()
	switch {
	case err == nil:
		t.end(txn.Committed, nil)
	case errors.Is(err, sql.ErrTxDone) && t.ctx.Err() != nil, refused(err): // rolled back before COMMIT was sent, or by it
		t.end(txn.RolledBack, err)
	default:
		t.end(txn.Unknown, err)
	}
	return err
}

// Rollback rolls back.
func (t *Tx) Rollback() error {
	err := t.Tx.Rollback()
	if errors.Is(err, sql.ErrTxDone) && t.ctx.Err() == nil {
		t.end(txn.Unknown, err) // somebody ended the *sql.Tx itself; no news when it was us
		return err
	}
	t.end(txn.RolledBack, err)
	return err
}

func (t *Tx) end(outcome txn.Outcome, cause error) {
	waiting, cut, ok := t.Queue.End(outcome)
	if !ok {
		return
	}
	if t.stop != nil {
		t.stop()
	}
	t.pools.ended(t, End{Outcome: outcome, Cause: cause, Waiting: waiting, Cut: cut})
}

// Captured is the transaction's Capture.
func (t *Tx) Captured() Capture { return t.pools.capture }

// Watch makes sure that the end is seen even when the context ends and nobody calls Rollback. Call it from the goroutine
// that uses the transaction.
func (t *Tx) Watch() {
	if t.stop != nil || t.ctx.Done() == nil {
		return
	}
	t.stop = context.AfterFunc(t.ctx, func() {
		if waiting, cut, ok := t.Queue.Abandon(); ok {
			t.pools.ended(t, End{Outcome: txn.RolledBack, Cause: context.Cause(t.ctx), Waiting: waiting, Cut: cut})
		}
	})
}

// Find returns the tracked transaction that a statement's pool is, inside any number of prepared-statement layers, and
// whether the pool is a transaction at all.
func Find(pool gorm.ConnPool) (tx *Tx, inTransaction bool) {
	for {
		switch p := pool.(type) {
		case *Tx:
			return p, true
		case *gorm.PreparedStmtTX:
			pool = p.Tx
			continue
		}
		_, inTransaction = pool.(gorm.TxCommitter)
		return nil, inTransaction
	}
}

// Nil reports whether a pool is a nil pointer: a transaction that could not be begun.
func Nil(pool gorm.ConnPool) bool {
	v := reflect.ValueOf(pool)
	return !v.IsValid() || (v.Kind() == reflect.Pointer && v.IsNil())
}

// SQLTx returns the *[sql.Tx] that a statement's pool is, inside any wrappers.
func SQLTx(pool gorm.ConnPool) (*sql.Tx, bool) {
	for {
		switch p := pool.(type) {
		case *sql.Tx:
			return p, p != nil
		case *gorm.PreparedStmtTX:
			pool = p.Tx
		case *Tx:
			if p == nil {
				return nil, false
			}
			pool = p.Tx
		default:
			return nil, false
		}
	}
}
