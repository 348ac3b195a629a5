package pool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"reflect"
	"sync"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/callers"
	"github.com/gorm-signals/signals/internal/txn"
)

// Adopt returns a tracked transaction for a plain *[sql.Tx] that GORM's CreateInBatches has begun by itself, past any wrapper. It returns false for
// other pools, and for an *[sql.Tx] that cannot be followed.
func (p *Pools) Adopt(current gorm.ConnPool) (gorm.ConnPool, bool) {
	switch c := current.(type) {
	case *sql.Tx:
		if t := p.Adopted(c); t != nil {
			return t, true
		}
		if inCreateInBatches() {
			if t := p.adopt(c); t != nil {
				return t, true
			}
		}
	case *gorm.PreparedStmtTX:
		if within, ok := p.Adopt(c.Tx); ok {
			if tx, ok := within.(gorm.Tx); ok {
				return &gorm.PreparedStmtTX{PreparedStmtDB: c.PreparedStmtDB, Tx: tx}, true
			}
		}
	}
	return nil, false
}

// Adopted returns the tracked transaction that was made for a *[sql.Tx], nil if there is none.
func (p *Pools) Adopted(tx *sql.Tx) *Tx {
	if found, ok := p.adopted.Load(tx); ok {
		t, _ := found.(*Tx)
		return t
	}
	return nil
}

// adopt follows a *[sql.Tx] to its end: it puts a follower between the *[sql.Tx] and the driver's transaction. The fields are private, so adopt first
// checks that they are the expected ones.
func (p *Pools) adopt(raw *sql.Tx) *Tx {
	v := reflect.ValueOf(raw).Elem()
	mu, inner, release, db := v.FieldByName("closemu"), v.FieldByName("txi"), v.FieldByName("releaseConn"), v.FieldByName("db")
	if !is[sync.RWMutex](mu) || !is[*sql.DB](db) || !is[driver.Tx](inner) || !is[func(error)](release) {
		return nil
	}
	lock := (*sync.RWMutex)(mu.Addr().UnsafePointer())
	if !lock.TryRLock() { // the transaction is ending
		return nil
	}
	defer lock.RUnlock()
	to := (*driver.Tx)(inner.Addr().UnsafePointer())
	released := (*func(error))(release.Addr().UnsafePointer())
	if *to == nil || *released == nil {
		return nil
	}
	t := p.newTx(context.Background(), raw, p.Wrap((*sql.DB)(db.UnsafePointer())))
	f := &follower{Tx: *to, t: t, release: *released, outcome: txn.RolledBack}
	*to, *released = f, f.released
	p.adopted.Store(raw, t)
	t.rest().adopted = raw
	return t
}

func is[T any](v reflect.Value) bool { return v.IsValid() && v.Type() == reflect.TypeFor[T]() }

// follower is the driver's transaction of an adopted one. It notes how the transaction ends, and reports the end when the connection is back in the
// pool.
type follower struct {
	driver.Tx

	t       *Tx
	release func(error)
	outcome txn.Outcome
	cause   error
	held    Held
}

// Commit commits and notes the outcome.
func (f *follower) Commit() error {
	f.t.readAll()
	if f.t.suspect.Load() { // it is too late to ask the database
		f.t.Queue.Doubt()
	}
	f.t.Queue.Commit()
	if commits := f.t.pools().commits; commits != nil {
		f.held = commits(f.t)
	}
	f.cause = f.Tx.Commit()
	switch {
	case f.cause == nil:
		f.outcome = txn.Committed
	case !refused(f.cause):
		f.outcome = txn.Unknown
	}
	return f.cause
}

func (f *follower) released(err error) {
	f.release(err)
	f.t.pools().adopted.Delete(f.t.rest().adopted)
	f.t.end(f.outcome, f.cause, f.held)
}

// Adopted reports whether [Pools.Adopt] has made the transaction. Then nothing can run in it right before its COMMIT.
func (t *Tx) Adopted() bool {
	s := t.seldom.Load()
	return s != nil && s.adopted != nil
}

// inCreateInBatches reports whether CreateInBatches has called the innermost db.Transaction that is running.
func inCreateInBatches() bool {
	transaction, batches := callers.Of((*gorm.DB).Transaction), callers.Of((*gorm.DB).CreateInBatches)
	frames := callers.Frames()
	for {
		frame, more := frames.Next()
		if transaction.Runs(frame) {
			frame, _ = frames.Next()
			return batches.Runs(frame)
		}
		if !more {
			return false
		}
	}
}
