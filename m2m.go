package signals

import (
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// M2MAction says how links of a many2many relation change, and whether the event comes before or after the change.
type M2MAction int

// The actions come in pairs: one before the links change, one after. Clear removes all links of an owner, remove some of them.
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

// Pre reports whether the event comes before the change.
func (a M2MAction) Pre() bool { return a == PreAdd || a == PreRemove || a == PreClear }

// M2MEvent is the event of M2MChanged: a statement adds or removes links between one row, the owner, and rows of another table.
type M2MEvent[M any] struct {
	Instance M         // the owner as it is stored; after Needs(Keys) only its key is certain
	Relation string    // Go name of the relation, "Tags"
	Action   M2MAction // PreAdd, PostAdd, PreRemove, PostRemove, PreClear, PostClear
	Reverse  bool      // true if the program changed the links from the other side of the relation
	PKs      []any     // primary keys of the rows on the other side whose links are added or removed; a composite key is a []any

	answers answers
}

// DB returns a session in the write's transaction, as [SaveEvent.DB] does.
func (e M2MEvent[M]) DB() *gorm.DB { return e.answers.session() }

// Key returns the primary key of the owner, as [SaveEvent.Key] does.
func (e M2MEvent[M]) Key() any { return e.answers.key() }

// Err returns why the links were not changed, as [SaveEvent.Err] does. Action is then the one after the change, such as PostAdd.
func (e M2MEvent[M]) Err() error { return e.answers.err() }

// Raw reports whether the write is part of loading fixtures, as [SaveEvent.Raw] does.
func (e M2MEvent[M]) Raw() bool { return e.answers.isRaw() }

// Schema returns GORM's description of the model of Instance, nil in an event that was never sent.
func (e M2MEvent[M]) Schema() *schema.Schema { return e.answers.schema() }
