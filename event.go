package signals

import (
	"context"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
)

// Event is the interface of all events of models. Use it in functions that serve several models or signals.
type Event interface {
	DB() *gorm.DB           // a session in the transaction of the write
	Key() any               // the primary key of the row
	Schema() *schema.Schema // GORM's description of the model
	Raw() bool              // whether the write is fixture loading
}

// SaveEvent is the event of PreSave and PostSave.
//
// For Create and Save, Instance is the caller's own struct, so the caller sees what a pre_save receiver changes. For every other form of update,
// Instance is a copy of the stored row with the assignments applied.
type SaveEvent[M any] struct {
	Instance M    // the row as the write will store it (pre_save) or has stored it (post_save)
	Created  bool // true if the write inserts the row

	answers answers
}

// DeleteEvent is the event of PreDelete and PostDelete.
type DeleteEvent[M any] struct {
	Instance M    // the stored row; after Needs(Keys) only its primary key is certain
	Soft     bool // true if the row stays in the table, marked as deleted
	Cascade  bool // true if the database deletes the row because its parent is deleted (OnDelete:CASCADE)

	answers answers
}

// LoadEvent is the event of PostLoad.
type LoadEvent[M any] struct {
	Instance M // the caller's struct, which the query has filled

	answers answers
}

// Change is one changed column of a row.
type Change struct {
	Field    string // Go name, "Price"; the path "Author.Name" if several fields have the name
	Column   string // name in the table, "price"
	Old, New any    // values as the fields hold them; Old is nil for a created row, and if Original was not loaded
}

// DB returns a session in the transaction of the write. It has the settings of the caller's session, without its conditions.
//
// A receiver must write through this session. Any other session uses another connection, and may wait for the write, which waits for the receiver.
// After the transaction has ended, DB returns a session outside it.
func (e SaveEvent[M]) DB() *gorm.DB { return e.answers.session() }

// DB returns a session in the write's transaction, as [SaveEvent.DB] does.
func (e DeleteEvent[M]) DB() *gorm.DB { return e.answers.session() }

// DB returns a session in the query's transaction, as [SaveEvent.DB] does.
func (e LoadEvent[M]) DB() *gorm.DB { return e.answers.session() }

// Key returns the primary key of the row: the value of its field, a []any for a composite key, nil if the model has no primary key. In pre_save it is
// zero if the database makes the key.
func (e SaveEvent[M]) Key() any { return e.answers.key() }

// Key returns the primary key of the row, as [SaveEvent.Key] does.
func (e DeleteEvent[M]) Key() any { return e.answers.key() }

// Key returns the primary key of the row, as [SaveEvent.Key] does.
func (e LoadEvent[M]) Key() any { return e.answers.key() }

// Err returns why the write has failed to receivers connected with [AfterFailure], and nil to all others.
func (e SaveEvent[M]) Err() error { return e.answers.err() }

// Err returns why the write has failed, as [SaveEvent.Err] does.
func (e DeleteEvent[M]) Err() error { return e.answers.err() }

// Raw reports whether the write loads fixtures: its context comes from the function [Raw].
func (e SaveEvent[M]) Raw() bool { return e.answers.isRaw() }

// Raw reports whether the delete is part of loading fixtures, as [SaveEvent.Raw] does.
func (e DeleteEvent[M]) Raw() bool { return e.answers.isRaw() }

// Raw reports whether the query is part of loading fixtures, as [SaveEvent.Raw] does.
func (e LoadEvent[M]) Raw() bool { return e.answers.isRaw() }

// Schema returns GORM's description of the model, nil in an event that was never sent.
func (e LoadEvent[M]) Schema() *schema.Schema { return e.answers.schema() }

// Schema returns GORM's description of the model, nil in an event that was never sent.
func (e SaveEvent[M]) Schema() *schema.Schema { return e.answers.schema() }

// Schema returns GORM's description of the model, nil in an event that was never sent.
func (e DeleteEvent[M]) Schema() *schema.Schema { return e.answers.schema() }

// Table returns the table that the write names: the model's table, or another one given to db.Table. A schema in that name is part of it. It is "" in
// an event that was never sent.
func (e SaveEvent[M]) Table() string { return e.answers.table() }

// Table returns the table that the delete names, as [SaveEvent.Table] does.
func (e DeleteEvent[M]) Table() string { return e.answers.table() }

// Original returns the row as it was stored before the write; do not change it. For a created row it returns nil and no error, so look at Created
// before you use the row. A receiver connected with Needs(Keys) or Needs(Row) gets [ErrNotLoaded].
func (e SaveEvent[M]) Original() (M, error) {
	original, err := e.answers.original(e.Created)
	m, _ := original.(M)
	return m, err
}

// Changed reports whether the write changes one of the named fields. Without names, it reports whether the write changes any field other than
// automatic update times.
//
// A name is a Go field name, a column name, or a path into an embedded struct ("Author.Name"). A Go name that several embedded structs have means all
// these fields. An unknown name panics, which fails the receiver.
//
// A created row is changed. In pre_save, a field set by an expression counts as changed. If Original was not loaded, a field that the write names
// counts as changed.
func (e SaveEvent[M]) Changed(fields ...string) bool {
	return e.answers.changed(e.Created, fields)
}

// Changes lists the columns that the write changes, in the order of the model's fields and without automatic update times. For a created row it lists
// every column that is not zero.
func (e SaveEvent[M]) Changes() []Change {
	return e.answers.changes(e.Created)
}

// UpdateFields returns the Go names of the fields that the write names, in the order of the model and without automatic times; nil means all. If
// several embedded structs have a field of one name, it is the path, "Author.Name". Changes also lists what receivers have changed.
func (e SaveEvent[M]) UpdateFields() []string {
	return e.answers.updateFields(e.Created)
}

// Restored reports whether the write restores a soft-deleted row. A receiver connected with Needs(Keys) or Needs(Row) gets false; Kind of a [ChangeEvent]
// tells every receiver.
func (e SaveEvent[M]) Restored() bool { return e.answers.restored(e.Created) }

// modelOf returns the struct type that instance points to, or nil.
func modelOf(instance any) reflect.Type {
	v := reflect.ValueOf(instance)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	return v.Elem().Type()
}

// changesOf lists the columns of a row that the write changes.
func changesOf(ctx context.Context, r *change.Row) []Change {
	var changes []Change
	r.Changes(ctx, func(name, column string, old, value any) {
		changes = append(changes, Change{Field: name, Column: column, Old: old, New: value})
	})
	return changes
}
