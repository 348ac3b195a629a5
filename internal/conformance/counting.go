package conformance

import (
	"context"
	"database/sql"
	"strings"

	"gorm.io/gorm"
)

// Statements runs a write in the transaction of a session, and returns the number of its statements, without those on savepoints.
func Statements(tx *gorm.DB, write func(tx *gorm.DB) error) (n int, err error) {
	pool, ok := tx.Statement.ConnPool.(gorm.Tx)
	if !ok {
		return 0, gorm.ErrInvalidTransaction
	}
	counting := &counting{Tx: pool}
	tx.Statement.ConnPool = counting
	defer func() { tx.Statement.ConnPool = pool }()
	err = write(tx)
	return counting.n, err
}

// counting is a transaction that counts its statements.
type counting struct {
	gorm.Tx

	n int
}

func (p *counting) count(query string) {
	if !strings.Contains(query, "SAVEPOINT") {
		p.n++
	}
}

// ExecContext counts the statement.
func (p *counting) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	p.count(query)
	return p.Tx.ExecContext(ctx, query, args...)
}

// QueryContext counts the statement.
func (p *counting) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.count(query)
	return p.Tx.QueryContext(ctx, query, args...)
}

// QueryRowContext counts the statement.
func (p *counting) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	p.count(query)
	return p.Tx.QueryRowContext(ctx, query, args...)
}
