package writes

import (
	"context"
	"database/sql"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// MariaDB's INSERT can return a value for each of its rows. ON DUPLICATE KEY UPDATE marks a found row in a variable, and RETURNING reads the variable
// and clears it. So one statement says which rows it has inserted. It leaves found rows alone, so the write uses it only if all rows look new.

// mayReturnFound reports whether the INSERT can return which rows it finds.
func (w *insert) mayReturnFound() bool {
	run, own := w.db.Callback().Create(), w.reg.creates
	insert, _ := w.stmt.Clauses["INSERT"].Expression.(clause.Insert)
	return insert.Modifier == "" && w.race.fresh == int64(len(w.rows)) && !w.reg.notes.refused.Load() && !w.returns() && slices.Contains(run.Clauses, "RETURNING") &&
		own.code != 0 && code(run.Get(own.name)) == own.code && w.ownTable() && w.reg.Catalog.Returns(w.db, w.tableName())
}

// returnFound makes the INSERT leave found rows alone, and return for each row whether it was found.
func (w *insert) returnFound() {
	w.race.returns, w.race.token = true, w.reg.notes.token()
	key := clause.Column{Name: w.model.Keys[0].DBName}
	w.replaceClause("ON CONFLICT", clause.OnConflict{DoUpdates: []clause.Assignment{{
		Column: key,
		Value: clause.Expr{ // NULLIF keeps the server from evaluating it beforehand
			SQL: "IF((" + foundVariable + " := NULLIF(?, HEX(?))) IS NULL, ?, ?)", Vars: []any{w.race.token, key, key, key},
		},
	}}})
	w.atBuild("INSERT", func() error {
		if w.returns() { // another callback has added RETURNING by now
			w.race.returns = false
			return w.note()
		}
		w.stmt.ConnPool = &returningPool{w.stmt.ConnPool, w}
		return nil
	})
}

// returningPool replaces the statement's pool while GORM runs the INSERT.
type returningPool struct {
	gorm.ConnPool

	w *insert
}

// ExecContext runs the INSERT so that it returns which rows it finds.
func (p *returningPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	p.w.stmt.ConnPool = p.ConnPool
	found, err := p.w.queryFound(ctx, query, args)
	if err != nil {
		p.w.saw(err)
		return nil, err
	}
	if len(found) == len(p.w.rows) {
		p.w.race.found = found
	}
	inserted := int64(0)
	for _, was := range found {
		if !was {
			inserted++
		}
	}
	return inserts(inserted), nil
}

// QueryContext runs a statement as it is.
func (p *returningPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.w.stmt.ConnPool = p.ConnPool
	return p.ConnPool.QueryContext(ctx, query, args...)
}

// queryFound runs the INSERT, and returns for each row whether it was found.
func (w *insert) queryFound(ctx context.Context, query string, args []any) (found []bool, err error) {
	key := w.stmt.Quote(clause.Column{Name: w.model.Keys[0].DBName})
	clears := "(" + foundVariable + " := NULLIF(HEX(" + key + "), HEX(" + key + ")))"
	result, err := w.stmt.ConnPool.QueryContext(ctx, query+" RETURNING "+foundVariable+", "+clears, args...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closing := result.Close(); err == nil {
			err = closing
		}
	}()
	for result.Next() {
		var mark, cleared sql.NullString
		if err = result.Scan(&mark, &cleared); err != nil {
			return nil, err
		}
		found = append(found, mark.String == w.race.token)
	}
	return found, result.Err()
}

// inserts is the result of an INSERT that wrote this number of rows, whose keys the database did not make.
type inserts int64

// LastInsertId returns 0, as of any such INSERT.
func (inserts) LastInsertId() (int64, error) { return 0, nil }

// RowsAffected returns the number of rows.
func (n inserts) RowsAffected() (int64, error) { return int64(n), nil }

// askFound reads the stored rows again if the INSERT found rows that looked new. It upserts each of these by a statement of its own, because the
// INSERT left it alone.
func (w *insert) askFound() error {
	if !slices.Contains(w.race.found, true) {
		return nil
	}
	before, n := slices.Clone(w.rows), w.db.RowsAffected
	if err := w.resolveAgain(); err != nil { // now all rows exist, ours as well
		return err
	}
	for i := range w.rows {
		r := &w.rows[i]
		if !w.race.found[i] {
			*r = before[i]
			continue
		}
		r.Created, r.Silent = false, w.race.conflict.DoNothing
		written, err := w.insertAgain(&w.race.conflict, r.Instance)
		if n += written; err != nil {
			return err
		}
	}
	w.setRowsAffected(n)
	return nil
}
