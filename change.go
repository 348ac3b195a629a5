package signals

import (
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
)

// ChangeKind says what a write did to a row.
type ChangeKind int

// The kinds of changes.
const (
	Created     ChangeKind = iota + 1 // the row was inserted
	Updated                           // the row was updated
	SoftDeleted                       // a delete, or an update, has marked the row as deleted; it stays in the table
	Deleted                           // the row was removed from the table
	Restored                          // an update has restored a soft-deleted row
)

// String returns "created", "updated", "soft_deleted", "deleted" or "restored".
func (k ChangeKind) String() string {
	if k < Created || k > Restored {
		return "no kind"
	}
	return [...]string{"created", "updated", "soft_deleted", "deleted", "restored"}[k-Created]
}

// kindOf returns the public kind for the result of a write.
func kindOf(r change.Result) ChangeKind {
	return [...]ChangeKind{change.Updated: Updated, change.Created: Created, change.SoftDeleted: SoftDeleted, change.Deleted: Deleted, change.Restored: Restored}[r]
}

// result returns the result of a write for a kind, and whether that is a soft delete.
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

// ChangeEvent is the event of PostChange.
//
// Kind is right whatever the receivers of the model need: if an update may restore a row or mark it as deleted, and its condition does not tell what
// the row was, the plugin reads the row for it.
type ChangeEvent[M any] struct {
	Instance M // the row as written; for a delete, also a soft delete by Delete, as it was stored before
	Kind     ChangeKind

	answers answers
}

// DB returns a session in the write's transaction, as [SaveEvent.DB] does.
func (e ChangeEvent[M]) DB() *gorm.DB { return e.answers.session() }

// Err returns why the write has failed, as [SaveEvent.Err] does.
func (e ChangeEvent[M]) Err() error { return e.answers.err() }

// Key returns the primary key of the row, as [SaveEvent.Key] does.
func (e ChangeEvent[M]) Key() any { return e.answers.key() }

// Raw reports whether the write is part of loading fixtures, as [SaveEvent.Raw] does.
func (e ChangeEvent[M]) Raw() bool { return e.answers.isRaw() }

// Schema returns GORM's description of the model, nil in an event that was never sent.
func (e ChangeEvent[M]) Schema() *schema.Schema { return e.answers.schema() }

// Table returns the table that the write names, as [SaveEvent.Table] does.
func (e ChangeEvent[M]) Table() string { return e.answers.table() }

// Cascade reports whether the database deletes the row because its parent is deleted (OnDelete:CASCADE).
func (e ChangeEvent[M]) Cascade() bool { return e.answers.cascades() }

// Original returns the row as it was stored before the write, as [SaveEvent.Original] does. For a deleted row it returns Instance.
func (e ChangeEvent[M]) Original() (M, error) {
	original, err := e.answers.original(e.Kind == Created)
	m, _ := original.(M)
	return m, err
}

// Changed reports whether the write changes one of the named fields, as [SaveEvent.Changed] does. It is true for every field unless Kind is Updated: a
// row that a query finds only before or only after the write is changed as a whole.
func (e ChangeEvent[M]) Changed(fields ...string) bool {
	return e.answers.changed(e.Kind != Updated, fields)
}

// Changes lists the columns that the write changes, as [SaveEvent.Changes] does. For a call of Delete it lists every column that is not zero, with the
// stored value as Old and nil as New.
func (e ChangeEvent[M]) Changes() []Change { return e.answers.changes(e.Kind == Created) }

// UpdateFields returns the Go names of the fields that the write names, as [SaveEvent.UpdateFields] does. It is nil for a delete.
func (e ChangeEvent[M]) UpdateFields() []string { return e.answers.updateFields(e.Kind == Created) }
