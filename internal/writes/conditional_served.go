package writes

import (
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/rows"
)

// A DELETE or UPDATE serves its receivers when they only look afterwards and the database can return the rows that the statement writes. Nothing is
// read before it then, and by key it is one statement.

// serving is what a write that serves its receivers knows.
type serving struct {
	may  bool                               // nobody has to know the rows beforehand. Whether the statement can return them turns out when GORM builds it
	most int                                // rows that one statement writes; 0 if its keys limit it
	run  func(sql string, vars []any) error // runs GORM's statement and the rest of the write; nil where GORM's statement is run as it is
}

// servedBatches is how many batches of rows one statement writes.
const servedBatches = 5

// mayReturn reports whether a statement of these clauses on the model's own table can return the rows that it writes. Run is the callback that runs
// it: GORM's own one runs the SQL that it builds on the pool of the statement, which a program's may do otherwise.
func (w *conditional) mayReturn(clauses []string, run func(*gorm.DB), own gorms) bool {
	_, asked := w.stmt.Clauses["RETURNING"] // by somebody else
	return !asked && own.code != 0 && code(run) == own.code && slices.Contains(clauses, "RETURNING") && w.ownTable() &&
		w.reg.Catalog.Returns(w.db, w.tableName())
}

// builtByOthers reports whether another callback has built the SQL of a statement that may serve its receivers. Then it cannot: its rows are read right
// before it.
func (w *conditional) builtByOthers() bool {
	if !w.serve.may || w.stmt.SQL.Len() == 0 {
		return false
	}
	w.serve.may, w.find.late = false, false
	return true
}

// tellUnknown tells of rows of which nobody has heard: another callback has built the statement when it was too late to read them.
func (w *conditional) tellUnknown(n int64) {
	w.succeeded, w.sent = true, true
	w.reg.Handle(w.stmt.Context, fmt.Errorf("signals: a callback has built a statement on %s right before GORM ran it, and receivers have not heard of the %d rows "+
		"that it has written: register the callback before signals:prepare_update or signals:cascade", w.stmt.Table, n))
}

// canReturn reports whether the statement can return its rows as GORM builds it.
func (w *conditional) canReturn() bool {
	from, _ := w.stmt.Clauses["FROM"].Expression.(clause.From)
	remove, _ := w.stmt.Clauses["DELETE"].Expression.(clause.Delete)
	update, _ := w.stmt.Clauses["UPDATE"].Expression.(clause.Update)
	_, asked := w.stmt.Clauses["RETURNING"]
	return w.serve.may && !asked && !w.hasLimit() && len(from.Tables)+len(from.Joins) == 0 && remove.Modifier+update.Modifier == ""
}

// serveSize is how many rows a statement that serves its receivers writes at most.
func (w *conditional) serveSize() int { return w.reg.BatchSize * servedBatches }

// fewRows reports whether conditions name rows by keys, and few.
func (w *conditional) fewRows(where []clause.Expression) bool {
	n, ok := w.model.Most(where)
	return ok && n <= w.serveSize()
}

// runServed runs GORM's statement so that it returns the rows, again and again until it finds fewer than it may write. tell is called with the
// rows of a batch, and with whether they are the last ones of the write.
func (w *conditional) runServed(sql string, vars []any, keysOnly bool, tell func(set *rows.Set, from, to int, last bool) error) error {
	for first := true; !w.succeeded; first = false {
		begun := time.Now()
		set, err := w.model.Returned(w.db, sql, vars, keysOnly)
		if !first { // GORM shows its own one to its logger
			w.trace(begun, sql, vars, int64(set.Len()), err)
		}
		if err != nil {
			w.saw(err)
			return err
		}
		w.affected += int64(set.Len())
		w.succeeded, w.sent = w.serve.most == 0 || set.Len() < w.serve.most, set.Len() == 0
		for from := 0; from < set.Len(); from += w.reg.BatchSize {
			to := min(from+w.reg.BatchSize, set.Len())
			if err := tell(set, from, to, w.succeeded && to == set.Len()); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeServed makes rows of some that the statement has returned.
func (w *conditional) takeServed(set *rows.Set, from, to int) {
	w.room(to - from)
	for i := from; i < to; i++ {
		w.add(set.Row(i), false)
	}
}
