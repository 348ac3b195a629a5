package writes

import "github.com/gorm-signals/signals/internal/change"

// updateFacts returns the facts of an update that names fields. a keeps its assignments.
func (w *update) updateFacts(a *change.Assigns) change.Facts {
	s := w.statementFacts()
	s.Strategy, s.Computed, s.Assigns, s.Live = change.NamedFields{}, w.computed, a, w.findsLive()
	*a = change.Assigns{Set: w.set}
	a.ByHand, _ = w.stmt.Dest.(map[string]any)
	return s
}

// announceUpdate makes the facts of rows that an update is about to write. GORM builds the statement after the first batch was announced, and its
// assignments may have changed by then.
func (w *update) announceUpdate() {
	switch {
	case !w.told[1].Made():
		w.facts = &w.told[0]
		*w.facts = w.updateFacts(&w.assigns[0])
	case w.further == nil:
		w.further = &change.Facts{}
		*w.further = w.told[1]
		w.further.Computed, w.further.Stored = w.computed, false
		fallthrough
	default:
		w.facts = w.further
	}
}

// tellUpdate gives the rows the facts of the post signal, which all batches of an update share.
func (w *update) tellUpdate() {
	w.turn()
	if !w.told[1].Made() {
		w.told[1] = w.updateFacts(&w.assigns[1])
		w.told[1].Computed, w.told[1].Stored = nil, true
	}
}
