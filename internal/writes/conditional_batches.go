package writes

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// wholeWrite replaces the statement's pool while GORM runs the statement. So the caller, GORM and all callbacks see one statement, with the number of
// rows of all batches.
type wholeWrite struct {
	gorm.ConnPool

	w *conditional
}

// ExecContext runs GORM's statement, and then those of further batches.
func (p *wholeWrite) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	p.stepAside()
	if p.w.serve.on {
		if err := p.w.runServed(query, args); err != nil {
			return nil, err
		}
		return driver.RowsAffected(p.w.affected), nil
	}
	result, err := p.ConnPool.ExecContext(ctx, query, args...)
	if err != nil {
		return result, err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return result, err
	}
	if err = p.w.runBatches(n); err != nil {
		return nil, err
	}
	return wholeResult{result, p.w.affected}, nil
}

// QueryContext runs a statement that returns rows. ranStatement runs the others.
func (p *wholeWrite) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.stepAside()
	return p.ConnPool.QueryContext(ctx, query, args...)
}

func (p *wholeWrite) stepAside() {
	p.w.stmt.ConnPool = p.ConnPool
	p.w.putBackClauses()
}

// wholeResult is the result of a write of several statements.
type wholeResult struct {
	sql.Result

	affected int64
}

// RowsAffected returns the number of rows of all statements.
func (r wholeResult) RowsAffected() (int64, error) { return r.affected, nil }

// several reports whether the write may take several batches.
func (f *search) several() bool { return f.loose || (f.cursor != nil && !f.cursor.Done()) }

// guardSeveral sets a savepoint before a write that may take several batches. It does not count as a statement between the read and the write.
func (w *conditional) guardSeveral() error {
	if !w.find.several() {
		return nil
	}
	err := w.guard()
	w.find.ran = w.statements()
	return err
}

// putBackClauses restores the clauses that were replaced while GORM built the statement.
func (w *conditional) putBackClauses() {
	for _, undo := range slices.Backward(w.built.undo) {
		undo()
	}
	w.built.undo = nil
}

// ranStatement runs right after GORM's statement. It goes on with statements that return rows, and with those that another plugin has built.
func (w *conditional) ranStatement() {
	if p, ok := w.stmt.ConnPool.(*wholeWrite); ok {
		p.stepAside()
	}
	w.putBackClauses()
	if w.db.Error != nil || w.succeeded {
		return
	}
	n := w.db.RowsAffected
	switch {
	case w.built.begun:
	case n == 0:
		w.silenceAll() // GORM has run no statement
		return
	case w.serve.may && w.find.late:
		w.tellUnknown(n)
		return
	default:
		w.wrote = w.all() // another plugin has built it
	}
	if w.db.AddError(w.runBatches(n)) != nil {
		if w.giveBack != nil {
			w.giveBack()
		}
		w.setRowsAffected(0)
		return
	}
	if w.affected > 1 && w.countsReturned() {
		w.affected = 1
	}
	w.setRowsAffected(w.affected)
}

// runBatches goes on after GORM's statement, which has changed n rows of the first batch. The post signals of the last batch wait for the end of the
// statement, after GORM's own hooks.
func (w *conditional) runBatches(n int64) error {
	f := &w.find
	if err := w.check(w.wrote, n); err != nil {
		return err
	}
	for {
		if err := w.do.finish(); err != nil {
			return err
		}
		if f.cursor == nil || f.cursor.Done() {
			w.succeeded = true
			return nil
		}
		if err := w.postFurther(); err != nil {
			return err
		}
		set, err := f.cursor.Next(w.db)
		if err != nil {
			return err
		}
		f.ran = w.statements()
		if set.Loose() {
			if set, err = w.rest(); err != nil {
				return err
			}
		}
		if w.wrote, w.sent = nil, set.Len() == 0; w.sent {
			w.succeeded = true
			return nil
		}
		if err := w.do.preBatch(set); err != nil {
			return err
		}
	}
}

// postFurther sends the post signals of a batch that is not the last one. If receivers ran statements, the last row that matches now becomes the last
// row of the write: otherwise they could add rows for each batch.
func (w *conditional) postFurther() error {
	before := w.statements()
	if err := w.do.postBatch(); err != nil {
		return err
	}
	if now := w.statements(); w.touched || now > before || now == 0 {
		return w.find.cursor.End(w.db)
	}
	return nil
}

// writeInTurns writes rows of the batch by statements beside GORM's own, each with as many rows as it may name.
func (w *conditional) writeInTurns(indexes []int, set clause.Set) error {
	size := w.batchSize()
	if w.find.loose {
		size = max(1, len(indexes))
	}
	for some := range slices.Chunk(indexes, size) {
		affected, err := w.writeRows(some, set)
		if err == nil {
			err = w.check(some, affected)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// setRowsAffected sets the number of written rows that the caller reads.
func (w *write) setRowsAffected(n int64) {
	w.db.RowsAffected = n
	if w.stmt.Result != nil {
		w.stmt.Result.RowsAffected = n
	}
}
