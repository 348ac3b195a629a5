package writes

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/pool"
)

// needsTransaction reports whether a receiver that the write can reach needs a transaction.
func (w *write) needsTransaction() bool {
	return w.plan.Atomic || (w.deletes() && w.plan.AtomicBelow) || slices.ContainsFunc(w.plan.Sides, func(s dispatch.Side) bool { return s.Plan.Atomic })
}

// begin begins a transaction for a write of several statements if GORM was told to open none, or if a receiver needs one. It fails if the pool cannot
// begin one, where GORM itself would continue without.
func (w *write) begin() error {
	if !w.db.SkipDefaultTransaction && !w.needsTransaction() {
		return nil
	}
	return w.beginOwn()
}

// beginOrdered begins a transaction for receivers on lanes, whose order is that of the commits. Outside any transaction, other connections could
// write the row again before its event has a place on the lane. A write that can have no transaction goes on without.
func (w *write) beginOrdered() error {
	if !w.plan.Ordered(w.post.Kind) {
		return nil
	}
	if err := w.beginOwn(); !errors.Is(err, gorm.ErrInvalidTransaction) {
		return err
	}
	return nil
}

// beginOwn begins the library's own transaction, unless the write runs in one already.
func (w *write) beginOwn() error {
	if _, inTransaction := pool.Find(w.stmt.ConnPool); inTransaction {
		return nil
	}
	before := w.stmt.ConnPool
	tx := w.db.Session(&gorm.Session{NewDB: true, Context: w.stmt.Context})
	tx.Statement.ConnPool = w.reg.Pools.Wrap(before)
	tx = tx.Begin()
	if errors.Is(tx.Error, gorm.ErrInvalidTransaction) {
		return fmt.Errorf("signals: receivers of %s need a transaction, and this connection can begin none: %w", w.plan.Sender, tx.Error)
	}
	if tx.Error != nil {
		return tx.Error
	}
	w.tx, w.stmt.ConnPool = tx, tx.Statement.ConnPool
	w.restore = append(w.restore, func() { w.stmt.ConnPool = before })
	return nil
}

// guard sets a savepoint before a write of several statements in the caller's transaction. For the caller the write is one statement, so nothing of
// it may stay if one of them fails. GORM's own transaction, and the library's, are rolled back anyway.
func (w *write) guard() error {
	if w.guarded != "" || w.tx != nil {
		return nil
	}
	if _, inTransaction := pool.Find(w.stmt.ConnPool); !inTransaction {
		return nil
	}
	if _, own := w.db.InstanceGet("gorm:started_transaction"); own {
		return nil
	}
	name := w.nameSavepoint("write")
	if err := w.control("SAVEPOINT " + name); err != nil {
		return err
	}
	w.guarded = name
	return nil
}

// unguard ends the savepoint. It undoes the write if that has failed.
func (w *write) unguard(stands bool) {
	name := w.guarded
	if name == "" {
		return
	}
	w.guarded = ""
	if stands {
		if err := w.control("RELEASE SAVEPOINT " + name); w.db.Error == nil {
			_ = w.db.AddError(err)
		}
		return
	}
	if w.dialect().FailsWhole() && !w.reg.Errors.OfReceiver(w.db.Error) {
		return // the failed statement has ended the transaction, as it does without the plugin
	}
	if w.control("ROLLBACK TO SAVEPOINT "+name) == nil {
		_ = w.control("RELEASE SAVEPOINT " + name)
	}
}

// nameSavepoint returns a name that no other savepoint of the transaction has. Hooks of GORM, receivers and callbacks of other plugins may write before
// the savepoint is released.
func (w *write) nameSavepoint(purpose string) string {
	if tx, _ := pool.Find(w.stmt.ConnPool); tx != nil {
		return tx.NameSavepoint(purpose)
	}
	return "signals_" + purpose + "_" + strings.Trim(w.reg.notes.token(), ":") // nobody counts the savepoints of this transaction
}

// control runs a statement about savepoints on the transaction itself. The library would not see a prepared one.
func (w *write) control(sql string) error {
	conn := w.stmt.ConnPool
	for {
		prepared, ok := conn.(*gorm.PreparedStmtTX)
		if !ok {
			break
		}
		conn = prepared.Tx
	}
	_, err := conn.ExecContext(w.stmt.Context, sql)
	return err
}

// setSavepoint sets a savepoint and returns its name. If there is no transaction, it begins one first: SQLite would begin one that nobody ends. It
// returns an empty name if the connection cannot begin one.
func (w *write) setSavepoint(purpose string) (name string, err error) {
	err = w.beginOwn()
	if errors.Is(err, gorm.ErrInvalidTransaction) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	name = w.nameSavepoint(purpose)
	if err = w.exec("SAVEPOINT " + name); err != nil {
		return "", err
	}
	return name, nil
}

// exec runs a statement beside the write, on its connection.
func (w *write) exec(sql string) error {
	return w.db.Session(&gorm.Session{NewDB: true, SkipHooks: true}).Exec(sql).Error
}
