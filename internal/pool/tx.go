package pool

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strconv"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/txn"
)

// Before runs in a transaction right before its COMMIT. An error rolls the transaction back.
type Before func(tx *Tx) error

// Commits runs right before COMMIT is sent. From then on, only the database's answer decides. The result becomes part of the End.
type Commits func(tx *Tx) Held

// Held is what a transaction holds until its end. It is released once: by Ended, if that is called.
type Held interface{ Release() }

// Ended runs when a transaction has ended and its connection is back in the pool.
type Ended func(tx *Tx, end End)

// Capture lists and runs what waits for the commit of a transaction, within it, for tests that roll it back.
type Capture interface {
	// List describes the actions that were added after a place in the queue and would run.
	List(tx *Tx, place int) []string
	// Run removes these actions from the queue and runs them as if the transaction had committed. It calls failed for every error; before tells
	// whether the error came before the commit.
	Run(tx *Tx, place int, failed func(before bool, err error))
}

// End is how a transaction ended.
type End struct {
	txn.Ends[any]

	Cause error // why the outcome is not Committed
	Held  Held  // the result of Commits
}

// Tx is a tracked transaction. It is a gorm.Tx.
type Tx struct {
	gorm.Tx

	Queue   txn.Queue[any]
	Outside gorm.ConnPool // the wrapper that it was begun on

	ctx        context.Context        //nolint:containedctx // the transaction lives as long as this context
	seldom     atomic.Pointer[seldom] // nil for most transactions
	statements atomic.Int32
	suspect    atomic.Bool // the database may have ended the transaction: ask it before the next statement
}

// seldom is state that few transactions have.
type seldom struct {
	stop    func() bool // stops watching the context
	adopted *sql.Tx
	reading reading
	points  atomic.Int32 // how many savepoints the library has named
}

// pools returns the pools of the database. The wrapper holds them, so that a transaction does not grow by a pointer.
func (t *Tx) pools() *Pools {
	by, _ := t.Outside.(tracked)
	return by.of()
}

// rest returns the state that few transactions have, and allocates it at the first call.
func (t *Tx) rest() *seldom {
	if s := t.seldom.Load(); s != nil {
		return s
	}
	t.seldom.CompareAndSwap(nil, &seldom{})
	return t.seldom.Load()
}

// stop returns the function that stops watching the context, nil if nobody watches it.
func (t *Tx) stop() func() bool {
	if s := t.seldom.Load(); s != nil {
		return s.stop
	}
	return nil
}

func (p *Pools) newTx(ctx context.Context, tx gorm.Tx, outside gorm.ConnPool) *Tx {
	t := &Tx{Tx: tx, Outside: outside, ctx: ctx}
	t.Queue.Dialect = p.dialect
	return t
}

// Statements returns how many statements and queries have run in the transaction.
func (t *Tx) Statements() int { return int(t.statements.Load()) }

// NameSavepoint returns a name for a savepoint of the library that no other savepoint of the transaction has: MySQL drops a savepoint as soon as
// another one gets its name.
func (t *Tx) NameSavepoint(purpose string) string {
	return "signals_" + purpose + "_" + strconv.Itoa(int(t.rest().points.Add(1)))
}

// ExecContext runs a statement and follows its effect on the transaction.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	t.next()
	result, err := t.Tx.ExecContext(ctx, query, args...)
	t.Did(query, err)
	return result, err
}

// QueryContext runs a query.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	t.next()
	rows, err := t.Tx.QueryContext(ctx, query, args...)
	t.queried(query, rows, err)
	return rows, err
}

// QueryRowContext runs a query for one row.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	t.next()
	row := t.Tx.QueryRowContext(ctx, query, args...)
	t.queried(query, RowsOf(row), row.Err()) //nolint:rowserrcheck // the caller reads it
	return row
}

func (t *Tx) queried(query string, rows *sql.Rows, err error) {
	if err == nil && rows != nil && t.Queue.Dialect.Concerns(query) {
		t.Reads(rows, query)
		return
	}
	t.Did(query, err)
}

// Add adds an action to the queue.
func (t *Tx) Add(action any) error {
	t.look()
	return t.Queue.Add(action)
}

// StmtContext returns a prepared statement for use in the transaction.
func (t *Tx) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	t.next()
	return t.Tx.StmtContext(ctx, stmt)
}

// next is called before each statement.
func (t *Tx) next() {
	t.statements.Add(1)
	t.look()
}

