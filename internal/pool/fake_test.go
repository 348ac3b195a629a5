package pool_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"sync"
	"testing"
)

// fake is a database server that answers as a test says and notes what it is sent.
type fake struct {
	answer func(query string) (value any, err error) // of a statement; a query returns the value in one row
	commit error                                     // the answer to COMMIT

	mu   sync.Mutex
	sent []string
}

// openFake returns a pool of connections to a fake.
func openFake(t *testing.T, f *fake) *sql.DB {
	t.Helper()
	db := sql.OpenDB(f)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (f *fake) asked(query string) (any, error) {
	f.mu.Lock()
	f.sent = append(f.sent, query)
	f.mu.Unlock()
	if f.answer == nil {
		return nil, nil
	}
	return f.answer(query)
}

// Connect returns a connection.
func (f *fake) Connect(context.Context) (driver.Conn, error) { return &fakeConn{f}, nil }

// Driver is not needed.
func (*fake) Driver() driver.Driver { return nil }

type fakeConn struct{ *fake }

// Prepare is not needed.
func (*fakeConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }

// Close does nothing.
func (*fakeConn) Close() error { return nil }

// Begin begins a transaction.
func (c *fakeConn) Begin() (driver.Tx, error) { return fakeTx{c.fake}, nil }

// ExecContext answers a statement.
func (c *fakeConn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	_, err := c.asked(query)
	return driver.ResultNoRows, err
}

// QueryContext answers a query with one row. An error of type [late] comes when the row is read.
func (c *fakeConn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	value, err := c.asked(query)
	if after, ok := err.(late); ok { //nolint:errorlint // it is never wrapped
		return &fakeRows{value: value, err: after.error}, nil
	}
	if err != nil {
		return nil, err
	}
	return &fakeRows{value: value, err: io.EOF}, nil
}

// late is an error that comes after the first row.
type late struct{ error }

type fakeRows struct {
	value any
	err   error
	read  bool
}

// Columns are the columns of the answer.
func (*fakeRows) Columns() []string { return []string{"a"} }

// Close does nothing.
func (*fakeRows) Close() error { return nil }

// Next reads the row, and then what ends it.
func (r *fakeRows) Next(dest []driver.Value) error {
	if r.read {
		return r.err
	}
	r.read, dest[0] = true, r.value
	return nil
}

type fakeTx struct{ *fake }

// Commit gives the answer to COMMIT.
func (f fakeTx) Commit() error { _, _ = f.asked("COMMIT"); return f.commit }

// Rollback rolls back.
func (f fakeTx) Rollback() error { _, err := f.asked("ROLLBACK"); return err }

// Errors in the shapes of the drivers.
type (
	mysqlError    struct{ Number uint16 }
	postgresError struct{ state string }
	sqliteError   struct{ Code int }   // github.com/mattn/go-sqlite3
	moderncError  struct{ result int } // modernc.org/sqlite
)

// Error is its text.
func (mysqlError) Error() string { return "an error of MySQL" }

// Error is its text.
func (postgresError) Error() string { return "an error of PostgreSQL" }

// SQLState is its code.
func (e postgresError) SQLState() string { return e.state }

// Error is its text.
func (sqliteError) Error() string { return "an error of SQLite" }

// Error is its text.
func (*moderncError) Error() string { return "an error of SQLite" }

// Code is its extended result code.
func (e *moderncError) Code() int { return e.result }
