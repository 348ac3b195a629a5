// Package faults lets every n-th call of a driver fail, and compares what receivers after the commit were told with what is stored.
package faults

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
)

// Fault is what happens to one call of a driver.
type Fault int

// The faults.
const (
	None         Fault = iota
	Before             // the call fails and does nothing
	After              // the call does what it should, and fails
	CancelBefore       // the context ends before the call
	CancelAfter        // the context ends after the call
	BadConn            // the call answers [driver.ErrBadConn] and does nothing
	Unheard            // the call does what it should, but the context ends first and is what the call answers with
)

// String returns the fault in words.
func (f Fault) String() string {
	return [...]string{"none", "fails before", "fails after", "is cancelled before", "is cancelled after", "answers ErrBadConn", "is cancelled before the answer"}[f]
}

// ErrInjected is what a failing call answers.
var ErrInjected = errors.New("injected fault")

// Injector counts the calls of a driver, and lets one of them fail.
type Injector struct {
	mu     sync.Mutex
	count  int
	at     int
	fault  Fault
	cancel func()
	call   string // that failed
}

// Arm lets call number at fail from now on. With None it only counts.
func (in *Injector) Arm(at int, fault Fault, cancel func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.count, in.at, in.fault, in.cancel, in.call = 0, at, fault, cancel, ""
}

// Disarm ends that, and returns the number of calls and the one that failed.
func (in *Injector) Disarm() (calls int, failed string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	calls, failed = in.count, in.call
	in.at, in.fault = 0, None
	return calls, failed
}

// do makes a call, and lets it fail where it is its turn.
func (in *Injector) do(name string, call func() error) error {
	in.mu.Lock()
	in.count++
	fault, cancel := None, in.cancel
	if in.count == in.at {
		fault, in.call = in.fault, name
	}
	in.mu.Unlock()
	switch fault {
	case Before:
		return ErrInjected
	case BadConn:
		return driver.ErrBadConn
	case CancelBefore:
		cancel()
	default:
	}
	err := call()
	if fault == CancelAfter || fault == Unheard {
		cancel()
	}
	if fault == Unheard && err == nil {
		return context.Canceled
	}
	if fault == After && err == nil {
		return ErrInjected
	}
	return err
}

// Open opens a pool over a driver whose calls pass through an injector.
func Open(d driver.Driver, dsn string, in *Injector) *sql.DB {
	return sql.OpenDB(&connector{d, dsn, in})
}

type connector struct {
	driver driver.Driver
	dsn    string
	in     *Injector
}

// Driver returns the driver below.
func (c *connector) Driver() driver.Driver { return c.driver }

// Connect opens a connection.
func (c *connector) Connect(context.Context) (driver.Conn, error) {
	below, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: below, in: c.in, open: map[*stmt]bool{}}, nil
}

type conn struct {
	driver.Conn

	in     *Injector
	broken bool // a transaction could not be ended: the pool must close the connection
	open   map[*stmt]bool
}

// Close closes the connection and its statements. After a COMMIT that answers [driver.ErrBadConn] [sql.Tx] forgets those that it has
// prepared again for itself, with GORM's PrepareStmt and without the plugin too. A server closes them with the connection; that of SQLite
// lives on while one is open, and keeps its locks.
func (c *conn) Close() error {
	for s := range c.open {
		_ = s.Close()
	}
	return c.Conn.Close()
}

// BeginTx begins a transaction.
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	var begun driver.Tx
	err := c.in.do("BEGIN", func() (err error) {
		b, ok := c.Conn.(driver.ConnBeginTx)
		if !ok {
			return errors.ErrUnsupported
		}
		begun, err = b.BeginTx(ctx, options)
		return err
	})
	if err != nil {
		if begun != nil { // it was begun, and nobody knows
			_ = begun.Rollback()
		}
		return nil, err
	}
	return &tx{begun, c}, nil
}

// ExecContext runs a statement.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	e, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	err = c.in.do(query, func() (err error) { result, err = e.ExecContext(ctx, query, args); return err })
	return result, err
}

// QueryContext runs a query.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	q, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	err = c.in.do(query, func() (err error) { rows, err = q.QueryContext(ctx, query, args); return err })
	if err != nil && rows != nil {
		_ = rows.Close()
	}
	return rows, err
}

// PrepareContext prepares a statement.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	var below driver.Stmt
	err := c.in.do("prepare "+query, func() (err error) {
		if p, ok := c.Conn.(driver.ConnPrepareContext); ok {
			below, err = p.PrepareContext(ctx, query)
			return err
		}
		below, err = c.Prepare(query)
		return err
	})
	if err != nil {
		if below != nil {
			_ = below.Close()
		}
		return nil, err
	}
	s := &stmt{below, c, query}
	c.open[s] = true
	return s, nil
}

// CheckNamedValue converts an argument as the driver below does.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if check, ok := c.Conn.(driver.NamedValueChecker); ok {
		return check.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// ResetSession makes a connection ready for its next use.
func (c *conn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// IsValid reports whether a connection may be used again.
func (c *conn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !c.broken && (!ok || v.IsValid())
}

type tx struct {
	driver.Tx

	conn *conn
}

// Commit commits.
func (t *tx) Commit() error { return t.end("COMMIT", t.Tx.Commit) }

// Rollback rolls back.
func (t *tx) Rollback() error { return t.end("ROLLBACK", t.Tx.Rollback) }

func (t *tx) end(name string, end func() error) error {
	ended := false
	err := t.conn.in.do(name, func() error { ended = true; return end() })
	t.conn.broken = t.conn.broken || !ended
	return err
}

type stmt struct {
	driver.Stmt

	conn  *conn
	query string
}

// Close closes the statement.
func (s *stmt) Close() error {
	delete(s.conn.open, s)
	return s.Stmt.Close()
}

// ExecContext runs the statement.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (result driver.Result, err error) {
	e, ok := s.Stmt.(driver.StmtExecContext)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	err = s.conn.in.do(s.query, func() (err error) { result, err = e.ExecContext(ctx, args); return err })
	return result, err
}

// QueryContext runs the query.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (rows driver.Rows, err error) {
	q, ok := s.Stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	err = s.conn.in.do(s.query, func() (err error) { rows, err = q.QueryContext(ctx, args); return err })
	if err != nil && rows != nil {
		_ = rows.Close()
	}
	return rows, err
}

// CheckNamedValue converts an argument as the driver below does.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if check, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return check.CheckNamedValue(v)
	}
	return driver.ErrSkip
}
