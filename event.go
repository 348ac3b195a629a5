package signals

import (
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// SaveEvent is what PreSave and PostSave send. Instance is the caller's own struct for Create and Save, so that the
// caller sees what a pre_save receiver changes, and a copy of the stored row with the assignments applied for every other
// form of update.
type SaveEvent[M any] struct {
	Instance M    // the row as it will be (pre_save) or is (post_save) written
	Created  bool // true for an INSERT

	row   *row
	frame *frame
	need  Need
}

// DeleteEvent is what PreDelete and PostDelete send.
type DeleteEvent[M any] struct {
	Instance M    // the stored row, whole
	Soft     bool // the row stays, marked as deleted
	Cascade  bool // the row goes because its parent does, by OnDelete:CASCADE

	row   *row
	frame *frame
}

// LoadEvent is what PostLoad sends.
type LoadEvent[M any] struct {
	Instance M // after a query filled it

	row   *row
	frame *frame
}

// Change is one changed column of a row.
type Change struct {
	Field    string // Go name, "Price", or the path "Author.Name" when several fields have the name
	Column   string // name in the table, "price"
	Old, New any    // values as the fields hold them; Old is nil where the row is created or Original is not loaded
}

// DB returns a session in the write's transaction, with the settings of the session that writes and without its conditions, as GORM's
// hooks get one. Write through it: another session has another connection, which may wait for the write that waits for the receiver.
// When the transaction has ended, DB returns a session outside it.
func (e SaveEvent[M]) DB() *gorm.DB { return e.frame.session() }

// DB returns a session in the write's transaction, as [SaveEvent.DB] does.
func (e DeleteEvent[M]) DB() *gorm.DB { return e.frame.session() }

// DB returns a session in the query's transaction, as [SaveEvent.DB] does.
func (e LoadEvent[M]) DB() *gorm.DB { return e.frame.session() }

// Raw reports whether the write is fixture loading, marked with Raw on its context.
func (e SaveEvent[M]) Raw() bool { return e.frame != nil && e.frame.raw }

// Raw reports whether the write is fixture loading, marked with Raw on its context.
func (e DeleteEvent[M]) Raw() bool { return e.frame != nil && e.frame.raw }

// Schema returns GORM's description of the model, nil in an event that was never sent.
func (e SaveEvent[M]) Schema() *schema.Schema { return e.row.schema() }

// Schema returns GORM's description of the model, nil in an event that was never sent.
func (e DeleteEvent[M]) Schema() *schema.Schema { return e.row.schema() }

// Original returns the stored row as it was before the write. It is the zero M, without an error, when the row is
// created, and ErrNotLoaded for a receiver that declared with Needs that it works without. It must not be changed.
func (e SaveEvent[M]) Original() (M, error) {
	var zero M
	switch {
	case e.Created:
		return zero, nil
	case e.row == nil || e.need < Original || e.row.original == nil:
		return zero, ErrNotLoaded
	}
	m, _ := e.row.original.(M)
	return m, nil
}

// Changed reports whether the write changes any of the named fields, or any at all when none is named: automatic update
// times then do not count. Names are Go field names, paths into embedded structs ("Author.Name") or column names; a Go name that
// several embedded structs have means all these fields. Changed panics for an unknown name, which fails the receiver. A created row is
// changed. A field set by an expression counts as changed in pre_save. Where Original is not loaded, a field that the write names
// counts as changed.
func (e SaveEvent[M]) Changed(fields ...string) bool {
	if e.row != nil {
		e.row.mustKnow(fields)
	}
	return e.Created || e.row == nil || e.row.changed(e.frame, fields)
}

// Changes lists the columns that the write changes, in the order of the model's fields and without automatic update
// times. For a created row it lists every column that is not zero.
func (e SaveEvent[M]) Changes() []Change {
	if e.row == nil {
		return nil
	}
	return e.row.changes(e.frame)
}

// UpdateFields returns the Go names of the fields that the write names, without automatic times, in the order of the
// model; nil means all. Where several embedded structs have a field of one name it is the path, "Author.Name". What receivers change beside them is in Changes.
func (e SaveEvent[M]) UpdateFields() []string {
	if e.row == nil {
		return nil
	}
	if e.Created {
		return e.row.w.inserts
	}
	return e.row.w.named()
}

// Restored reports whether the write makes a soft-deleted row live again.
func (e SaveEvent[M]) Restored() bool { return e.row != nil && e.row.restored(e.frame) }

func newSaveEvent[M any](r *row, f *frame, need Need) SaveEvent[M] {
	return SaveEvent[M]{Instance: instance[M](r), Created: r.created, row: r, frame: f, need: need}
}

func newDeleteEvent[M any](r *row, f *frame, _ Need) DeleteEvent[M] {
	return DeleteEvent[M]{Instance: instance[M](r), Soft: r.w.soft, Cascade: r.w.cascade, row: r, frame: f}
}

func newLoadEvent[M any](r *row, f *frame, _ Need) LoadEvent[M] {
	return LoadEvent[M]{Instance: instance[M](r), row: r, frame: f}
}

// instance returns a row's instance as M. Plans only pair a row with receivers that its type satisfies.
func instance[M any](r *row) M {
	m, _ := r.instance.(M)
	return m
}

// saveRow, deleteRow and loadRow make the rows of events that are sent by hand.
func saveRow[M any](e SaveEvent[M], r *row) { r.instance, r.created = e.Instance, e.Created }

func deleteRow[M any](e DeleteEvent[M], r *row) {
	r.instance, r.w.soft, r.w.cascade = e.Instance, e.Soft, e.Cascade
}
func loadRow[M any](e LoadEvent[M], r *row) { r.instance = e.Instance }

// modelOf returns the struct type that an instance points to, nil when there is none.
func modelOf(instance any) reflect.Type {
	v := reflect.ValueOf(instance)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	return v.Elem().Type()
}
