package signals

import (
	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// answers is what events of all models and signals have in common: what they answer from, and the answers. It is compiled once, and not for
// every model.
type answers struct {
	row   *row // nil in an event that was never sent
	frame *frame
	need  Need // of the receiver
}

func (a answers) session() *gorm.DB { return a.frame.session() }

func (a answers) isRaw() bool { return a.frame != nil && a.frame.raw }

func (a answers) schema() *schema.Schema {
	if a.row == nil {
		return nil
	}
	return a.row.facts.model.Schema
}

func (a answers) table() string {
	if a.row == nil {
		return ""
	}
	return a.row.facts.table
}

func (a answers) original(created bool) (any, error) {
	switch {
	case created:
		return nil, nil //nolint:nilnil // a created row has no original
	case a.row == nil || a.need < Original || a.row.original == nil:
		return nil, ErrNotLoaded
	}
	return a.row.original, nil
}

func (a answers) changed(created bool, fields []string) bool {
	if a.row != nil {
		a.row.mustKnow(fields)
	}
	return created || a.row == nil || a.row.changed(a.frame, fields)
}

func (a answers) changes() []Change {
	if a.row == nil {
		return nil
	}
	return changesOf(a.frame, a.row)
}

func (a answers) updateFields(created bool) []string {
	switch {
	case a.row == nil:
		return nil
	case created:
		return a.row.facts.inserts
	}
	return a.row.facts.named()
}

func (a answers) restored() bool { return a.row != nil && a.row.restored(a.frame) }
