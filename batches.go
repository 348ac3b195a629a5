package signals

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/rows"
)

// batch is what a conditional write does with the rows of one batch.
type batch struct {
	pre   func(*rows.Set) error // takes the rows and sends the pre signals
	write func() error          // writes those that GORM's statement has not written
	post  func() error          // sends the post signals
}

// several reports whether the write may take several batches.
func (f *finder) several() bool { return f.loose || (f.cursor != nil && !f.cursor.Done()) }

// putBackClauses puts back the clauses that were replaced while GORM built the statement.
func (w *write) putBackClauses() {
	for _, undo := range slices.Backward(w.find.undo) {
		undo()
	}
	w.find.undo = nil
}

// runBatches goes on after GORM's statement, which has written rows of the first batch. Post signals of the last batch are left to the end
// of the statement, after GORM's own hooks.
func (w *write) runBatches(do batch) error {
	f := w.find
	if !f.built && w.db.RowsAffected == 0 {
		w.silenceAll() // GORM has run no statement
		return nil
	}
	if !f.built {
		f.wrote = w.all() // another plugin has built it
	}
	if err := w.check(f.wrote, w.db.RowsAffected); err != nil {
		return err
	}
	for {
		if err := do.write(); err != nil {
			return err
		}
		if f.cursor == nil || f.cursor.Done() {
			break
		}
		if err := do.post(); err != nil {
			return err
		}
		set, err := f.cursor.Next(w.db)
		if err != nil {
			return err
		}
		if f.wrote, f.sent = nil, set.Len() == 0; f.sent {
			break
		}
		if err := do.pre(set); err != nil {
			return err
		}
	}
	if f.affected > 1 && w.countsReturned() {
		f.affected = 1
	}
	w.setRowsAffected(f.affected)
	return nil
}

// writeInTurns writes rows of the batch by statements beside GORM's own, as many at a time as a statement may name.
func (w *write) writeInTurns(indexes []int, set clause.Set) error {
	for some := range slices.Chunk(indexes, w.batchSize()) {
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

// setRowsAffected makes n what the caller reads as the number of written rows.
func (w *write) setRowsAffected(n int64) {
	w.db.RowsAffected = n
	if w.stmt.Result != nil {
		w.stmt.Result.RowsAffected = n
	}
}
