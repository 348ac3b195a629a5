package signals

import (
	"context"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
)

// Event is what the events of all models and signals can answer, for functions that serve several of them.
type Event interface {
	DB() *gorm.DB           // a session in the transaction of the write
	Key() any               // the primary key of the row
	Schema() *schema.Schema // GORM's description of the model
	Raw() bool              // whether the write is fixture loading
}

// SaveEvent is what PreSave and PostSave send. Instance is the caller's own struct for Create and Save, so that the
// caller sees what a pre_save receiver changes, and a copy of the stored row with the assignments applied for every other
// form of update.
type SaveEvent[M any] struct {
	Instance M    // the row as it will be (pre_save) or is (post_save) written
	Created  bool // true for an INSERT

	answers answers
}

// DeleteEvent is what PreDelete and PostDelete send.
type DeleteEvent[M any] struct {
	Instance M    // the stored row, whole
	Soft     bool // the row stays, marked as deleted
	Cascade  bool // the row goes because its parent does, by OnDelete:CASCADE

	answers answers
}

// LoadEvent is what PostLoad sends.
type LoadEvent[M any] struct {
	Instance M // after a query filled it

	answers answers
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
func (e SaveEvent[M]) DB() *gorm.DB { return e.answers.session() }

// DB returns a session in the write's transaction, as [SaveEvent.DB] does.
func (e DeleteEvent[M]) DB() *gorm.DB { return e.answers.session() }

// DB returns a session in the query's transaction, as [SaveEvent.DB] does.
func (e LoadEvent[M]) DB() *gorm.DB { return e.answers.session() }

// Key returns the primary key of the row as its field holds it, a []any if the key is composite, and nil if the model has none. It is zero
// in pre_save of a row whose key the database makes.
func (e SaveEvent[M]) Key() any { return e.answers.key() }

// Key returns the primary key of the row, as [SaveEvent.Key] does.
func (e DeleteEvent[M]) Key() any { return e.answers.key() }

// Key returns the primary key of the row, as [SaveEvent.Key] does.
func (e LoadEvent[M]) Key() any { return e.answers.key() }

// Err returns why the write has failed, for a receiver that is connected with AfterFailure. For all others it is nil.
func (e SaveEvent[M]) Err() error { return e.answers.err() }

// Err returns why the write has failed, as [SaveEvent.Err] does.
func (e DeleteEvent[M]) Err() error { return e.answers.err() }

// Raw reports whether the write is fixture loading, marked with Raw on its context.
func (e SaveEvent[M]) Raw() bool { return e.answers.isRaw() }

// Raw reports whether the write is fixture loading, marked with Raw on its context.
func (e DeleteEvent[M]) Raw() bool { return e.answers.isRaw() }

// Raw reports whether the query is part of fixture loading, marked with Raw on its context.
func (e LoadEvent[M]) Raw() bool { return e.answers.isRaw() }

// Schema returns GORM's description of the model, nil in an event that was never sent.
func (e LoadEvent[M]) Schema() *schema.Schema { return e.answers.schema() }

// Schema returns GORM's description of the model, nil in an event that was never sent.
func (e SaveEvent[M]) Schema() *schema.Schema { return e.answers.schema() }

// Schema returns GORM's description of the model, nil in an event that was never sent.
func (e DeleteEvent[M]) Schema() *schema.Schema { return e.answers.schema() }

// Table returns the table that the write names, with its schema where the write names one: the table of the model, or another one that
// db.Table names. It is "" in an event that was never sent.
func (e SaveEvent[M]) Table() string { return e.answers.table() }

// Table returns the table that the delete names, with its schema where the delete names one: the table of the model, or another one
// that db.Table names. It is "" in an event that was never sent.
func (e DeleteEvent[M]) Table() string { return e.answers.table() }

// Original returns the stored row as it was before the write. It is the zero M, without an error, when the row is
// created, and ErrNotLoaded for a receiver that declared with Needs that it works without. It must not be changed.
func (e SaveEvent[M]) Original() (M, error) {
	original, err := e.answers.original(e.Created)
	m, _ := original.(M)
	return m, err
}

// Changed reports whether the write changes any of the named fields, or any at all when none is named: automatic update
// times then do not count. Names are Go field names, paths into embedded structs ("Author.Name") or column names; a Go name that
// several embedded structs have means all these fields. Changed panics for an unknown name, which fails the receiver. A created row is
// changed. A field set by an expression counts as changed in pre_save. Where Original is not loaded, a field that the write names
// counts as changed.
func (e SaveEvent[M]) Changed(fields ...string) bool {
	return e.answers.changed(e.Created, fields)
}

// Changes lists the columns that the write changes, in the order of the model's fields and without automatic update
// times. For a created row it lists every column that is not zero.
func (e SaveEvent[M]) Changes() []Change {
	return e.answers.changes(e.Created)
}

// UpdateFields returns the Go names of the fields that the write names, without automatic times, in the order of the
// model; nil means all. Where several embedded structs have a field of one name it is the path, "Author.Name". What receivers change beside them is in Changes.
func (e SaveEvent[M]) UpdateFields() []string {
	return e.answers.updateFields(e.Created)
}

// Restored reports whether the write makes a soft-deleted row live again.
func (e SaveEvent[M]) Restored() bool { return e.answers.restored(e.Created) }

// modelOf returns the struct type that an instance points to, nil when there is none.
func modelOf(instance any) reflect.Type {
	v := reflect.ValueOf(instance)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	return v.Elem().Type()
}

// changesOf lists the columns that a write changes of a row.
func changesOf(ctx context.Context, r *change.Row) []Change {
	var changes []Change
	r.Changes(ctx, func(name, column string, old, value any) {
		changes = append(changes, Change{Field: name, Column: column, Old: old, New: value})
	})
	return changes
}
