package signals

import (
	"context"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
)

// OnCreate narrows a receiver of PreSave, PostSave or PostChange to inserted rows. Updates that cannot insert, and deletes, read nothing for it.
func OnCreate() ConnectOption {
	return optionFunc(func(o *connectOptions) { o.only.created = true })
}

// OnUpdate narrows a receiver of PreSave, PostSave or PostChange to updated rows. For PostChange this includes rows that an update restores or marks
// as deleted.
func OnUpdate() ConnectOption {
	return optionFunc(func(o *connectOptions) { o.only.updated = true })
}

// Becomes narrows a receiver of PreSave, PostSave or PostChange to rows in which a field changes to a value: an updated row that held another value,
// or a created row with the value.
//
//	parcels.PostSave.Connect(ship, signals.Becomes("Status", "paid"), signals.AfterCommit())
//
// The field has a name as in Fields. Connect converts the value to the field's type, and panics if the field cannot hold it; nil is NULL. If the
// option is given several times, one match is enough. Without OnCreate it implies Needs(Original).
//
// A restored row matches only if the write changes the field too, and a delete or a soft delete by Delete never matches. To follow a value, as an index
// does, use Fields with PostChange.
//
// In pre_save, a field set by an expression never matches: its result is not known yet. A receiver connected through Implementing gets nothing of
// models that lack the field or cannot hold the value.
func Becomes(field string, value any) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		o.only.becomes = append(o.only.becomes, &change.Becoming{Field: field, Value: value})
	})
}

// Once calls a receiver only for the first event that its other options let through, and then disconnects it. This is one call even if many
// goroutines send at the same time, and also if it returns an error. A receiver of ConnectBatch gets its first batch. With AfterCommit, the first
// event is one whose transaction commits.
func Once() ConnectOption { return optionFunc(func(o *connectOptions) { o.once = true }) }

// First runs a receiver before all receivers without First, whatever their priorities are. Several such receivers run by Priority, then in the order
// of connection.
func First() ConnectOption { return atLevel(1) }

// Last runs a receiver after all receivers without Last, whatever their priorities are. Several such receivers run by Priority, then in the order of
// connection.
func Last() ConnectOption { return atLevel(-1) }

func atLevel(level int8) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		if o.level == -level {
			o.refuse("a receiver is first or last, not both: leave First or Last out")
		}
		o.level = level
	})
}

// only holds the options that narrow a receiver to some of the saved rows.
type only struct {
	created, updated bool
	becomes          []*change.Becoming
}

// given returns the name of one of the options that were given, "" for none.
func (n *only) given() string {
	switch {
	case n.created:
		return "OnCreate"
	case n.updated:
		return "OnUpdate"
	case len(n.becomes) > 0:
		return "Becomes"
	}
	return ""
}

// narrows returns the options in the form of the engine, nil if the receiver wants all rows.
func (n *only) narrows() *dispatch.Only {
	if n.given() == "" {
		return nil
	}
	return &dispatch.Only{Created: n.created, Updated: n.updated, Becomes: n.becomes}
}

// checkOnly refuses OnCreate and OnUpdate together, Fields that have no effect, and values that a field cannot hold.
func (c *channel) checkOnly(o *connectOptions) {
	switch {
	case o.only.created && o.only.updated:
		o.refuse("OnCreate and OnUpdate together are every save: leave both out")
	case o.only.created && len(o.fields) > 0:
		o.refuse("Fields has no meaning with OnCreate, because a created row always counts: leave Fields out, or use Becomes")
	}
	if c.Scope.Schema == nil {
		return
	}
	for _, b := range o.only.becomes {
		if problem := b.Check(context.Background(), c.Scope.Name, c.reg.Rows.Of(c.Scope.Schema)); problem != "" {
			o.refuse(problem)
		}
	}
}

// needsOfSaves returns the need of a receiver of saves: the one that it declares, or more if its options take more.
func needsOfSaves(k dispatch.Kind, o *connectOptions) Need {
	switch {
	case len(o.fields) > 0 || (len(o.only.becomes) > 0 && !o.only.created):
		return Original
	case o.only.created && o.needs == 0: // a created row has no original
		return Row
	case o.needs == 0:
		return Original
	case o.only.given() != "" && k == dispatch.PreSave: // with less, pre_save cannot tell whether Save will insert
		return max(o.needs, Row)
	}
	return o.needs
}
