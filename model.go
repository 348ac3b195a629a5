package signals

import (
	"fmt"
	"reflect"
	"unsafe"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// ModelSignals holds the signals of one model, or of all models that implement an interface. M is the type of Instance in the events: a pointer to
// the model, or the interface.
//
// All signals of a write are sent in the transaction of the write. An error of a receiver fails the call and rolls back GORM's implicit transaction.
// If the program began the transaction, the program rolls it back, as after any error of GORM.
type ModelSignals[M any] struct {
	// PreSave is sent before a row is inserted or updated, after GORM's Before hooks and before the SQL of the write. Instance is the row as the
	// write will store it; a receiver may change it. An error fails the write: nothing is written.
	PreSave *Signal[SaveEvent[M]]

	// PostSave is sent after a row was inserted or updated, after GORM's After hooks and before the commit. Instance is the row as written. An error
	// fails the write and rolls it back.
	PostSave *Signal[SaveEvent[M]]

	// PreDelete is sent before a row is deleted or soft-deleted, after GORM's Before hooks. Instance is the stored row. An error fails the write:
	// nothing is deleted.
	PreDelete *Signal[DeleteEvent[M]]

	// PostDelete is sent after a row was deleted or soft-deleted, after GORM's After hooks and before the commit. Instance is the row as it was
	// stored. An error fails the write and rolls it back.
	PostDelete *Signal[DeleteEvent[M]]

	// PostChange is sent together with PostSave and with PostDelete, for receivers that serve both. Kind says whether the row was created, updated,
	// deleted, soft-deleted or restored. Its receivers run among those of PostSave and PostDelete, in one order. Instance is the row as written, or
	// as it was stored before its delete. An error fails the write and rolls it back.
	PostChange *Signal[ChangeEvent[M]]

	// M2MChanged is sent before, and again after, a statement adds or removes links of a many2many relation of the model. Both sides of the relation
	// send it, once per owner. Instance is the owner as it is stored, Relation names its field, and PKs are the keys of the other side whose links
	// really change. An error, before or after, fails the write and undoes the change of the links.
	M2MChanged *Signal[M2MEvent[M]]

	// PostLoad is sent for every row that a query loads into a struct of the model, after AfterFind, in the transaction of the query if it has one.
	// Instance is the caller's struct. An error becomes the query's error.
	PostLoad *Signal[LoadEvent[M]]
}

// For returns the signals of model M on this database, as in For[Product](db). All sessions of a database get the same signals. Two databases never
// share receivers.
//
// For panics if the plugin is not installed or GORM cannot use M as a model; the text names the cure.
func For[M any](db *gorm.DB) *ModelSignals[*M] {
	return (*ModelSignals[*M])(modelSignals(db, (*M)(nil)))
}

// modelSignals returns the *ModelSignals[*erased] of a model. nothing is a nil pointer to the model.
func modelSignals(db *gorm.DB, nothing any) unsafe.Pointer {
	reg, s := modelScope(db, reflect.TypeOf(nothing).Elem())
	return bind(reg, s, erasedSignals)
}

// bind returns the signals of a scope. The first call makes them with build.
func bind(reg *dispatch.Registry, s dispatch.Scope, build func() (unsafe.Pointer, [dispatch.Kinds]*channel)) unsafe.Pointer {
	made, _ := reg.Bind(s, func() (any, [dispatch.Kinds]*dispatch.Signal) {
		made, channels := build()
		var signals [dispatch.Kinds]*dispatch.Signal
		for k, c := range channels {
			c.reg, signals[k] = reg, &c.Signal
		}
		return made, signals
	}).(unsafe.Pointer)
	return made
}

// modelScope returns the scope of For[t].
func modelScope(db *gorm.DB, t reflect.Type) (*dispatch.Registry, dispatch.Scope) {
	reg := mustRegistry(db, "For")
	if t.Kind() == reflect.Interface {
		panic(fmt.Sprintf("signals: For[%s]: %s is an interface: use Implementing[%s]", t, t, t))
	}
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("signals: For[%s]: %s is no model: name the struct type itself, as in For[Product](db)", t, t))
	}
	sch, err := schemaOf(db, reflect.New(t).Interface())
	if err != nil {
		panic(fmt.Sprintf("signals: For[%s]: GORM cannot use the type as a model: %v", t, err))
	}
	return reg, dispatch.Scope{Type: t, Name: t.Name(), Schema: sch, Matches: func(model reflect.Type) bool { return model == t }}
}

// Implementing returns signals that every model sends whose pointer implements the interface I. Implementing[any] means every model. Join tables
// without a model of their own send none of them.
//
// Implementing panics if the plugin is not installed or I is not an interface; the text names the cure.
func Implementing[I any](db *gorm.DB) *ModelSignals[I] {
	reg, s := interfaceScope(db, reflect.TypeFor[I]())
	return (*ModelSignals[I])(bind(reg, s, faceSignals[I]))
}

// interfaceScope returns the scope of Implementing[t].
func interfaceScope(db *gorm.DB, t reflect.Type) (*dispatch.Registry, dispatch.Scope) {
	reg := mustRegistry(db, "Implementing")
	if t.Kind() != reflect.Interface {
		model := t
		for model.Kind() == reflect.Pointer {
			model = model.Elem()
		}
		panic(fmt.Sprintf("signals: Implementing[%s]: %s is no interface: use For[%s]", t, t, model))
	}
	name := t.Name()
	if name == "" {
		name = t.String()
	}
	return reg, dispatch.Scope{Type: t, Name: name, Matches: func(model reflect.Type) bool {
		return model.Name() != "" && reflect.PointerTo(model).Implements(t)
	}}
}

// Receivers describes every receiver that is connected to a model signal of the database, signal by signal, in the order in which they run. It
// returns nil if the plugin is not installed.
func Receivers(db *gorm.DB) []ReceiverInfo {
	reg := registryOf(db)
	if reg == nil {
		return nil
	}
	var infos []ReceiverInfo
	for _, entries := range reg.Collect() {
		for _, e := range entries {
			infos = append(infos, receiverOf(e).public)
		}
	}
	return infos
}

// schemaOf parses a model with the naming strategy of the database.
func schemaOf(db *gorm.DB, model any) (*schema.Schema, error) {
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(model); err != nil {
		return nil, err
	}
	if len(stmt.Schema.DBNames) == 0 {
		return nil, fmt.Errorf("%T has no column", model)
	}
	return stmt.Schema, nil
}
