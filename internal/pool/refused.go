package pool

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/gorm-signals/signals/internal/txn"
)

// refused reports whether the error of a COMMIT is the database's word that it has rolled back. Any other error leaves open what
// happened. Classes of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
func refused(err error) bool {
	if code := state(err); code != "" {
		return code != "40003" && slices.Contains([]string{"22", "23", "25", "40", "44", "P0"}, code[:2])
	}
	// PostgreSQL answers COMMIT of an aborted transaction with ROLLBACK, which pgx and lib/pq put in these words.
	text := err.Error()
	return number(err) == deadlock || strings.Contains(text, "commit unexpectedly resulted in rollback") ||
		strings.Contains(text, "Could not complete operation in a failed transaction")
}

// Errors of MySQL and MariaDB. See https://mariadb.com/kb/en/mariadb-error-code-reference/.
const (
	recordChanged   = 1020 // under snapshot isolation MariaDB has rolled the transaction back, otherwise the statement
	serverShutdown  = 1053
	lockWaitTimeout = 1205 // as innodb_rollback_on_timeout says
	lockTableFull   = 1206
	deadlock        = 1213 // the transaction is rolled back
	interrupted     = 1317
	killed          = 1927
)

// Result codes of SQLite. See https://www.sqlite.org/rescode.html and "Response To Errors Within A Transaction" of
// https://www.sqlite.org/lang_transaction.html.
const (
	sqliteError     = 1
	sqliteAbort     = 4
	sqliteBusy      = 5
	sqliteNoMemory  = 7
	sqliteInterrupt = 9
	sqliteIO        = 10
	sqliteFull      = 13
	sqliteConflict  = 19 // ON CONFLICT ROLLBACK, RAISE(ROLLBACK)
)

// answered reports whether an error is the database's own answer that it has not executed a statement about savepoints. What else
// an error says leaves that open: the answer may have been lost.
func (p *Pools) answered(err error) bool {
	switch p.dialect {
	case txn.SQLite:
		return code(err) == sqliteError
	case txn.MySQL:
		n := number(err)
		return n != 0 && n != serverShutdown && n != interrupted && n != killed
	case txn.Postgres, txn.Other:
		s := state(err)
		return s != "" && !slices.Contains([]string{"08", "57", "58", "XX"}, s[:2])
	}
	return false
}

// state returns the SQLSTATE of an error of PostgreSQL.
func state(err error) string {
	if s := (interface{ SQLState() string })(nil); errors.As(err, &s) && len(s.SQLState()) == 5 {
		return s.SQLState()
	}
	return ""
}

// number returns the number of an error of MySQL, 0 when it is none.
func number(err error) (n uint64) {
	each(err, func(e error) bool {
		if f := field(e, "Number"); f.IsValid() && f.CanUint() {
			n = f.Uint()
		}
		return n != 0
	})
	if n == 0 && err != nil && strings.HasPrefix(err.Error(), "Error 1213") {
		return deadlock
	}
	return n
}

// code returns the primary result code of an error of SQLite, 0 when it is none.
func code(err error) (n int) {
	each(err, func(e error) bool {
		if c, ok := e.(interface{ Code() int }); ok { //nolint:errorlint // each unwraps
			n = c.Code()
		} else if f := field(e, "Code"); f.IsValid() && f.CanInt() {
			n = int(f.Int())
		}
		return n != 0
	})
	return n & 0xff
}

// each calls f with an error and all that it wraps, until f says that it has seen enough.
func each(err error, f func(error) bool) bool {
	if err == nil || f(err) {
		return err != nil
	}
	switch e := err.(type) { //nolint:errorlint // this is what unwraps
	case interface{ Unwrap() error }:
		return each(e.Unwrap(), f)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), func(err error) bool { return each(err, f) })
	}
	return false
}

// field returns a field of the struct that an error is. Drivers have no other common way to their codes.
func field(err error, name string) reflect.Value {
	v := reflect.Indirect(reflect.ValueOf(err))
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v.FieldByName(name)
}

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

// Reads notes what is being read. Errors that come while rows are read are looked for before the next statement.
func (t *Tx) Reads(rows *sql.Rows) {
	if rows != nil && (t.pools.dialect == txn.MySQL || t.pools.dialect == txn.SQLite) {
		t.reading.Store(rows)
	}
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

// look finds out what errors since the last statement have done to the transaction, before anything else happens in it.
func (t *Tx) look() {
	if rows := t.reading.Swap(nil); rows != nil {
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
