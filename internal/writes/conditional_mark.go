package writes

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// Receivers of post_change hear whether an update restores a row or marks it as deleted, even if they need nothing that the plugin reads. The
// condition of a model with soft delete tells that the rows were live. Otherwise the write reads its rows, but only if it may write the mark.

// mark returns the field that a soft delete sets and that is NULL before. It returns nil if the model marks rows in another way.
func (w *write) mark() *schema.Field {
	if !w.plainScope() || len(w.schema.DeleteClauses) == 0 {
		return nil
	}
	by, _ := w.schema.DeleteClauses[0].(gorm.SoftDeleteDeleteClause)
	if by.ZeroValue.Valid {
		return nil
	}
	return by.Field
}

// findsLive reports whether an UPDATE finds only rows that are not soft-deleted.
func (w *conditional) findsLive() bool { return !w.stmt.Unscoped && w.mark() != nil }

// marks returns the soft delete fields of which receivers of post_change hear.
func (w *conditional) marks() []*schema.Field {
	if !w.plan.Needs.Kind || w.plan.Needs.Save == dispatch.Original {
		return nil
	}
	return w.model.Soft(w.reg.DB)
}

// need is the most that receivers need of the UPDATE of a Save, which writes the mark with all other columns.
func (w *save) need() dispatch.Need {
	if len(w.marks()) == 0 || w.findsLive() {
		return w.plan.Needs.Save
	}
	return dispatch.Original
}

// need is the most that receivers need of the UPDATE. A receiver of pre_save may set the mark too.
func (w *update) need() dispatch.Need {
	marks, need := w.marks(), w.plan.Needs.Save
	computed := slices.ContainsFunc(marks, func(f *schema.Field) bool { return w.computed[f] })
	switch {
	case len(marks) == 0:
		return need
	case w.findsLive() && computed:
		return max(need, dispatch.Row)
	case w.findsLive():
		return need
	case computed || len(w.plan.Entries[dispatch.PreSave]) > 0 || slices.ContainsFunc(marks, func(f *schema.Field) bool { return slices.Contains(w.literals, f) }):
		return dispatch.Original
	}
	return need
}
