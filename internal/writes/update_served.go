package writes

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/rows"
)

// mayServe reports whether nobody has to know the rows before they are written, or what they were.
func (w *update) mayServe() bool {
	p, run := w.plan, w.db.Callback().Update()
	return p.Needs.Save <= dispatch.Row && len(p.Entries[dispatch.PreSave])+len(p.Sides) == 0 && !maySave(w.stmt) &&
		w.dialect().ReturnsUpdated() && w.mayReturn(run.Clauses, run.Get(w.reg.updates.name), w.reg.updates)
}

// serveReceivers prepares the statement that GORM builds for serving its receivers. It reports false where that cannot be done: in ranges of the key, no
// statement may move rows from one into another, or check later what all of them make unique.
func (w *update) serveReceivers() (bool, error) {
	if !w.canServe() || (w.serve.most > 0 && w.assignedOrder() != inBatches) || w.assignsKeys() {
		return false, nil
	}
	return true, w.serveBy(w.plan.Needs.Save == dispatch.Keys, w.tell)
}

// assignsKeys reports whether the statement assigns primary keys.
func (w *update) assignsKeys() bool {
	return slices.ContainsFunc(w.set, func(a clause.Assignment) bool {
		f := w.schema.LookUpField(a.Column.Name)
		return f != nil && f.PrimaryKey
	})
}

// tell sends post_save for rows that are written. For the last ones of the write that comes at the end of the statement.
func (w *update) tell(set *rows.Set, from, to int, last bool) error {
	w.batch = set
	w.takeServed(set, from, to)
	if w.plan.Needs.Save == dispatch.Keys {
		for i := range w.rows {
			w.apply(i)
		}
	}
	if last {
		return nil
	}
	return w.postBatch()
}
