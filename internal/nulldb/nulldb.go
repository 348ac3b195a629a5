// Package nulldb is a database/sql driver that stores nothing and answers at once, so that a benchmark sees what is done
// around a database and not the database.
package nulldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"sync"
)

// Row is the row that every SELECT finds.
type Row struct {
	Columns []string
	Values  []driver.Value
}

// Open returns a pool of connections that answer
//
//   - every SELECT with the columns of row that it names, or all of them,
//   - every INSERT ... RETURNING with one row for each inserted one: the column "id", counted from 1,
//   - every other statement with one affected row and the last inserted id 1,
//   - the question for the version of SQLite, which GORM's dialector asks first, with one that knows RETURNING.
func Open(row Row) *sql.DB {
	return sql.OpenDB(&connector{row: row})
}

// version is the first of SQLite that has RETURNING.
const version = "3.35.0"

var errPrepare = errors.New("nulldb: statements cannot be prepared: open GORM without PrepareStmt")

type connector struct {
	row     Row
	answers sync.Map // *answer by SELECT, so that none is taken apart twice
}

type answer struct {
	columns []string
	values  []driver.Value
}

// Connect implements [driver.Connector].
func (c *connector) Connect(context.Context) (driver.Conn, error) { return &conn{connector: c}, nil }

// Driver implements [driver.Connector].
func (c *connector) Driver() driver.Driver { return c }

// Open implements [driver.Driver].
func (c *connector) Open(string) (driver.Conn, error) { return &conn{connector: c}, nil }

// answer returns the columns of the row that a SELECT names.
func (c *connector) answer(query string) *answer {
	if found, ok := c.answers.Load(query); ok {
		a, _ := found.(*answer)
		return a
	}
	a := &answer{columns: c.row.Columns, values: c.row.Values}
	list, _, _ := strings.Cut(query[len("SELECT "):], " FROM ")
	switch {
	case strings.HasPrefix(list, "sqlite_version"):
		a = &answer{columns: []string{"version"}, values: []driver.Value{version}}
	case !strings.HasSuffix(list, "*"):
		a = c.pick(strings.Split(list, ","))
	}
	c.answers.Store(query, a)
	return a
}

func (c *connector) pick(names []string) *answer {
	a := &answer{}
	for _, name := range names {
		name = strings.Trim(name[strings.LastIndexByte(name, '.')+1:], "`\" ")
		for i, column := range c.row.Columns {
			if column == name {
				a.columns, a.values = append(a.columns, column), append(a.values, c.row.Values[i])
			}
		}
	}
	return a
}

type conn struct{ connector *connector }

// Prepare implements [driver.Conn].
func (*conn) Prepare(string) (driver.Stmt, error) { return nil, errPrepare }

// Close implements [driver.Conn].
func (*conn) Close() error { return nil }

// Begin implements [driver.Conn].
func (*conn) Begin() (driver.Tx, error) { return done{}, nil }

// BeginTx implements [driver.ConnBeginTx].
func (*conn) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) { return done{}, nil }

// ExecContext implements [driver.ExecerContext].
func (*conn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return done{}, nil
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	if len(query) >= len("SELECT ") && strings.EqualFold(query[:len("SELECT ")], "SELECT ") {
		a := c.connector.answer(query)
		return &rows{columns: a.columns, values: a.values, left: 1}, nil
	}
	return &rows{columns: []string{"id"}, left: strings.Count(query, "),(") + 1}, nil
}

// done is a transaction that is over, and a statement that wrote a row.
type done struct{}

// Commit implements [driver.Tx].
func (done) Commit() error { return nil }

// Rollback implements [driver.Tx].
func (done) Rollback() error { return nil }

// LastInsertId implements [driver.Result].
func (done) LastInsertId() (int64, error) { return 1, nil }

// RowsAffected implements [driver.Result].
func (done) RowsAffected() (int64, error) { return 1, nil }

type rows struct {
	columns []string
	values  []driver.Value // nil: every row is its own number
	left    int
	n       int64
}

// Columns implements [driver.Rows].
func (r *rows) Columns() []string { return r.columns }

// Close implements [driver.Rows].
func (*rows) Close() error { return nil }

// Next implements [driver.Rows].
func (r *rows) Next(dest []driver.Value) error {
	if r.left == 0 {
		return io.EOF
	}
	r.left--
	if r.values == nil {
		r.n++
		dest[0] = r.n
		return nil
	}
	copy(dest, r.values)
	return nil
}
