package writes

import (
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
)

// A DELETE or UPDATE serves its receivers if they only look afterwards and the database can return the written rows. The write then reads nothing
// before, and by key it is one statement.

// serving is the state of a write that may serve its receivers.
type serving struct {
	may      bool // no receiver needs the rows beforehand; whether the statement can return them shows when GORM builds it
	on       bool // the statement returns them
	keysOnly bool // or only their keys
	most     int  // rows that one statement writes at most; 0 if its keys limit it
}

// servedBatches is how many batches of rows one statement writes.
const servedBatches = 5

// mayReturn reports whether a statement of these clauses on the model's own table can return the rows that it writes. run is the callback that runs
// it. It must be GORM's own, which runs its SQL on the statement's pool: a program's callback may not.
func (w *conditional) mayReturn(clauses []string, run func(*gorm.DB), own gorms) bool {
	_, asked := w.stmt.Clauses["RETURNING"] // by the caller or another callback
	return !asked && own.code != 0 && code(run) == own.code && slices.Contains(clauses, "RETURNING") && w.ownTable() &&
		w.reg.Catalog.Returns(w.db, w.tableName())
}

// builtByOthers reports whether another callback has built the SQL of a statement that may serve its receivers. Such a statement cannot return its
// rows, so the write reads them right before it.
func (w *conditional) builtByOthers() bool {
	if !w.serve.may || w.stmt.SQL.Len() == 0 {
		return false
	}
	w.serve.may, w.find.late = false, false
	return true
}

// tellUnknown tells the error handler about written rows without signals: another callback has built the statement when it was too late to read them.
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

// fewRows reports whether conditions name a few rows by their keys.
func (w *conditional) fewRows(where []clause.Expression) bool {
	n, ok := w.model.Most(where)
	return ok && n <= w.serveSize()
}

// canServe reports whether the statement can return its rows as it is now, and finds out whether it has to be limited. By a condition it writes all
// rows or, to bound memory, ranges of them. Ranges need a key, and a condition whose meaning stays the same.
func (w *conditional) canServe() bool {
	switch {
	case !w.canReturn():
		return false
	case w.fewRows(w.built.where):
		return true
	}
	further, values := rows.Further(w.stmt, w.built.where)
	if further || (values+1)*2 > maxParameters || len(w.model.Keys) != 1 || !w.plan.Steady || w.stmt.TableExpr != nil {
		return false
	}
	w.serve.most = w.serveSize()
	return true
}

// serveBy makes the statement that GORM builds serve its receivers. need is the highest of their needs.
func (w *conditional) serveBy(need dispatch.Need) error {
	if err := w.begin(); err != nil {
		return err
	}
	if w.limitsItself() {
		if err := w.guard(); err != nil {
			return err
		}
	}
	w.serve.on, w.serve.keysOnly = true, need == dispatch.Keys
	return nil
}

// limitsItself reports whether GORM's statement has a LIMIT. On other databases it writes no row if there are too many.
func (w *conditional) limitsItself() bool { return w.serve.most > 0 && w.dialect().LimitsDelete() }

// limitServed limits the statement that GORM builds.
func (w *conditional) limitServed() {
	n := w.serve.most
	switch {
	case n == 0:
	case w.limitsItself():
		w.replaceUntilBuilt("ORDER BY", clause.OrderBy{Columns: []clause.OrderByColumn{{Column: clause.Column{Name: w.model.Keys[0].DBName}}}})
		w.replaceUntilBuilt("LIMIT", clause.Expr{SQL: "?", Vars: []any{n}}) // clause.Limit writes LIMIT itself
	default:
		where := rows.Group(w.built.where)
		w.replaceUntilBuilt("WHERE", clause.Where{Exprs: append(where, rows.Few{Key: w.model.Keys[0], Where: where, Most: n})})
	}
}

// runServed runs GORM's statement so that it returns its rows, and then one statement for each range that is left.
func (w *conditional) runServed(sql string, vars []any) error {
	set, err := w.model.Returned(w.db, sql, vars, w.serve.keysOnly) // GORM shows this statement to its logger
	if err != nil {
		w.saw(err)
		return err
	}
	ranges, err := w.rangesLeft(set.Len())
	if err != nil {
		return err
	}
	if err := w.tellServed(set, len(ranges) == 0); err != nil {
		return err
	}
	for i, some := range ranges {
		stmt := w.beside(append(rows.Group(w.built.where), some), w.built.set)
		begun := time.Now()
		set, err := w.model.Returned(w.db, stmt.SQL.String(), stmt.Vars, w.serve.keysOnly)
		w.trace(begun, stmt.SQL.String(), stmt.Vars, int64(set.Len()), err)
		if err != nil {
			w.saw(err)
			return err
		}
		if err := w.tellServed(set, i == len(ranges)-1); err != nil {
			return err
		}
	}
	return nil
}

// rangesLeft returns the ranges of rows that are left after GORM's statement, which has written n. If it has written none, there were none, a trigger
// kept them, or there were too many.
func (w *conditional) rangesLeft(n int) ([]clause.Expression, error) {
	if w.serve.most == 0 || (w.limitsItself() && n < w.serve.most) || (!w.limitsItself() && n > 0) {
		return nil, nil
	}
	ranges, more, err := w.model.Ranges(w.db, w.built.where, w.serve.most)
	switch {
	case err != nil:
		w.saw(err)
		return nil, err
	case w.limitsItself():
		return ranges, nil
	case !more:
		return nil, nil
	}
	return ranges, w.guard()
}

// tellServed sends the post signals for rows that a statement has written, in batches. The last batch of the write waits for the end of the
// statement.
func (w *conditional) tellServed(set *rows.Set, last bool) error {
	w.affected += int64(set.Len())
	w.succeeded, w.sent = last, set.Len() == 0
	for from := 0; from < set.Len(); from += w.reg.BatchSize {
		to := min(from+w.reg.BatchSize, set.Len())
		w.do.takeServed(set, from, to)
		if last && to == set.Len() {
			return nil
		}
		if err := w.do.postBatch(); err != nil {
			return err
		}
	}
	return nil
}

// takeServed takes rows that the statement has returned.
func (w *conditional) takeServed(set *rows.Set, from, to int) {
	w.room(to - from)
	for i := from; i < to; i++ {
		w.add(set.Row(i), false)
	}
}
