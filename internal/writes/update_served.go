package writes

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
)

// mayServe reports whether no receiver needs the rows or their values from before the UPDATE, and the statement may return them.
func (w *update) mayServe() bool {
	p, run := w.plan, w.db.Callback().Update()
	return w.need() <= dispatch.Row && !p.WaitsFor(dispatch.PostSave, dispatch.AfterFailure) && len(p.Entries[dispatch.PreSave])+len(p.Sides) == 0 && !maySave(w.stmt) &&
		w.dialect().ReturnsUpdated() && w.mayReturn(run.Clauses, run.Get(w.reg.updates.name), w.reg.updates)
}

// serveReceivers makes the statement that GORM builds serve its receivers. It reports false if that is impossible. In ranges of the key, an UPDATE
// must not move rows between ranges, nor make values unique only together with later ranges.
func (w *update) serveReceivers() (bool, error) {
	need := w.need()
	if need > dispatch.Row || !w.canServe() || (w.serve.most > 0 && w.assignedOrder() != inBatches) || w.assignsKeys() {
		return false, nil
	}
	return true, w.serveBy(need)
}

// assignsKeys reports whether the statement assigns primary keys.
func (w *update) assignsKeys() bool {
	return slices.ContainsFunc(w.set, func(a clause.Assignment) bool {
		f := w.schema.LookUpField(a.Column.Name)
		return f != nil && f.PrimaryKey
	})
}

// takeServed applies the assignments to rows of which only the keys were returned.
func (w *update) takeServed(set *rows.Set, from, to int) {
	w.batch = set
	w.conditional.takeServed(set, from, to)
	if w.serve.keysOnly {
		for i := range w.rows {
			w.apply(i)
		}
	}
}
