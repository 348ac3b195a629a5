package signals

import (
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

// answers holds the data and the methods that all events share. It is compiled once, and not for every model. Events have it as a field, because
// embedding would give each event type wrappers of all methods. The methods are not inlined, because each model of a program would have copies of
// them.
type answers struct {
	row   *change.Row   // nil in an event that was never sent
	facts *change.Facts // of the signal that was sent; the write may give the row other facts later
	frame *dispatch.Frame
	need  dispatch.Need // of the receiver
}

// answersOf returns the data of an event about row r that is sent now.
func answersOf(r *change.Row, f *dispatch.Frame, least dispatch.Need) answers {
	return answers{r, r.Facts, f, least}
}

// asSent returns the row with the facts of the signal that was sent. If a receiver of pre_save keeps its event and asks it after the write, the row
// itself has other facts.
func (a answers) asSent(created bool) *change.Row {
	if a.row.Facts == a.facts {
		return a.row
	}
	sent := *a.row
	sent.Facts, sent.Created, sent.Now = a.facts, created, nil
	return &sent
}

//go:noinline
func (a answers) session() *gorm.DB { return a.frame.Session() }

//go:noinline
func (a answers) err() error {
	return a.frame.Failure()
}

//go:noinline
func (a answers) isRaw() bool { return a.frame != nil && a.frame.Raw }

//go:noinline
func (a answers) key() any {
	if a.row == nil || modelOf(a.row.Instance) == nil {
		return nil
	}
	switch key, _ := a.facts.Model.KeyOf(a.frame, a.row.Value()); len(key) {
	case 0:
		return nil
	case 1:
		return key[0]
	default:
		return key
	}
}

//go:noinline
func (a answers) schema() *schema.Schema {
	if a.row == nil {
		return nil
	}
	return a.facts.Model.Schema
}

//go:noinline
func (a answers) table() string {
	if a.row == nil {
		return ""
	}
	return a.facts.Table
}

//go:noinline
func (a answers) original(created bool) (any, error) {
	switch {
	case created:
		return nil, nil //nolint:nilnil // a created row has no original
	case a.deletes() && a.need >= dispatch.Original:
		return a.row.Instance, nil
	case a.row == nil || a.need < dispatch.Original || a.row.Original == nil:
		return nil, fault.ErrNotLoaded
	}
	return a.row.Original, nil
}

//go:noinline
func (a answers) changed(created bool, fields []string) bool {
	if a.row != nil {
		a.row.MustKnow(fields)
	}
	return created || a.row == nil || a.deletes() || a.asSent(created).Changed(a.frame, fields)
}

// deletes reports whether the event is about a deleted row.
func (a answers) deletes() bool { return a.row != nil && a.facts.Result == change.Deleted }

//go:noinline
func (a answers) cascades() bool { return a.row != nil && a.facts.Cascade }

//go:noinline
func (a answers) changes(created bool) []Change {
	if a.row == nil {
		return nil
	}
	return changesOf(a.frame, a.asSent(created))
}

//go:noinline
func (a answers) updateFields(created bool) []string {
	switch {
	case a.row == nil:
		return nil
	case created:
		return a.facts.Inserts
	}
	return a.facts.Named()
}

//go:noinline
func (a answers) restored(created bool) bool {
	return a.row != nil && a.need >= dispatch.Original && a.asSent(created).Restored(a.frame)
}
