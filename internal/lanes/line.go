package lanes

// Key names a row. Calls with the same key run in order.
type Key struct {
	Of    any    // the database, or the custom signal
	Table string // table of the row
	Row   string // key of the row as text
}

// line is the order of the calls of one row. Only the first may start.
type line struct {
	key         Key
	first, last *place
}

// place is the place of a job in a line, or a place that a Hold reserves.
type place struct {
	job        *job // nil if a Hold reserves the place
	line       *line
	prev, next *place
}

// before puts p into the line before next, or at the end if next is nil.
func (n *line) before(p, next *place) {
	p.line, p.next, p.prev = n, next, n.last
	if next != nil {
		p.prev = next.prev
		next.prev = p
	} else {
		n.last = p
	}
	if p.prev != nil {
		p.prev.next = p
	} else {
		n.first = p
	}
}

// remove takes a place out of its line. If this makes another job the first one, remove returns that job.
func (p *place) remove() *job {
	n, first := p.line, p.prev == nil
	if first {
		n.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		n.last = p.prev
	}
	if first && n.first != nil {
		return n.first.job
	}
	return nil
}

// Hold reserves places for calls that come later. Calls behind these places wait until Release.
type Hold struct {
	lane   *Lane
	places map[Key]*place
}

// Hold reserves a place in the lines of some rows.
func (l *Lane) Hold(keys []Key) *Hold {
	h := &Hold{lane: l, places: make(map[Key]*place, len(keys))}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		if h.places[k] == nil {
			p := &place{}
			l.line(k).before(p, nil)
			h.places[k] = p
		}
	}
	return h
}

// Release gives the places up.
func (h *Hold) Release() {
	l := h.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range h.places {
		l.leave(p)
	}
	h.places = nil
}

// of returns the place that is reserved in a line, nil if there is none.
func (h *Hold) of(k Key) *place {
	if h == nil {
		return nil
	}
	return h.places[k]
}

// line returns the line of a row.
func (l *Lane) line(k Key) *line {
	n := l.lines[k]
	if n == nil {
		n = &line{key: k}
		l.lines[k] = n
	}
	return n
}

// leave takes a place out of its line. The next job may then start.
func (l *Lane) leave(p *place) {
	next := p.remove()
	if p.line.first == nil {
		delete(l.lines, p.line.key)
	}
	if next == nil {
		return
	}
	if next.ahead--; next.ahead == 0 {
		l.start(next)
	}
}
