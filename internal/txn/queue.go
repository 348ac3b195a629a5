// Package txn keeps what is to happen when one transaction ends. It follows savepoints, knows how the transaction ended,
// and hands every action out exactly once. It runs nothing itself and knows nothing of databases.
package txn

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync"
)

// Outcome is how a transaction ended.
type Outcome int

const (
	// Open means that it has not.
	Open Outcome = iota
	// Committed means that the database said so.
	Committed
	// RolledBack means that nothing of it is stored.
	RolledBack
	// Unknown means that COMMIT was sent and no clear answer came back.
	Unknown
)

// ErrUnknown is joined to the error of a commit whose outcome nobody knows.
var ErrUnknown = errors.New("txn: outcome unknown")

// Queue holds the actions of one transaction, in the order in which they were added. The zero value is an open
// transaction. Its methods are safe from any goroutine.
type Queue[A any] struct {
	mu      sync.Mutex
	items   []Item[A]
	seq     int
	marks   []mark
	cut     []Item[A] // actions that ROLLBACK TO took away
	before  int       // actions below this index have had their turn before the commit
	ending  bool
	outcome Outcome
	small   [1]Item[A] // room for the first item without an allocation
}

// Item is an action with its place in the order of additions.
type Item[A any] struct {
	Seq    int
	Action A
}

// mark is a savepoint: what was added since is above items.
type mark struct {
	name  string
	items int
}

// Add adds an action, bound to the innermost open savepoint. It fails with [sql.ErrTxDone] when the transaction has ended.
func (q *Queue[A]) Add(action A) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.outcome != Open {
		return sql.ErrTxDone
	}
	if q.items == nil {
		q.items = q.small[:0]
	}
	q.seq++
	q.items = append(q.items, Item[A]{q.seq, action})
	return nil
}

// Outcome returns how the transaction ended, Open while it has not.
func (q *Queue[A]) Outcome() Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.outcome
}

// Next returns the first action that has not had its turn before the commit. Actions may be added meanwhile.
func (q *Queue[A]) Next() (action A, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.outcome != Open || q.before >= len(q.items) {
		return action, false
	}
	q.before++
	return q.items[q.before-1].Action, true
}

// Commit says that COMMIT is about to be sent. It reports false when the transaction has ended already.
func (q *Queue[A]) Commit() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.outcome != Open {
		return false
	}
	q.ending = true
	return true
}

// End ends the transaction and hands out its actions: those that still waited, and those that ROLLBACK TO took away.
// It reports false when it has ended already.
func (q *Queue[A]) End(outcome Outcome) (waiting, cut []Item[A], ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.end(outcome)
}

// Abandon is End(RolledBack) for a transaction whose context ended, unless its COMMIT is under way: then the commit
// decides.
func (q *Queue[A]) Abandon() (waiting, cut []Item[A], ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ending {
		return nil, nil, false
	}
	return q.end(RolledBack)
}

func (q *Queue[A]) end(outcome Outcome) (waiting, cut []Item[A], ok bool) {
	if q.outcome != Open {
		return nil, nil, false
	}
	q.outcome = outcome
	slices.SortFunc(q.cut, func(a, b Item[A]) int { return a.Seq - b.Seq }) // inner savepoints were cut first
	waiting, cut = q.items, q.cut
	q.items, q.marks, q.cut = nil, nil, nil
	return waiting, cut, true
}

// Executed follows a statement that was executed in the transaction. Only savepoints matter; their names compare without
// case, and the innermost one of a name is meant.
func (q *Queue[A]) Executed(statement string) {
	verb, name := savepoint(statement)
	if verb == none {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch verb {
	case set:
		q.marks = append(q.marks, mark{name: name, items: len(q.items)})
	case release:
		if i := q.find(name); i >= 0 {
			q.marks = q.marks[:i]
		}
	case rollbackTo:
		if i := q.find(name); i >= 0 {
			q.cutTo(q.marks[i].items)
			q.marks = q.marks[:i+1]
		}
	case rollback:
		q.cutTo(0)
		q.marks = nil
	case none:
	}
}

func (q *Queue[A]) find(name string) int {
	for i, m := range slices.Backward(q.marks) {
		if strings.EqualFold(m.name, name) {
			return i
		}
	}
	return -1
}

func (q *Queue[A]) cutTo(n int) {
	q.cut = append(q.cut, q.items[n:]...)
	clear(q.items[n:])
	q.items, q.before = q.items[:n], min(q.before, n)
}