// GetDBConn returns the *[sql.DB] that the transaction was begun on, for GORM's DB method.
func (t *Tx) GetDBConn() (*sql.DB, error) {
	if connector, ok := t.Outside.(gorm.GetDBConnector); ok {
		return connector.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// Commit commits. The functions that run before the commit come first, those that wait for the end last.
func (t *Tx) Commit() error {
	t.look()
	if err := t.pools().before(t); err != nil {
		_ = t.Tx.Rollback()
		t.end(txn.RolledBack, err, nil)
		return err
	}
	t.look()
	t.readAll()
	if !t.Queue.Commit() { // the context has ended and rollback functions have run, so this must not commit
		_ = t.Tx.Rollback()
		return errors.Join(t.ctx.Err(), sql.ErrTxDone)
	}
	if err := t.ctx.Err(); err != nil { // COMMIT is not sent
		_ = t.Tx.Rollback()
		t.end(txn.RolledBack, err, nil)
		return err
	}
	var held Held
	if commits := t.pools().commits; commits != nil {
		held = commits(t)
	}
	err := t.Tx.Commit()
	switch {
	case err == nil:
		t.end(txn.Committed, nil, held)
	case errors.Is(err, sql.ErrTxDone) && t.ctx.Err() != nil, refused(err): // rolled back before COMMIT was sent, or by the COMMIT
		t.end(txn.RolledBack, err, held)
	default:
		t.end(txn.Unknown, err, held)
	}
	return err
}

// Rollback rolls back.
func (t *Tx) Rollback() error { return t.rollback(nil) }

// Abandon rolls back with a cause, unless the transaction has ended.
func (t *Tx) Abandon(cause error) {
	if t.Queue.Outcome() == txn.Open {
		_ = t.rollback(cause)
	}
}

func (t *Tx) rollback(cause error) error {
	t.look()
	err := t.Tx.Rollback()
	if errors.Is(err, sql.ErrTxDone) && t.ctx.Err() == nil {
		t.end(txn.Unknown, err, nil) // somebody else has ended the *sql.Tx; end ignores this if it was us
		return err
	}
	if err != nil && t.ctx.Err() != nil {
		cause = errors.Join(cause, context.Cause(t.ctx)) // the context has ended the transaction
	}
	t.end(txn.RolledBack, cause, nil)
	return err
}

func (t *Tx) end(outcome txn.Outcome, cause error, held Held) {
	ends, ok := t.Queue.End(outcome)
	if !ok {
		if held != nil {
			held.Release()
		}
		return
	}
	if stop := t.stop(); stop != nil {
		stop()
	}
	t.pools().ended(t, End{Ends: ends, Cause: cause, Held: held})
}

// Captured returns the Capture of the transaction.
func (t *Tx) Captured() Capture { return t.pools().capture }

// Watch makes sure that the plugin sees the end even if the context ends and nobody calls Rollback. Call it on the goroutine that uses the
// transaction.
func (t *Tx) Watch() {
	if t.ctx.Done() == nil || t.stop() != nil {
		return
	}
	t.rest().stop = context.AfterFunc(t.ctx, func() {
		if ends, ok := t.Queue.Abandon(); ok {
			t.pools().ended(t, End{Ends: ends, Cause: context.Cause(t.ctx)})
		}
	})
}

// Find returns the tracked transaction in a statement's pool, inside any number of layers, and whether the pool is a transaction at all. For a pool
// that can both begin and commit, the pool beneath it decides.
func Find(pool gorm.ConnPool) (tx *Tx, inTransaction bool) {
	commits := false
	for range maxLayers {
		switch p := pool.(type) {
		case *Tx:
			return p, true
		case *held:
			return p.Tx, true
		case *sql.Tx:
			return nil, true
		case *gorm.PreparedStmtTX:
			pool = p.Tx
			continue
		case nil, tracked, *sql.DB, *sql.Conn, *gorm.PreparedStmtDB:
			return nil, commits
		}
		commits = commits || commitsOnly(pool)
		below, ok := beneath(pool)
		if !ok {
			return nil, commits
		}
		pool = below.pool()
	}
	return nil, commits
}

// commitsOnly reports whether a pool can commit and cannot begin, as a transaction.
func commitsOnly(pool gorm.ConnPool) bool {
	_, commits := pool.(gorm.TxCommitter)
	return commits && !begins(pool)
}

func begins(pool gorm.ConnPool) bool {
	switch pool.(type) {
	case gorm.TxBeginner, gorm.ConnPoolBeginner:
		return true
	}
	return false
}

// Nil reports whether a pool is nil or a nil pointer: the transaction could not be begun.
func Nil(pool gorm.ConnPool) bool {
	v := reflect.ValueOf(pool)
	return !v.IsValid() || (v.Kind() == reflect.Pointer && v.IsNil())
}

// SQLTx returns the *[sql.Tx] in a statement's pool, inside any wrappers.
func SQLTx(pool gorm.ConnPool) (*sql.Tx, bool) {
	for range maxLayers {
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
		case nil, tracked, *sql.DB, *sql.Conn, *gorm.PreparedStmtDB:
			return nil, false
		default:
			below, ok := beneath(pool)
			if !ok {
				return nil, false
			}
			pool = below.pool()
		}
	}
	return nil, false
}
