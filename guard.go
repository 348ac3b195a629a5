package signals

import (
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
)

// guard sets a savepoint before a write of several statements in the caller's transaction: the write is one statement to its caller,
// so nothing of it may stay when one of them fails. GORM's own transaction, and the library's, are rolled back anyway.
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
	name := fmt.Sprintf("signals_write_%d", w.pre.depth) // nested writes have savepoints of their own
	if err := w.control("SAVEPOINT " + name); err != nil {
		return err
	}
	w.guarded = name
	return nil
}

// unguard ends the savepoint. What a failed statement has done is undone.
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
	var receiver *ReceiverError
	if w.dialect().failsWhole() && !errors.As(w.db.Error, &receiver) {
		return // the failed statement has ended the transaction, as it does without the plugin
	}
	if w.control("ROLLBACK TO SAVEPOINT "+name) == nil {
		_ = w.control("RELEASE SAVEPOINT " + name)
	}
}

// control runs a statement about savepoints, on the transaction itself: a prepared statement would keep it from being followed.
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
