package signals

import (
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/fault"
)

// answers is what events of all models and signals have in common: what they answer from, and the answers. It is compiled once, and not for
// every model. Its methods are not inlined, because each model of a program would have copies of them; and it is a field of events and not embedded,
// because each event type would have wrappers of all methods.
type answers struct {
	row   *change.Row // nil in an event that was never sent
	frame *frame
	need  Need // of the receiver
}

//go:noinline
func (a answers) session() *gorm.DB { return a.frame.session() }

//go:noinline
func (a answers) isRaw() bool { return a.frame != nil && a.frame.raw }

//go:noinline
func (a answers) schema() *schema.Schema {
	if a.row == nil {
		return nil
	}
	return a.row.Facts.Model.Schema
}

//go:noinline
func (a answers) table() string {
	if a.row == nil {
		return ""
	}
	return a.row.Facts.Table
}

//go:noinline
func (a answers) original(created bool) (any, error) {
	switch {
	case created:
		return nil, nil //nolint:nilnil // a created row has no original
	case a.row == nil || a.need < Original || a.row.Original == nil:
		return nil, fault.NotLoaded
	}
	return a.row.Original, nil
}

//go:noinline
func (a answers) changed(created bool, fields []string) bool {
	if a.row != nil {
		a.row.MustKnow(fields)
	}
	return created || a.row == nil || a.row.Changed(a.frame, fields)
}

//go:noinline
func (a answers) changes() []Change {
	if a.row == nil {
		return nil
	}
	return changesOf(a.frame, a.row)
}

//go:noinline
func (a answers) updateFields(created bool) []string {
	switch {
	case a.row == nil:
		return nil
	case created:
		return a.row.Facts.Inserts
	}
	return a.row.Facts.Named()
}

//go:noinline
func (a answers) restored() bool { return a.row != nil && a.row.Restored(a.frame) }
