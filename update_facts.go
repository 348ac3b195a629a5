package signals

// updateFacts are those of an update that names fields. a keeps what the statement assigns.
func (w *update) updateFacts(a *assigns) facts {
	s := w.statementFacts()
	s.strategy, s.computed, s.assigns = namedFields{}, w.computed, a
	*a = assigns{set: w.set}
	a.byHand, _ = w.stmt.Dest.(map[string]any)
	return s
}

// announceUpdate makes the facts of rows that an update is about to write. GORM builds the statement after the first batch was
// announced, and may assign something else then.
func (w *update) announceUpdate() {
	switch u := w; {
	case !w.told[1].made():
		w.facts = &w.told[0]
		*w.facts = w.updateFacts(&u.assigns[0])
	case u.further == nil:
		u.further = &facts{}
		*u.further = w.told[1]
		u.further.computed, u.further.stored = w.computed, false
		fallthrough
	default:
		w.facts = u.further
	}
}

// tellUpdate gives the rows the facts of the post signal. A further batch of an update has the same ones.
func (w *update) tellUpdate() {
	w.turn()
	if !w.told[1].made() {
		w.told[1] = w.updateFacts(&w.assigns[1])
		w.told[1].computed, w.told[1].stored = nil, true
	}
}
