package writes

import (
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/statement"
)

// Engine sends signals around the statements of one database. GORM calls its methods: preCreate, preUpdate or preDelete first, and then build,
// wrote or wroteRows, and after.
type Engine struct {
	*dispatch.Registry

	unsaved statement.Unsaved // what updates of a Save leave for its INSERT
	noNotes atomic.Bool       // MySQL assigns no variables inside statements
}

// New returns the engine of a database.
func New(r *dispatch.Registry) *Engine { return &Engine{Registry: r} }

// planOfHooked returns the plan of a statement's model when somebody listens to the model and the statement is one that
// signals are sent for.
func (r *Engine) planOfHooked(db *gorm.DB) *dispatch.Plan {
	if db.Statement.SkipHooks {
		return nil
	}
	return r.planOf(db)
}

// planOf is planOfHooked for statements with and without hooks.
func (r *Engine) planOf(db *gorm.DB) *dispatch.Plan {
	if !r.Listening() || db.Error != nil || db.Statement.Schema == nil || db.DryRun {
		return nil
	}
	return r.PlanFor(db.Statement.Schema)
}

// Build runs right before GORM's statement.
func (r *Engine) Build(db *gorm.DB) {
	if k := writeOf(db); k != nil && db.Error == nil {
		_ = db.AddError(k.build())
	}
}

// Wrote runs right after GORM's statement.
func (r *Engine) Wrote(db *gorm.DB) {
	if k := writeOf(db); k != nil {
		k.base().answer = db.Error
		k.ran()
	}
}

// After runs at the end of a statement, right before GORM commits.
func (r *Engine) After(db *gorm.DB) {
	delivery.Saw(db)
	if k := writeOf(db); k != nil {
		defer k.base().close()
		k.after()
	}
}
