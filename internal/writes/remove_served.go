package writes

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
)

// mayServe reports whether nobody has to know the rows before they are deleted.
func (w *remove) mayServe() bool {
	p, run := w.plan, w.db.Callback().Delete()
	return !w.soft && len(p.Entries[dispatch.PreDelete])+len(p.Sides)+len(p.Cascades) == 0 && !p.Shared[w.schema] && !w.selects() &&
		w.mayReturn(run.Clauses, run.Get(w.reg.deletes.name), w.reg.deletes)
}

// serveReceivers prepares the statement that GORM builds for serving its receivers. It reports false where that cannot be done.
func (w *remove) serveReceivers() (bool, error) {
	can, err := w.canServe()
	if !can || err != nil {
		return false, err
	}
	if err = w.begin(); err != nil {
		return false, err
	}
	if w.serve.most > 0 {
		if err = w.guard(); err != nil {
			return false, err
		}
	}
	w.serve.run = func(sql string, vars []any) error {
		return w.runServed(sql, vars, w.plan.Needs.Delete == dispatch.Keys, w.tellServed)
	}
	return true, nil
}

// canServe reports whether the statement can return its rows as it is now, and finds out whether it has to be limited. By a condition it is
// repeated with a limit, so that no more rows are in memory at a time. That takes a key, and a condition that says the same each time.
func (w *remove) canServe() (bool, error) {
	switch {
	case !w.canReturn():
		return false, nil
	case w.fewRows(w.built.where):
		return true, nil
	}
	further, values := rows.Further(w.stmt, w.built.where)
	if further || values*2 > maxParameters || len(w.model.Keys) != 1 || w.stmt.TableExpr != nil {
		return false, nil
	}
	w.serve.most = w.serveSize()
	keeps, err := w.reg.Catalog.MayKeep(w.db, w.tableName())
	return !keeps, err
}

// limitServed limits the statement that GORM builds.
func (w *remove) limitServed() {
	n := w.serve.most
	switch {
	case n == 0:
	case w.dialect().LimitsDelete():
		w.replaceUntilBuilt("ORDER BY", clause.OrderBy{Columns: []clause.OrderByColumn{{Column: clause.Column{Name: w.model.Keys[0].DBName}}}})
		w.replaceUntilBuilt("LIMIT", clause.Expr{SQL: "?", Vars: []any{n}}) // clause.Limit writes the word by itself
	default:
		where := rows.Group(w.built.where)
		w.replaceUntilBuilt("WHERE", clause.Where{Exprs: append(where, rows.First{Key: w.model.Keys[0], Where: where, Limit: n})})
	}
}

// tellServed sends post_delete for rows that are gone. For the last ones of the write that comes at the end of the statement.
func (w *remove) tellServed(set *rows.Set, from, to int, last bool) error {
	w.takeServed(set, from, to)
	if last {
		return nil
	}
	return w.sendPost(dispatch.PostDelete)
}
