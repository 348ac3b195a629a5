package writes

import (
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
)

// mayServe reports whether no receiver needs the rows before they are deleted, and the statement may return them.
func (w *remove) mayServe() bool {
	p, run := w.plan, w.db.Callback().Delete()
	if len(p.Entries[dispatch.PreDelete])+len(p.Sides)+len(p.Cascades) > 0 || p.Shared[w.schema] || w.selects() || p.WaitsFor(dispatch.PostDelete, dispatch.AfterFailure) {
		return false
	}
	clauses := run.Clauses
	if w.soft {
		if !w.dialect().ReturnsUpdated() || w.mark() == nil {
			return false
		}
		clauses = w.built.names
	}
	return w.mayReturn(clauses, run.Get(w.reg.deletes.name), w.reg.deletes)
}

// serveReceivers makes the statement that GORM builds serve its receivers. It reports false if that is impossible.
func (w *remove) serveReceivers() (bool, error) {
	if !w.canServe() || (w.soft && !w.onlyMarks()) {
		return false, nil
	}
	return true, w.serveBy(w.plan.Needs.Delete)
}

// onlyMarks reports whether a soft delete assigns nothing but the mark, so that returned rows show what was stored before.
func (w *remove) onlyMarks() bool {
	return len(w.built.set) == 1 && w.schema.LookUpField(w.built.set[0].Column.Name) == w.mark()
}

// takeServed removes the mark of a soft delete from the rows: events show them as they were before.
func (w *remove) takeServed(set *rows.Set, from, to int) {
	w.conditional.takeServed(set, from, to)
	if w.soft {
		for i := range w.rows {
			w.mark().ReflectValueOf(w.stmt.Context, w.rows[i].Value()).SetZero()
		}
	}
}
