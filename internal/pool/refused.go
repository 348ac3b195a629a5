package pool

import (
	"database/sql/driver"
	"errors"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/txn"
)

// refused reports whether the error of a COMMIT is the database's answer that it has rolled back. After any other error the outcome is unknown.
// Classes of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
func refused(err error) bool {
	if code := state(err); code != "" {
		return code != "40003" && slices.Contains([]string{"22", "23", "25", "40", "44", "P0"}, code[:2])
	}
	// PostgreSQL answers COMMIT of an aborted transaction with ROLLBACK, which pgx and lib/pq report in these words.
	text := err.Error()
	return Number(err) == deadlock || strings.Contains(text, "commit unexpectedly resulted in rollback") ||
		strings.Contains(text, "Could not complete operation in a failed transaction")
}

// Errors of MySQL and MariaDB. See https://mariadb.com/kb/en/mariadb-error-code-reference/.
const (
	recordChanged   = 1020 // under snapshot isolation MariaDB has rolled the transaction back, otherwise only the statement
	serverShutdown  = 1053
	lockWaitTimeout = 1205 // innodb_rollback_on_timeout says what is rolled back
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
	sqliteLocked    = 6
	sqliteNoMemory  = 7
	sqliteInterrupt = 9
	sqliteIO        = 10
	sqliteFull      = 13
	sqliteConflict  = 19 // ON CONFLICT ROLLBACK, RAISE(ROLLBACK)
)

// Answered reports whether an error is the database's own answer that it has not executed a statement about savepoints. After any other error this is
// unknown: the answer may have been lost.
func (p *Pools) Answered(err error) bool {
	switch p.dialect {
	case txn.SQLite:
		return code(err) == sqliteError
	case txn.MySQL:
		n := Number(err)
		return n != 0 && n != serverShutdown && n != interrupted && n != killed
	case txn.Postgres, txn.Other:
		s := state(err)
		return s != "" && !slices.Contains([]string{"08", "57", "58", "XX"}, s[:2])
	}
	return false
}

// Refused reports whether a statement outside any transaction has certainly done nothing: the database has answered with this error, or the statement
// was never sent.
func (p *Pools) Refused(err error) bool {
	for _, known := range []error{
		driver.ErrBadConn, gorm.ErrMissingWhereClause, gorm.ErrInvalidTransaction, // not sent
		gorm.ErrDuplicatedKey, gorm.ErrForeignKeyViolated, gorm.ErrCheckConstraintViolated, // GORM's errors for answers
	} {
		if errors.Is(err, known) || strings.Contains(err.Error(), known.Error()) { // gorm.DB.AddError joins errors as text
			return true
		}
	}
	if strings.Contains(err.Error(), "sql: converting argument") {
		return true
	}
	if p.dialect == txn.SQLite {
		c := code(err)
		return c != 0 && c != sqliteIO
	}
	return p.Answered(err)
}

// Waited reports whether an error is a database's answer that a statement waited in vain for a lock. It returns known false for an error without a code.
func Waited(err error) (waited, known bool) {
	if s := state(err); s != "" {
		return s == "55P03" || s == "40P01", true // lock_not_available, deadlock_detected
	}
	if n := Number(err); n != 0 {
		return n == lockWaitTimeout || n == deadlock, true
	}
	c := code(err)
	return c == sqliteBusy || c == sqliteLocked, c != 0
}

// state returns the SQLSTATE of an error of PostgreSQL.
func state(err error) string {
	if s := (interface{ SQLState() string })(nil); errors.As(err, &s) && len(s.SQLState()) == 5 {
		return s.SQLState()
	}
	return ""
}

// Number returns the number of an error of MySQL, 0 if it has none.
func Number(err error) (n uint64) {
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

// code returns the primary result code of an error of SQLite, 0 if it has none.
func code(err error) (n int) {
	each(err, func(e error) bool {
		if c, ok := e.(interface{ Code() int }); ok {
			n = c.Code()
		} else if f := field(e, "Code"); f.IsValid() && f.CanInt() {
			n = int(f.Int())
		}
		return n != 0
	})
	return n & 0xff
}

// each calls f with an error and all errors that it wraps, until f returns true.
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

// field returns a field of the struct that an error is. Drivers have no other common way to show their codes.
func field(err error, name string) reflect.Value {
	v := reflect.Indirect(reflect.ValueOf(err))
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v.FieldByName(name)
}
