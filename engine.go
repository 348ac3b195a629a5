package signals

import (
	"sync/atomic"

	"gorm.io/gorm"
)

// engine sends signals around the statements of one database. GORM calls its methods: preCreate, preUpdate or preDelete first, and then build,
// wrote or wroteRows, and after.
type engine struct {
	*registry

	unsaved unsaved     // what updates of a Save leave for its INSERT
	noNotes atomic.Bool // MySQL assigns no variables inside statements
}

// newEngine returns the engine of a database.
func newEngine(r *registry) *engine { return &engine{registry: r} }

// planOfHooked returns the plan of a statement's model when somebody listens to the model and the statement is one that
// signals are sent for.
func (r *engine) planOfHooked(db *gorm.DB) *plan {
	if db.Statement.SkipHooks {
		return nil
	}
	return r.planOf(db)
}

// planOf is planOfHooked for statements with and without hooks.
func (r *engine) planOf(db *gorm.DB) *plan {
	if !r.listening() || db.Error != nil || db.Statement.Schema == nil || db.DryRun {
		return nil
	}
	return r.planFor(db.Statement.Schema)
}

// build runs right before GORM's statement.
func (r *engine) build(db *gorm.DB) {
	if k := writeOf(db); k != nil && db.Error == nil {
		_ = db.AddError(k.build())
	}
}

// wrote runs right after GORM's statement.
func (r *engine) wrote(db *gorm.DB) {
	if k := writeOf(db); k != nil {
		k.base().answer = db.Error
		k.ran()
	}
}

// after runs at the end of a statement, right before GORM commits.
func (r *engine) after(db *gorm.DB) {
	saw(db)
	if k := writeOf(db); k != nil {
		defer k.base().close()
		k.after()
	}
}
