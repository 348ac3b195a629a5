package signals

import (
	"context"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
)

// OnCreate narrows a receiver of PreSave, PostSave or PostChange to rows that are inserted. Updates that cannot insert, and deletes, then
// read nothing for it.
func OnCreate() ConnectOption {
	return optionFunc(func(o *connectOptions) { o.only.created = true })
}

// OnUpdate narrows a receiver of PreSave, PostSave or PostChange to rows that are updated. To PostChange a restored row is one of them,
// and so is a row that an update marks as deleted.
func OnUpdate() ConnectOption {
	return optionFunc(func(o *connectOptions) { o.only.updated = true })
}

// Becomes narrows a receiver of PreSave, PostSave or PostChange to events in which a field changes to a value: an update of a row that held another value, or a created
// row that has the value.
//
//	parcels.PostSave.Connect(ship, signals.Becomes("Status", "paid"), signals.AfterCommit())
//
// The field is named as in Fields. Connect converts the value to the field's type and refuses one that the field cannot hold; nil is NULL. Given
// several times, one of them is enough. It implies Needs(Original). In pre_save the result of an expression is not known yet.
// A receiver connected through Implementing hears nothing of models that lack the field or cannot hold the value.
func Becomes(field string, value any) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		o.only.becomes = append(o.only.becomes, &change.Becoming{Field: field, Value: value})
	})
}

// Once lets a receiver run for the first event only that its other options let through, and then disconnects it. However many goroutines
// send at once, it is called once, and an error that it returns changes nothing about that. A receiver of ConnectBatch gets its first batch.
//
// With AfterCommit that is the first event whose transaction commits.
func Once() ConnectOption { return optionFunc(func(o *connectOptions) { o.once = true }) }

// First lets a receiver run before all that are not first, whatever their priorities are. Among several, Priority and then the order of
// connection decide.
func First() ConnectOption { return atLevel(1) }

// Last lets a receiver run after all that are not last, whatever their priorities are. Among several, Priority and then the order of
// connection decide.
func Last() ConnectOption { return atLevel(-1) }

func atLevel(level int8) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		if o.level == -level {
			o.refuse("a receiver is first or last, not both: leave First or Last out")
		}
		o.level = level
	})
}

// only is what narrows a receiver to some rows of a save.
type only struct {
	created, updated bool
	becomes          []*change.Becoming
}

// given returns the name of an option that was given, "" for none.
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

// narrows returns what sends know of it, nil if the receiver wants all rows.
func (n *only) narrows() *dispatch.Only {
	if n.given() == "" {
		return nil
	}
	return &dispatch.Only{Created: n.created, Updated: n.updated, Becomes: n.becomes}
}

// checkOnly refuses what no row can be, and values that a field cannot hold.
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

// needsOfSaves returns what a save receiver needs: what it says, or what its options need.
func needsOfSaves(k dispatch.Kind, o *connectOptions) Need {
	switch {
	case len(o.fields) > 0 || (len(o.only.becomes) > 0 && !o.only.created):
		return Original
	case o.only.created && o.needs == 0: // a created row has no original
		return Row
	case o.needs == 0:
		return Original
	case o.only.given() != "" && k == dispatch.PreSave: // less does not tell beforehand whether Save will insert
		return max(o.needs, Row)
	}
	return o.needs
}
