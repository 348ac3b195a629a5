package pool

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"strings"
	"sync"

	"github.com/gorm-signals/signals/internal/txn"
)

// Did looks at a statement of the transaction and at its error. Call it for statements that bypass ExecContext and QueryContext.
func (t *Tx) Did(query string, err error) {
	switch {
	case err == nil:
		t.Queue.Executed(query)
		return
	case !t.pools.answered(err):
		t.Queue.Failed(query)
	}
	t.Saw(err)
}

// Saw looks at the error of a statement of the transaction: the database may have rolled all of it back.
func (t *Tx) Saw(err error) {
	if err == nil {
		return
	}
	switch t.pools.dialect {
	case txn.MySQL:
		switch number(err) {
		case deadlock:
			t.Queue.Lost()
		case recordChanged, lockWaitTimeout, lockTableFull:
			t.suspect.Store(true)
		}
	case txn.SQLite:
		switch code(err) {
		case sqliteAbort, sqliteBusy, sqliteNoMemory, sqliteInterrupt, sqliteIO, sqliteFull, sqliteConflict:
			t.suspect.Store(true)
		case 0:
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				t.suspect.Store(true)
			}
		}
	case txn.Postgres, txn.Other: // PostgreSQL keeps an aborted transaction open
	}
}

// reading is what the caller reads by itself: errors come while rows are read, when nobody else sees them.
type reading struct {
	mu   sync.Mutex
	rows []*sql.Rows
}

// Reads notes what the caller is going to read. Errors of it are looked for before the next statement.
func (t *Tx) Reads(rows *sql.Rows) {
	if rows == nil || (t.pools.dialect != txn.MySQL && t.pools.dialect != txn.SQLite) {
		return
	}
	t.reading.mu.Lock()
	defer t.reading.mu.Unlock()
	t.reading.rows = append(t.reading.rows, rows)
}

// ReadsRow is Reads for a row, which keeps its rows to itself.
func (t *Tx) ReadsRow(row *sql.Row) {
	if row == nil {
		return
	}
	if f := reflect.ValueOf(row).Elem().FieldByName("rows"); f.IsValid() && f.Type() == reflect.TypeFor[*sql.Rows]() {
		t.Reads((*sql.Rows)(f.UnsafePointer()))
	}
}

// take takes out what was read to its end.
func (r *reading) take() (done []*sql.Rows) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := r.rows[:0]
	for _, rows := range r.rows {
		if closed(rows) {
			done = append(done, rows)
		} else {
			left = append(left, rows)
		}
	}
	clear(r.rows[len(left):])
	r.rows = left
	return done
}

// closed reports whether rows are closed, which they are after an error. Another goroutine may be reading them, and then not even
// their Err may be called.
func closed(rows *sql.Rows) bool {
	v := reflect.ValueOf(rows).Elem()
	mu, is := v.FieldByName("closemu"), v.FieldByName("closed")
	if !mu.IsValid() || mu.Type() != reflect.TypeFor[sync.RWMutex]() || !is.IsValid() || is.Kind() != reflect.Bool {
		return false
	}
	lock := (*sync.RWMutex)(mu.Addr().UnsafePointer())
	if !lock.TryRLock() {
		return false
	}
	defer lock.RUnlock()
	return is.Bool()
}

// look finds out what errors since the last statement have done to the transaction, before anything else happens in it.
func (t *Tx) look() {
	for _, rows := range t.reading.take() {
		t.Saw(rows.Err())
	}
	if !t.suspect.Swap(false) {
		return
	}
	switch open, known := t.open(); {
	case !known:
		t.Queue.Doubt()
	case !open:
		t.Queue.Lost()
	}
}

// open asks the database whether it has the transaction open.
func (t *Tx) open() (open, known bool) {
	ctx := context.WithoutCancel(t.ctx)
	if t.pools.dialect == txn.SQLite {
		switch _, err := t.Tx.ExecContext(ctx, "BEGIN"); {
		case err == nil: // there was none
			_, err = t.Tx.ExecContext(ctx, "ROLLBACK")
			return false, err == nil
		default:
			return true, strings.Contains(err.Error(), "within a transaction")
		}
	}
	err := t.Tx.QueryRowContext(ctx, "SELECT @@in_transaction").Scan(&open) // MariaDB
	if number(err) != 0 {
		var all bool // MySQL
		err = t.Tx.QueryRowContext(ctx, "SELECT @@innodb_rollback_on_timeout").Scan(&all)
		open = !all
	}
	return open, err == nil
}
