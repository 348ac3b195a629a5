// Package statements opens databases that call a function before each statement, to count statements or to wait as long as a network would.
package statements

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
)

// Open opens a pool of a registered driver. before gets the text of each statement, and BEGIN, COMMIT and ROLLBACK for a transaction. Statements that
// a program prepares itself do not call it.
func Open(name, dsn string, before func(query string)) (*sql.DB, error) {
	pool, err := sql.Open(name, dsn) // connects to nothing yet; it knows the driver
	if err != nil {
		return nil, err
	}
	c := &connector{driver: pool.Driver(), dsn: dsn, before: before}
	return sql.OpenDB(c), pool.Close()
}

// OfTransaction reports whether a statement begins or ends a transaction or a savepoint.
func OfTransaction(query string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	switch strings.ToUpper(word) {
	case "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE":
		return true
	}
	return false
}

type connector struct {
	driver driver.Driver
	dsn    string
	before func(query string)
}

// Connect implements [driver.Connector].
func (c *connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	able, ok := opened.(abilities)
	if !ok {
		return nil, fmt.Errorf("statements: %T runs statements only when they are prepared", opened)
	}
	return &conn{abilities: able, before: c.before}, nil
}

// Driver implements [driver.Connector].
func (c *connector) Driver() driver.Driver { return c.driver }

// abilities are those of the drivers in use.
type abilities interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type conn struct {
	abilities

	before func(query string)
}

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.before(query)
	return c.abilities.ExecContext(ctx, query, args)
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.before(query)
	return c.abilities.QueryContext(ctx, query, args)
}

// BeginTx implements [driver.ConnBeginTx].
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	c.before("BEGIN")
	begun, err := c.abilities.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &tx{Tx: begun, before: c.before}, nil
}

// ResetSession implements [driver.SessionResetter].
func (c *conn) ResetSession(ctx context.Context) error {
	if r, ok := c.abilities.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// CheckNamedValue implements [driver.NamedValueChecker].
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.abilities.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type tx struct {
	driver.Tx

	before func(query string)
}

// Commit implements [driver.Tx].
func (t *tx) Commit() error {
	t.before("COMMIT")
	return t.Tx.Commit()
}

// Rollback implements [driver.Tx].
func (t *tx) Rollback() error {
	t.before("ROLLBACK")
	return t.Tx.Rollback()
}
