package writes

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/statement"
)

// Engine sends signals around the statements of one database. GORM calls its methods: preCreate, preUpdate or preDelete first, and then build,
// wrote or wroteRows, and after.
type Engine struct {
	*dispatch.Registry

	unsaved statement.Unsaved // what updates of a Save leave for its INSERT
	notes   notes

	creates, updates, deletes gorms // the callbacks that run an INSERT, an UPDATE and a DELETE
}

// gorms is a callback that GORM has of its own.
type gorms struct {
	name string
	code uintptr // where its code is: functions that GORM makes anew for each database share it
}

// New returns the engine of a database. create, update and remove are the names of the callbacks that run an INSERT, an UPDATE and a DELETE.
func New(r *dispatch.Registry, create, update, remove string) *Engine {
	e := &Engine{Registry: r, creates: gorms{name: create}, updates: gorms{name: update}, deletes: gorms{name: remove}}
	e.notes.open()
	if fresh, err := gorm.Open(nil, &gorm.Config{DisableAutomaticPing: true}); err == nil { // without a connection
		callbacks.RegisterDefaultCallbacks(fresh, &callbacks.Config{})
		e.creates.code = code(fresh.Callback().Create().Get(create))
		e.updates.code, e.deletes.code = code(fresh.Callback().Update().Get(update)), code(fresh.Callback().Delete().Get(remove))
	}
	return e
}

// code returns where the code of a callback is, 0 of none.
func code(callback func(*gorm.DB)) uintptr {
	if callback == nil {
		return 0
	}
	return reflect.ValueOf(callback).Pointer()
}

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

// After runs at the end of a statement, right before GORM commits. It reports whether the statement has failed without a write.
func (r *Engine) After(db *gorm.DB) (failed bool) {
	delivery.Saw(db)
	k := writeOf(db)
	if k == nil {
		return db.Error != nil
	}
	defer k.base().close()
	k.after()
	return false
}
