package signals

import (
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// M2MAction says what is about to happen, or has happened, to the links of a many2many relation.
type M2MAction int

// The actions come in pairs: one before the links change, one after.
const (
	PreAdd M2MAction = iota + 1
	PostAdd
	PreRemove
	PostRemove
	PreClear
	PostClear
)

// String returns "pre_add", "post_add", "pre_remove", "post_remove", "pre_clear" or "post_clear".
func (a M2MAction) String() string {
	if a < PreAdd || a > PostClear {
		return "no action"
	}
	return [...]string{"pre_add", "post_add", "pre_remove", "post_remove", "pre_clear", "post_clear"}[a-PreAdd]
}

// Pre reports whether the action is one before the change.
func (a M2MAction) Pre() bool { return a == PreAdd || a == PreRemove || a == PreClear }

// M2MEvent is what M2MChanged sends: links between one row and rows of another table appear or go.
type M2MEvent[M any] struct {
	Instance M         // the row whose relation changes, as it is stored
	Relation string    // the relation's field, "Tags"
	Action   M2MAction // PreAdd, PostAdd, PreRemove, PostRemove, PreClear, PostClear
	Reverse  bool      // the links were changed from the other side
	PKs      []any     // primary keys of the other side whose links appear or go; a []any per key when it is composite

	answers answers
}

// DB returns a clean session in the write's transaction.
func (e M2MEvent[M]) DB() *gorm.DB { return e.answers.session() }

// Key returns the primary key of the owner, as [SaveEvent.Key] does.
func (e M2MEvent[M]) Key() any { return e.answers.key() }

// Err returns why the links were not changed, as [SaveEvent.Err] does. Action is then that of the event after the change.
func (e M2MEvent[M]) Err() error { return e.answers.err() }

// Raw reports whether the write is fixture loading, marked with Raw on its context.
func (e M2MEvent[M]) Raw() bool { return e.answers.isRaw() }

// Schema returns GORM's description of the model of Instance, nil in an event that was never sent.
func (e M2MEvent[M]) Schema() *schema.Schema { return e.answers.schema() }
