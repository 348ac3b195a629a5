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

// abandon rolls back the transaction of a send whose receiver has ended its goroutine: GORM recovers from nothing, so nobody else would.
func (f *Frame) abandon(cause error) {
	if f.Ended != nil {
		return
	}
	if tx, _ := pool.Find(f.pool); tx != nil {
		tx.Abandon(cause)
	}
}

// holds returns the transactions whose writes wait for receivers under a context, each once and the innermost first.
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

// Holds reports whether a transaction waits for a receiver under the frame.
func (f *Frame) Holds() bool { return len(f.holds()) > 0 }

// Beginning is called before a transaction is begun. When a receiver begins one on another connection than that of the write that waits
// for it, the error of that says what to do.
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

// waits refuses what would wait for ever: every connection that the pool may have is held by a write that waits for the receiver.
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

// Runs is called before a statement of a read or of Exec.
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

// Explain adds to the error of a statement what to do about it, when a receiver made the statement through another session than its
// event's, and the error is one of waiting.
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

// explained adds to an error of waiting what to do about it.
func explained(err error) error {
	if errors.Is(err, fault.ErrOtherSession) || !isWait(err) {
		return err
	}
	return fmt.Errorf("%w: %w", fault.ErrOtherSession, err)
}

// isWait reports whether an error says that a statement has waited for another connection in vain.
func isWait(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
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
