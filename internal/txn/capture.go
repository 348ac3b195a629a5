package txn

import "slices"

// Last returns the place of the action that was added last, even if it no longer waits. Places grow with each action.
func (q *Queue[A]) Last() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return int(q.seq)
}

// Since returns the waiting actions that were added after a place, in order.
func (q *Queue[A]) Since(place int) []Item[A] {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.items()[q.after(place):])
}

// Any reports whether f returns true for a waiting action. f must not call methods of the queue.
func (q *Queue[A]) Any(f func(A) bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items() {
		if f(it.Action) {
			return true
		}
	}
	return false
}

// Take removes the waiting actions that were added after a place from the queue, and returns them in order.
func (q *Queue[A]) Take(place int) []Item[A] {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.after(place)
	items, marks := q.items(), q.marks()
	taken := slices.Clone(items[n:])
	clear(items[n:])
	q.keep(items[:n])
	q.setBefore(min(q.before(), n))
	for i := range marks {
		marks[i].items = min(marks[i].items, n)
	}
	return taken
}

// after returns the index of the first action that was added after a place.
func (q *Queue[A]) after(place int) int {
	n, _ := slices.BinarySearchFunc(q.items(), place+1, func(it Item[A], place int) int { return int(it.Seq) - place })
	return n
}
