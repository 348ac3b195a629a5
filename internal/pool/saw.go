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

// Did follows a statement of the transaction and its error. It is for statements that bypass ExecContext and QueryContext.
func (t *Tx) Did(query string, err error) {
	switch {
	case err == nil:
		t.Queue.Executed(query)
		return
	case !t.pools().Answered(err):
		t.Queue.Failed(query)
	}
	t.Saw(err)
}

// Saw follows the error of a statement: the database may have rolled back the whole transaction.
func (t *Tx) Saw(err error) {
	if err == nil {
		return
	}
	switch t.pools().dialect {
	case txn.MySQL:
		switch Number(err) {
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

// reading holds rows that the caller reads by itself. Their errors come while they are read, and nobody else sees them.
type reading struct {
	mu   sync.Mutex
	list []read
}

// read is one such result.
type read struct {
	rows *sql.Rows
	text string // a text about the transaction, which drivers may execute only when the first row is read
}

// Reads notes rows that the caller is going to read, and the text if that is about the transaction. look checks their error before the next
// statement.
func (t *Tx) Reads(rows *sql.Rows, text string) {
	if rows == nil || (text == "" && t.pools().dialect != txn.MySQL && t.pools().dialect != txn.SQLite) {
		return
	}
	r := &t.rest().reading
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, read{rows, text})
}

// RowsOf returns the unexported rows of a row, nil if there are none.
func RowsOf(row *sql.Row) *sql.Rows {
	if row == nil {
		return nil
	}
	if f := reflect.ValueOf(row).Elem().FieldByName("rows"); is[*sql.Rows](f) {
		return (*sql.Rows)(f.UnsafePointer())
	}
	return nil
}

// look removes rows that were read to their end, and follows their errors.
func (r *reading) look(t *Tx) {
	r.mu.Lock()
	if len(r.list) == 0 {
		r.mu.Unlock()
		return
	}
	var done, left []read
	for _, one := range r.list {
		if closed(one.rows) {
			done = append(done, one)
		} else {
			left = append(left, one)
		}
	}
	r.list = left
	r.mu.Unlock()
	for _, one := range done {
		if err := one.rows.Err(); one.text != "" {
			t.Did(one.text, err)
		} else {
			t.Saw(err)
		}
	}
}

// end gives up rows that nobody has read to their end. The database may have executed their text.
func (r *reading) end(t *Tx) {
	r.look(t)
	r.mu.Lock()
	left := r.list
	r.list = nil
	r.mu.Unlock()
	for _, one := range left {
		if one.text != "" {
			t.Queue.Failed(one.text)
		}
	}
}

// readAll follows the rows that the caller reads by itself, also those not read to their end.
func (t *Tx) readAll() {
	if s := t.seldom.Load(); s != nil {
		s.reading.end(t)
	}
}

// closed reports whether rows are closed, as they are after an error. Another goroutine may be reading them, and then even their Err must not be
// called.
func closed(rows *sql.Rows) bool {
	v := reflect.ValueOf(rows).Elem()
	mu, done := v.FieldByName("closemu"), v.FieldByName("closed")
	if !is[sync.RWMutex](mu) || !done.IsValid() || done.Kind() != reflect.Bool {
		return false
	}
	lock := (*sync.RWMutex)(mu.Addr().UnsafePointer())
	if !lock.TryRLock() {
		return false
	}
	defer lock.RUnlock()
	return done.Bool()
}

// look finds out, before the next statement, what errors of earlier statements have done to the transaction.
func (t *Tx) look() {
	if s := t.seldom.Load(); s != nil {
		s.reading.look(t)
	}
	if !t.suspect.Load() || !t.suspect.Swap(false) {
		return
	}
	switch open, known := t.open(); {
	case !known:
		t.Queue.Doubt()
	case !open:
		t.Queue.Lost()
	}
}

// open asks the database whether the transaction is open.
func (t *Tx) open() (open, known bool) {
	ctx := context.WithoutCancel(t.ctx)
	if t.pools().dialect == txn.SQLite {
		switch _, err := t.Tx.ExecContext(ctx, "BEGIN"); err {
		case nil: // there was no transaction
			_, err = t.Tx.ExecContext(ctx, "ROLLBACK")
			return false, err == nil
		default:
			return true, strings.Contains(err.Error(), "within a transaction")
		}
	}
	err := t.Tx.QueryRowContext(ctx, "SELECT @@in_transaction").Scan(&open) // MariaDB
	if Number(err) != 0 {
		var all bool // MySQL
		err = t.Tx.QueryRowContext(ctx, "SELECT @@innodb_rollback_on_timeout").Scan(&all)
		open = !all
	}
	return open, err == nil
}
