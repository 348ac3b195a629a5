package signals

import (
	"fmt"
	"reflect"
	"unsafe"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// ModelSignals holds the signals of one model, or of all models that implement an interface. M is what receivers get
// as Instance: a pointer to the model, or the interface.
type ModelSignals[M any] struct {
	// PreSave is sent before a row is inserted or updated, after GORM's own Before hooks and before any SQL of the
	// write, in the write's transaction. Instance is the row as it will be written, and a receiver may change it.
	// An error fails the write.
	PreSave *Signal[SaveEvent[M]]

	// PostSave is sent after a row was inserted or updated, after GORM's own After hooks and before the implicit
	// commit, in the write's transaction. Instance is the row as it is written. An error fails the write and rolls
	// its transaction back.
	PostSave *Signal[SaveEvent[M]]

	// PreDelete is sent before a row is deleted or soft-deleted, in the write's transaction. Instance is the stored
	// row, whole. An error fails the write.
	PreDelete *Signal[DeleteEvent[M]]

	// PostDelete is sent after a row was deleted or soft-deleted, before the implicit commit, in the write's
	// transaction. Instance is the row as it was stored. An error fails the write and rolls its transaction back.
	PostDelete *Signal[DeleteEvent[M]]

	// PostChange is sent with PostSave and with PostDelete, for receivers that want to hear of both: after a row was inserted, updated,
	// deleted, soft-deleted or restored, in the write's transaction. Its receivers run among those of PostSave and PostDelete, in one
	// order. Instance is the row as it is written, or as it was stored before it was deleted. An error fails the write and rolls its
	// transaction back.
	PostChange *Signal[ChangeEvent[M]]

	// M2MChanged is sent when links of a many2many relation of the model appear or go, in pairs: before and after, in the
	// transaction of the write. Instance is the row as it is stored, Relation names the field, PKs are the keys of the
	// other side whose links really change. Both sides are told. An error, before or after, fails the write and
	// undoes the change of the links.
	M2MChanged *Signal[M2MEvent[M]]

	// PostLoad is sent for every row that a query loaded into a struct of the model, after AfterFind, in the
	// transaction of the query if there is one. Instance is the caller's struct. An error becomes the query's error.
	PostLoad *Signal[LoadEvent[M]]
}

// For returns the signals of model M on this database: For[Product](db). Every call for one model gives the same
// signals, from any session of the database, and two databases never see each other's receivers.
//
// For panics when the plugin is not installed or M is no model of GORM; the text names the cure.
func For[M any](db *gorm.DB) *ModelSignals[*M] {
	return (*ModelSignals[*M])(modelSignals(db, (*M)(nil)))
}

// modelSignals returns the *ModelSignals[*erased] of the model that nothing, a nil pointer, would point to.
func modelSignals(db *gorm.DB, nothing any) unsafe.Pointer {
	reg, s := modelScope(db, reflect.TypeOf(nothing).Elem())
	return bind(reg, s, erasedSignals)
}

// bind returns what is bound to a scope, made by build at the first call.
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

// Implementing returns the signals of every model whose pointer implements interface I. Implementing[any] means every
// model; join tables without a model of their own do not count.
//
// Implementing panics when the plugin is not installed or I is no interface; the text names the cure.
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

// Receivers describes every receiver that is connected to a model signal of the database, signal by signal in the order
// in which they run.
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

// schemaOf parses a model the way the database does.
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
