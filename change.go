package signals

import (
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
)

// ChangeKind says what a write has made of a row.
type ChangeKind int

// The kinds of changes.
const (
	Created     ChangeKind = iota + 1 // the row was inserted
	Updated                           // the row was updated
	SoftDeleted                       // the row stays, marked as deleted: by a delete, or by an update that sets the mark
	Deleted                           // the row is gone
	Restored                          // an update has made a soft-deleted row live again
)

// String returns "created", "updated", "soft_deleted", "deleted" or "restored".
func (k ChangeKind) String() string {
	if k < Created || k > Restored {
		return "no kind"
	}
	return [...]string{"created", "updated", "soft_deleted", "deleted", "restored"}[k-Created]
}

// kindOf returns what a write has made of a row as callers know it.
func kindOf(r change.Result) ChangeKind {
	return [...]ChangeKind{change.Updated: Updated, change.Created: Created, change.SoftDeleted: SoftDeleted, change.Deleted: Deleted, change.Restored: Restored}[r]
}

// result returns the kind as writes know it, and whether the row stays although it is deleted.
func (k ChangeKind) result() (r change.Result, soft bool) {
	switch k {
	case SoftDeleted:
		return change.Deleted, true
	case Deleted:
		return change.Deleted, false
	case Restored:
		return change.Restored, false
	default:
		return change.Updated, false
	}
}

// ChangeEvent is what PostChange sends.
type ChangeEvent[M any] struct {
	Instance M // the row as it is written, or as it was stored before it was deleted
	Kind     ChangeKind

	answers answers
}

// DB returns a session in the write's transaction, as [SaveEvent.DB] does.
func (e ChangeEvent[M]) DB() *gorm.DB { return e.answers.session() }

// Err returns why the write has failed, as [SaveEvent.Err] does.
func (e ChangeEvent[M]) Err() error { return e.answers.err() }

// Key returns the primary key of the row, as [SaveEvent.Key] does.
func (e ChangeEvent[M]) Key() any { return e.answers.key() }

// Raw reports whether the write is fixture loading, marked with Raw on its context.
func (e ChangeEvent[M]) Raw() bool { return e.answers.isRaw() }

// Schema returns GORM's description of the model, nil in an event that was never sent.
func (e ChangeEvent[M]) Schema() *schema.Schema { return e.answers.schema() }

// Table returns the table that the write names, as [SaveEvent.Table] does.
func (e ChangeEvent[M]) Table() string { return e.answers.table() }

// Cascade reports whether the row goes because its parent does, by OnDelete:CASCADE.
func (e ChangeEvent[M]) Cascade() bool { return e.answers.cascades() }

// Original returns the stored row as it was before the write: as [SaveEvent.Original] does, and for a deleted row Instance.
func (e ChangeEvent[M]) Original() (M, error) {
	original, err := e.answers.original(e.Kind == Created)
	m, _ := original.(M)
	return m, err
}

// Changed reports whether the write changes any of the named fields, as [SaveEvent.Changed] does. A deleted row is changed.
func (e ChangeEvent[M]) Changed(fields ...string) bool {
	return e.answers.changed(e.Kind == Created, fields)
}

// Changes lists the columns that the write changes, as [SaveEvent.Changes] does. For a row that a delete removes or marks it lists every
// column that is not zero, with what is stored as Old and nil as New.
func (e ChangeEvent[M]) Changes() []Change { return e.answers.changes(e.Kind == Created) }

// UpdateFields returns the Go names of the fields that the write names, as [SaveEvent.UpdateFields] does. It is nil for a delete.
func (e ChangeEvent[M]) UpdateFields() []string { return e.answers.updateFields(e.Kind == Created) }
