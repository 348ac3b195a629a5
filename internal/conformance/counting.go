package conformance

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
)

// counting is a transaction that counts its statements.
type counting struct {
	gorm.Tx

	n int
}

// ExecContext counts.
func (p *counting) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	p.n++
	return p.Tx.ExecContext(ctx, query, args...)
}

// QueryContext counts.
func (p *counting) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.n++
	return p.Tx.QueryContext(ctx, query, args...)
}

// QueryRowContext counts.
func (p *counting) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	p.n++
	return p.Tx.QueryRowContext(ctx, query, args...)
}
