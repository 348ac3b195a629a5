package rows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// read runs a SELECT of the model's columns and shows it to GORM's logger.
func (m *Model) read(db *gorm.DB, text string, vars []any, q Query) (set *Set, err error) {
	begun := time.Now()
	set = &Set{}
	defer func() { Trace(db.Statement.Context, db, begun, text, vars, int64(set.Len()), err) }()
	err = m.fill(set, db, text, vars, q)
	return set, err
}

// Trace shows a statement of the library to GORM's logger, as GORM does with its own.
func Trace(ctx context.Context, db *gorm.DB, begun time.Time, text string, vars []any, affected int64, err error) {
	db.Logger.Trace(ctx, begun, func() (string, int64) {
		shown, values := text, vars
		if filter, ok := db.Logger.(gorm.ParamsFilter); ok {
			shown, values = filter.ParamsFilter(ctx, text, vars...)
		}
		return db.Explain(shown, values...), affected
	}, err)
}

// fill runs a statement that returns rows of the model, and reads them.
func (m *Model) fill(set *Set, db *gorm.DB, text string, vars []any, q Query) error {
	return query(db.Statement, db.Name(), text, vars, func(result *sql.Rows) error { return m.take(set, db, q, result) })
}

// take reads the rows of a result.
func (m *Model) take(set *Set, db *gorm.DB, q Query, result *sql.Rows) error {
	ctx := db.Statement.Context
	s, err := m.scanner(db, q, result)
	if err != nil {
		return err
	}
	defer func() {
		set.loose = s.loose
		s.release()
	}()
	set.make(m, q)
	for result.Next() {
		i := set.grow()
		if i%rowsPerLook == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		unfit, err := s.scan(ctx, result, set.first.Index(i))
		if err != nil {
			return err
		}
		set.noteUnfit(i, unfit)
		switch {
		case !q.Twice:
		case !m.shares:
			set.Copy(i).Set(set.first.Index(i))
		default:
			if _, err := s.scan(ctx, result, set.Copy(i)); err != nil {
				return err
			}
		}
		if q.one {
			break
		}
	}
	return result.Err()
}

// rowsPerLook is the number of rows after which a read checks its context again.
const rowsPerLook = 100

// query runs a statement that returns rows, and passes them to read. SQLite's driver starts a goroutine for every row if the context can end. In a
// transaction nobody waits for a connection, so query hides the context from the driver. It checks the context before the statement, and take between
// rows.
//
// If the context of a transaction ends, database/sql may roll the transaction back at any moment, and a query then fails in another way. So query
// adds the error of the context.
func query(stmt *gorm.Statement, dialect, text string, vars []any, read func(*sql.Rows) error) (err error) {
	defer func() {
		if ended := stmt.Context.Err(); err != nil && ended != nil && !errors.Is(err, ended) {
			err = fmt.Errorf("%w: %w", ended, err)
		}
	}()
	ctx := stmt.Context
	if _, inTransaction := stmt.ConnPool.(gorm.TxCommitter); inTransaction && dialect == "sqlite" && ctx.Done() != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		ctx = context.WithoutCancel(ctx)
	}
	result, err := stmt.ConnPool.QueryContext(ctx, text, vars...) //nolint:rowserrcheck // read looks at it
	if err != nil {
		return err
	}
	defer func() {
		if closing := result.Close(); err == nil {
			err = closing
		}
	}()
	return read(result)
}

// Returned runs text, a whole DELETE or UPDATE on the table of a statement, with RETURNING. It reads the rows that text writes, or their keys. GORM's
// logger does not see it.
func (m *Model) Returned(db *gorm.DB, text string, vars []any, keysOnly bool) (*Set, error) {
	q, set := Query{KeysOnly: keysOnly}, &Set{}
	q.named = m.names(db, q)
	err := m.fill(set, db, text+m.returning(db, q), vars, q)
	if m.outdated(db, q, err) {
		return m.Returned(db, text, vars, keysOnly)
	}
	return set, err
}

// returning makes the RETURNING clause of the columns that a query reads.
func (m *Model) returning(db *gorm.DB, q Query) string {
	stmt := &gorm.Statement{DB: db}
	clause.Returning{Columns: m.choose(stmt, q, false).Columns}.Build(stmt)
	return " RETURNING " + stmt.SQL.String()
}
