package signals

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"

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
	return queueCall(tx, fn, afterCommit, location(2))
}

// OnRollback calls fn once the transaction of tx, or the innermost savepoint that is open now, was rolled back; for a
// savepoint that is when the transaction ends. Functions run in reverse order. In no transaction fn never runs. Context and
// errors are as in OnCommit.
func OnRollback(tx *gorm.DB, fn func(ctx context.Context) error) error {
	return queueCall(tx, fn, afterRollback, location(2))
}

// Transaction is db.Transaction whose end is seen under every Tracking.
func Transaction(db *gorm.DB, fn func(tx *gorm.DB) error, opts ...*sql.TxOptions) error {
	reg := registryOf(db)
	if reg == nil {
		return fault.ErrNotInstalled
	}
	if reg.Tracking == TrackExplicit {
		db = db.Session(&gorm.Session{Context: db.Statement.Context})
		db.Statement.ConnPool = reg.pools.Wrap(db.Statement.ConnPool)
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

// call is a function that waits for the end of a transaction.
type call struct {
	ctx context.Context //nolint:containedctx // what fn will get
	fn  func(context.Context) error
	on  phase

	location string // file:line of OnCommit or OnRollback
}

func queueCall(db *gorm.DB, fn func(context.Context) error, on phase, loc string) error {
	reg := registryOf(db)
	switch {
	case reg == nil:
		return fault.ErrNotInstalled
	case fn == nil:
		return errors.New("signals: OnCommit and OnRollback need a function, and this one is nil")
	}
	c := &call{ctx: context.WithoutCancel(db.Statement.Context), fn: fn, on: on, location: loc}
	tx, inTransaction := pool.Find(db.Statement.ConnPool)
	switch {
	case db.Statement.ConnPool == nil || (inTransaction && tx == nil && pool.Nil(db.Statement.ConnPool)):
		return errors.Join(db.Error, gorm.ErrInvalidTransaction)
	case tx != nil:
		if on == afterRollback {
			tx.Watch()
		}
		return tx.Add(c)
	}
	f := frameOf(db.Statement.Context)
	switch {
	case inTransaction && (reg.Untracked == Refuse || (f != nil && f.keeps)):
		return reg.untracked(db.Statement.ConnPool)
	case (inTransaction && reg.Untracked == Drop) || on == afterRollback:
		return nil
	}
	if f != nil && f.ended != nil {
		f.ended.later = append(f.ended.later, c)
		return nil
	}
	return c.run()
}

// run calls the function. A panic is an error.
func (c *call) run() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v)
		}
	}()
	return c.fn(c.ctx)
}

// track runs before GORM begins the implicit transaction: it sees to it that the transaction is followed, also on the pools
// that dbresolver and db.Connection put in place.
func (r *registry) track(db *gorm.DB) {
	current := db.Statement.ConnPool
	if db.DryRun {
		return
	}
	if pool.Foreign(current) {
		if over, ok := pool.Unwrapped(current); ok {
			db.Statement.ConnPool = over
		} else if r.Tracking == TrackAll {
			_ = db.AddError(fault.ErrForeignPool)
		}
		return
	}
	tx, inTransaction := pool.Find(current)
	switch {
	case !inTransaction:
		db.Statement.ConnPool = r.pools.Wrap(current)
		if db.SkipDefaultTransaction && r.plans.Load() != nil { // nothing is begun that could be refused
			r.runs(db)
		}
	case tx == nil && r.Tracking == TrackExplicit && r.plans.Load() != nil:
		if adopted, ok := r.pools.Adopt(current); ok {
			db.Statement.ConnPool = adopted
		}
	}
}

// sent marks a statement about the transaction that goes to the database as a prepared one.
type sent struct{}

// prepared returns the transaction of a statement that bypasses the transaction's own methods, which prepared ones do.
func prepared(db *gorm.DB) *pool.Tx {
	if _, ok := db.Statement.ConnPool.(*gorm.PreparedStmtTX); !ok {
		return nil
	}
	tx, _ := pool.Find(db.Statement.ConnPool)
	return tx
}

// adopted returns the transaction that the plugin made of a statement's plain one.
func (r *registry) adopted(db *gorm.DB) *pool.Tx {
	if r.Tracking == TrackExplicit {
		if raw, ok := pool.SQLTx(db.Statement.ConnPool); ok {
			return r.pools.Adopted(raw)
		}
	}
	return nil
}

// sends runs before a statement that GORM does not build, or that reads.
func (r *registry) sends(db *gorm.DB) {
	if r.plans.Load() != nil {
		r.runs(db)
	}
	if db.Error != nil || db.DryRun || db.Statement.SQL.Len() == 0 {
		return
	}
	if tx := prepared(db); tx != nil && tx.Queue.Dialect.Concerns(db.Statement.SQL.String()) {
		db.Statement.Settings.Store(sent{}, true)
	}
}

// ran runs after such a statement.
func (r *registry) ran(db *gorm.DB) {
	if db.DryRun {
		return
	}
	explain(db)
	tx, _ := pool.Find(db.Statement.ConnPool)
	about := false
	if prepared(db) != nil { // looking for a mark allocates
		_, about = db.Statement.Settings.LoadAndDelete(sent{})
	}
	if tx == nil {
		if tx = r.adopted(db); tx == nil {
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
			return // GORM could not prepare it, and keeps the error to itself
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

// saw tells the transaction of the error of a write: it may have come while rows were read, or from a prepared statement.
func saw(db *gorm.DB) {
	if db.Error == nil {
		return
	}
	if tx, _ := pool.Find(db.Statement.ConnPool); tx != nil {
		tx.Saw(db.Error)
	}
	explain(db)
}
