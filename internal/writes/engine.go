package writes

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"

	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/statement"
)

// Engine sends signals around the statements of one database. GORM's callbacks call its methods: PreCreate, PreUpdate or PreDelete, then Build, Wrote
// or WroteRows, and last AfterInsert, AfterUpdate or AfterDelete.
type Engine struct {
	*dispatch.Registry

	unsaved statement.Unsaved // what the UPDATE of a Save leaves for its INSERT
	notes   notes

	creates, updates, deletes gorms // the callbacks that run an INSERT, an UPDATE and a DELETE
}

// gorms is one of GORM's own callbacks.
type gorms struct {
	name string
	code uintptr // the address of its code, which all databases share although GORM makes the function anew for each
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

// code returns the address of a callback's code, 0 for nil.
func code(callback func(*gorm.DB)) uintptr {
	if callback == nil {
		return 0
	}
	return reflect.ValueOf(callback).Pointer()
}

// planOfHooked returns the plan of a statement's model, or nil if nobody listens to the model or the statement sends no signals.
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
