package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

// abandon rolls back the transaction of a send whose receiver has ended its goroutine. GORM does not recover, so nobody else would.
func (f *Frame) abandon(cause error) {
	if f.Ended != nil {
		return
	}
	if tx, _ := pool.Find(f.pool); tx != nil {
		tx.Abandon(cause)
	}
}

// holds returns the open transactions whose writes wait for receivers under this context, each once, innermost first.
func (f *Frame) holds() []*pool.Tx {
	var found []*pool.Tx
	for ; f != nil; f = f.parent {
		if f.Ended != nil || f.pool == nil {
			continue
		}
		tx, _ := pool.Find(f.pool)
		if tx != nil && tx.Queue.Outcome() == txn.Open && !slices.Contains(found, tx) {
			found = append(found, tx)
		}
	}
	return found
}

// Holds reports whether somebody who waits for a write under this context holds what other goroutines may need: an open transaction, or the connection
// of db.Connection.
func (f *Frame) Holds() bool {
	if len(f.holds()) > 0 {
		return true
	}
	for ; f != nil; f = f.parent {
		if f.pool != nil && f.Plan != nil && f.occupied() && pool.Lasts(f.Plan.Reg.DB.ConnPool) {
			return true
		}
	}
	return false
}

// Beginning is called before a transaction is begun. If a receiver begins it on another connection than that of the write, which waits for the
// receiver, the returned function explains an error of waiting.
func (r *Registry) Beginning(ctx context.Context, outside gorm.ConnPool) (func(error) error, error) {
	f := FrameOf(ctx)
	if f == nil {
		return nil, nil //nolint:nilnil // nothing to explain
	}
	if err := r.waits(f, outside); err != nil {
		return nil, err
	}
	if len(f.holds()) == 0 {
		return nil, nil //nolint:nilnil // nothing to explain
	}
	return explained, nil
}

// waits returns an error if a statement would wait for ever: writes that wait for this receiver hold all connections that the pool may have.
func (r *Registry) waits(f *Frame, current gorm.ConnPool) error {
	held := 0
	for _, tx := range f.holds() {
		if pool.Same(tx.Outside, current) {
			held++
		}
	}
	if held == 0 {
		return nil
	}
	if most := pool.MaxOpen(current); most == 0 || held < most {
		return nil
	}
	return fmt.Errorf("%w: the pool has no other connection (SetMaxOpenConns)", fault.ErrOtherSession)
}

// Runs is called before a query or an Exec.
func (r *Registry) Runs(db *gorm.DB) {
	if db.Error != nil || db.DryRun {
		return
	}
	if f := FrameOf(db.Statement.Context); f != nil {
		if _, inTransaction := pool.Find(db.Statement.ConnPool); !inTransaction {
			_ = db.AddError(r.waits(f, db.Statement.ConnPool))
		}
	}
}

// Explain adds the cure to an error of waiting, if a receiver ran the statement through another session than that of its event.
func Explain(db *gorm.DB) {
	if db.Error == nil || errors.Is(db.Error, fault.ErrOtherSession) {
		return
	}
	f := FrameOf(db.Statement.Context)
	if f == nil {
		return
	}
	own, _ := pool.Find(db.Statement.ConnPool)
	open := f.holds()
	if len(open) == 0 || open[0] == own {
		return
	}
	if err := explained(db.Error); err != nil {
		db.Error = err
	}
}

// explained adds the cure to an error of waiting.
func explained(err error) error {
	if errors.Is(err, fault.ErrOtherSession) || !isWait(err) {
		return err
	}
	return fmt.Errorf("%w: %w", fault.ErrOtherSession, err)
}

// isWait reports whether an error says that a statement waited for another connection in vain.
func isWait(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	if waited, known := pool.Waited(err); known { // the text may hold values of the program
		return waited
	}
	text := err.Error()
	for _, part := range []string{
		"database is locked", "database table is locked", // SQLite
		"Error 1205", "Error 1213", // MySQL
		"SQLSTATE 55P03", "SQLSTATE 40P01", "lock timeout", "deadlock detected", // PostgreSQL
	} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
