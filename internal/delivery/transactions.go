package delivery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/pool"
)

// Transactions follows the transactions of a database to their end.
type Transactions struct{ *dispatch.Registry }

// Follow gives a database connection pools that follow its transactions.
func Follow(r *dispatch.Registry) Transactions {
	t := Transactions{r}
	r.Pools = pool.New(r.DB.Name(), pool.Hooks{Begin: r.Beginning, Before: t.beforeCommit, Commits: t.commits, Ended: t.ended, Capture: captured{r}})
	return t
}

// beforeCommit runs the BeforeCommit receivers of a transaction, and those of their own writes, right before its COMMIT.
func (t Transactions) beforeCommit(tx *pool.Tx) error {
	for {
		action, ok := tx.Queue.Next()
		if !ok {
			return nil
		}
		if waits, isSend := action.(interface{ sendBeforeCommit() error }); isSend {
			if err := waits.sendBeforeCommit(); err != nil {
				return err
			}
		}
	}
}

// ended is called when a transaction has ended and its connection is back in the pool.
func (t Transactions) ended(tx *pool.Tx, end pool.End) {
	d := delivery{reg: t.Registry, outside: tx.Outside, handle: t.Handle}
	if n := len(end.Unknown); n > 0 {
		waited(end.Unknown, fault.ErrOutcomeUnknown)
		err := fmt.Errorf("%w (%d sends and functions waited for it)", fault.ErrOutcomeUnknown, n)
		if end.Cause != nil {
			err = fmt.Errorf("%w: %w", err, end.Cause)
		}
		t.Handle(context.Background(), err)
	}
	d.end(ended{end.RolledBack, end.Committed, end.Unknown, nil, end.Cause, end.Held})
}

// AtEnd makes a function wait for the end of the transaction of db. on is AfterCommit or AfterRollback; at is the call of OnCommit or
// OnRollback in the program.
func AtEnd(reg *dispatch.Registry, db *gorm.DB, fn func(context.Context) error, on dispatch.Phase, at dispatch.Place) error {
	q := &dispatch.Queued{Ctx: context.WithoutCancel(db.Statement.Context), Fn: fn, On: on, At: at}
	tx, inTransaction := pool.Find(db.Statement.ConnPool)
	switch {
	case db.Statement.ConnPool == nil || (inTransaction && tx == nil && pool.Nil(db.Statement.ConnPool)):
		return errors.Join(db.Error, gorm.ErrInvalidTransaction)
	case tx != nil:
		if on == dispatch.AfterRollback {
			tx.Watch()
		}
		return tx.Add(q)
	}
	f := dispatch.FrameOf(db.Statement.Context)
	switch {
	case inTransaction && (reg.Untracked == dispatch.Refuse || (f != nil && f.Keeps)):
		return untracked(reg, db.Statement.ConnPool)
	case (inTransaction && reg.Untracked == dispatch.Drop) || on == dispatch.AfterRollback:
		return nil
	}
	if f != nil && f.Ended != nil {
		f.Ended.Add(q)
		return nil
	}
	return q.Run(reg.Errors)
}

// Track runs before GORM begins the implicit transaction. It makes sure that the plugin follows the transaction, also on pools that dbresolver and
// db.Connection have put on the statement.
func (t Transactions) Track(db *gorm.DB) {
	current := db.Statement.ConnPool
	if db.DryRun {
		return
	}
	if pool.Foreign(current) {
		if over, ok := pool.Unwrapped(current); ok {
			db.Statement.ConnPool = over
		} else if !t.Explicit {
			_ = db.AddError(fault.ErrForeignPool)
		}
		return
	}
	tx, inTransaction := pool.Find(current)
	switch {
	case !inTransaction:
		db.Statement.ConnPool = t.Pools.Wrap(current)
		if db.SkipDefaultTransaction && t.Listening() { // no BeginTx follows that could refuse to wait
			t.Runs(db)
		}
	case tx == nil && t.Explicit && t.Listening():
		if adopted, ok := t.Pools.Adopt(current); ok {
			db.Statement.ConnPool = adopted
		}
	}
}

// sent marks a prepared statement that may be about transactions or savepoints.
type sent struct{}

// prepared returns the transaction of a statement that goes to the database as a prepared one, past the methods of the transaction.
func prepared(db *gorm.DB) *pool.Tx {
	if _, ok := db.Statement.ConnPool.(*gorm.PreparedStmtTX); !ok {
		return nil
	}
	tx, _ := pool.Find(db.Statement.ConnPool)
	return tx
}

// adopted returns the transaction that the plugin has made for the plain one of a statement.
func (t Transactions) adopted(db *gorm.DB) *pool.Tx {
	if t.Explicit {
		if raw, ok := pool.SQLTx(db.Statement.ConnPool); ok {
			return t.Pools.Adopted(raw)
		}
	}
	return nil
}

// Sends runs before a query and before raw SQL.
func (t Transactions) Sends(db *gorm.DB) {
	if t.Listening() {
		t.Runs(db)
	}
	if db.Error != nil || db.DryRun || db.Statement.SQL.Len() == 0 {
		return
	}
	if tx := prepared(db); tx != nil && tx.Queue.Dialect.Concerns(db.Statement.SQL.String()) {
		db.Statement.Settings.Store(sent{}, true)
	}
}

// Ran runs after a query and after raw SQL.
func (t Transactions) Ran(db *gorm.DB) {
	if db.DryRun {
		return
	}
	dispatch.Explain(db)
	tx, _ := pool.Find(db.Statement.ConnPool)
	about := false
	if prepared(db) != nil { // looking for a mark allocates
		_, about = db.Statement.Settings.LoadAndDelete(sent{})
	}
	if tx == nil {
		if tx = t.adopted(db); tx == nil {
			return
		}
		about = db.Statement.SQL.Len() > 0
	}
	text := ""
	if about {
		text = db.Statement.SQL.String()
	}
	err := db.Error
	switch dest := db.Statement.Dest.(type) {
	case *sql.Rows:
		if err == nil && dest != nil {
			tx.Reads(dest, text)
			return
		}
	case *sql.Row:
		rows := pool.RowsOf(dest) //nolint:rowserrcheck // the caller's
		if dest == nil || (rows == nil && dest.Err() == nil) {
			return // GORM could not prepare the statement, and hides the error
		}
		if err = dest.Err(); err == nil {
			tx.Reads(rows, text)
			return
		}
	}
	if about {
		tx.Did(text, err)
	} else {
		tx.Saw(err)
	}
}

// Saw shows the transaction the error of a write: it may have come while rows were read, or from a prepared statement.
func Saw(db *gorm.DB) {
	if db.Error == nil {
		return
	}
	if tx, _ := pool.Find(db.Statement.ConnPool); tx != nil {
		tx.Saw(db.Error)
	}
	dispatch.Explain(db)
}
