package txn

import "slices"

// Executed follows SQL text that the transaction has executed. Only statements about transactions and savepoints matter.
func (q *Queue[A]) Executed(text string) {
	q.Dialect.steps(text, func(s step) {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.did(s)
	})
}

// Failed follows SQL text that was sent and has failed, if nobody knows whether the database executed it.
func (q *Queue[A]) Failed(text string) {
	q.Dialect.steps(text, func(s step) {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.mayHaveDone(s)
	})
}

// Lost notes that the database has rolled the transaction back by itself and stores later statements at once.
func (q *Queue[A]) Lost() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.did(step{verb: rollback})
}

// Doubt notes that the database may have rolled the transaction back by itself.
func (q *Queue[A]) Doubt() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mayHaveDone(step{verb: rollback})
}

func (q *Queue[A]) did(s step) {
	switch s.verb {
	case set:
		q.mark(s.name)
	case release:
		q.release(s.name)
	case rollbackTo:
		q.rollbackTo(s.name)
	case rollback:
		q.cutFrom(0)
		q.leave(s.chain)
	case commit:
		q.settle()
		q.leave(s.chain)
	case begin:
		if q.Dialect == MySQL { // MySQL first commits the open transaction
			q.settle()
			q.setMarks(nil)
		}
		if q.Dialect == MySQL || q.standing == outside {
			q.standing = inside
		}
	case unclear:
		q.doubtFrom(0)
	case none:
	}
}

func (q *Queue[A]) mayHaveDone(s step) {
	switch s.verb {
	case set:
		q.setMarks(append(q.marks(), mark{name: s.name, items: len(q.items()), maybe: true}))
	case release:
		marks := q.marks()
		for i := max(q.find(s.name, len(marks)), 0); i < len(marks); i++ {
			marks[i].maybe = true
		}
	case rollbackTo:
		marks := q.marks()
		from, i := 0, q.find(s.name, len(marks))
		if i >= 0 {
			from = q.oldest(i)
		}
		q.doubtFrom(from)
		for j := i + 1; j < len(marks); j++ {
			marks[j].maybe = true
		}
	case rollback:
		q.doubtFrom(0)
		q.mayLeave()
	case commit, begin:
		if s.verb == commit || q.Dialect == MySQL {
			q.change(0, map[fate]fate{waits: loose, doubtful: lost})
			q.mayLeave()
		}
	case unclear:
		q.doubtFrom(0)
	case none:
	}
}

// mark sets a savepoint.
func (q *Queue[A]) mark(name string) {
	m := mark{name: name, items: len(q.items())}
	switch {
	case q.standing == outside && q.Dialect == SQLite: // the savepoint begins a transaction
		q.standing, m.opens = inside, true
	case q.standing == outside:
		return
	case q.Dialect == MySQL: // MySQL deletes an older savepoint of the same name
		q.setMarks(slices.DeleteFunc(q.marks(), func(m mark) bool { return m.name == name }))
	}
	q.setMarks(append(q.marks(), m))
}

func (q *Queue[A]) release(name string) {
	marks := q.marks()
	i := q.find(name, len(marks))
	if i < 0 {
		return
	}
	opened := marks[i].opens
	q.setMarks(marks[:i])
	if opened {
		q.settle()
		q.leave(false)
	}
}

// rollbackTo removes the actions that were added since a savepoint. If the savepoint may not exist, or if the queue does not know it, the number of
// these actions is in doubt.
func (q *Queue[A]) rollbackTo(name string) {
	marks := q.marks()
	i := q.find(name, len(marks))
	if i < 0 {
		q.doubtFrom(0)
		for j := range marks {
			marks[j].maybe = true
		}
		return
	}
	q.cutFrom(marks[i].items)
	q.doubtFrom(q.oldest(i))
	q.setMarks(marks[:i+1])
}

// find returns the index of the innermost savepoint with a name among the first marks, -1 if there is none.
func (q *Queue[A]) find(name string, below int) int {
	for i, m := range slices.Backward(q.marks()[:below]) {
		if m.name == name {
			return i
		}
	}
	return -1
}

// oldest returns the number of actions before the oldest savepoint that the database may take for savepoint i.
func (q *Queue[A]) oldest(i int) int {
	marks := q.marks()
	for marks[i].maybe {
		older := q.find(marks[i].name, i)
		if older < 0 {
			break
		}
		i = older
	}
	return marks[i].items
}

// leave notes that the transaction is over. With chain, the next one has begun.
func (q *Queue[A]) leave(chain bool) {
	q.setMarks(nil)
	q.standing = outside
	if chain {
		q.standing = inside
	}
}

func (q *Queue[A]) mayLeave() {
	if q.standing == inside {
		q.standing = maybe
	}
	marks := q.marks()
	for i := range marks {
		marks[i].maybe = true
	}
}

// settle notes that the database has stored the rows of waiting actions.
func (q *Queue[A]) settle() { q.change(0, map[fate]fate{waits: stored, doubtful: lost, loose: stored}) }

// doubtFrom notes that the actions after the first n may be rolled back.
func (q *Queue[A]) doubtFrom(n int) { q.change(n, map[fate]fate{waits: doubtful, loose: lost}) }

func (q *Queue[A]) change(n int, to map[fate]fate) {
	items := q.items()
	for i := min(n, len(items)); i < len(items); i++ {
		if f, ok := to[items[i].fate]; ok {
			items[i].fate = f
		}
	}
}

// cutFrom removes the actions after the first n, except those that can no longer be rolled back.
func (q *Queue[A]) cutFrom(n int) {
	items, turned := q.items(), q.before()
	kept, before := min(n, len(items)), turned
	for i := kept; i < len(items); i++ {
		it := items[i]
		switch {
		case n == 0 && it.fate == loose: // it may have been stored before, and then this rollback has not reached it
			it.fate = lost
			fallthrough
		case it.fate.final():
			items[kept] = it
			kept++
			continue
		}
		it.Cut = true
		q.rest().cut = append(q.rest().cut, it)
		if i < turned {
			before--
		}
	}
	clear(items[kept:])
	q.keep(items[:kept])
	q.setBefore(before)
}
