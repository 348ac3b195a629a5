// Package txn keeps the actions that wait for the end of a transaction. It follows the statements of the transaction, knows what became of the rows
// of every action, and returns every action exactly once. It runs no action and uses no database.
package txn

import (
	"cmp"
	"database/sql"
	"slices"
	"sync"
)

// Outcome is how a transaction ended.
type Outcome uint8

const (
	// Open means that the transaction has not ended.
	Open Outcome = iota
	// Committed means that the database has confirmed the commit.
	Committed
	// RolledBack means that nothing of the transaction is stored.
	RolledBack
	// Unknown means that COMMIT was sent and no clear answer came back.
	Unknown
)

// Queue holds the actions of one transaction, in the order in which they were added. The zero value is an open transaction. Its methods are safe for
// use by several goroutines. It is small, because every transaction has one, and most have at most one action.
type Queue[A any] struct {
	mu    sync.Mutex
	first [1]Item[A] // the only action; none while its Seq is 0
	more  *more[A]   // nil while the other fields suffice
	seq   int32      // Seq of the action that was added last

	// Dialect is the dialect of the statements. It is set before the first one.
	Dialect  Dialect
	standing standing
	outcome  Outcome
	state    state
}

// state is a set of bits.
type state uint8

const (
	ending state = 1 << iota // COMMIT is under way
	turned                   // the only action has had its turn before the commit
)

// more is state that few transactions have.
type more[A any] struct {
	items  []Item[A] // all actions, if there are several
	marks  []mark
	cut    []Item[A] // actions that a ROLLBACK TO removed
	before int       // how many of items have had their turn before the commit
}

// items returns the waiting actions.
func (q *Queue[A]) items() []Item[A] {
	switch {
	case q.outcome != Open:
		return nil
	case q.more != nil && q.more.items != nil:
		return q.more.items
	case q.first[0].Seq == 0:
		return nil
	}
	return q.first[:]
}

// keep replaces the waiting actions.
func (q *Queue[A]) keep(items []Item[A]) {
	if len(items) <= 1 && (q.more == nil || q.more.items == nil) {
		if len(items) == 0 {
			q.first = [1]Item[A]{}
		} else {
			q.first[0] = items[0]
		}
		return
	}
	if m := q.rest(); m.items == nil {
		m.before = q.before()
		q.first = [1]Item[A]{}
	}
	q.more.items = items
}

// before returns how many actions have had their turn before the commit. They are the first ones.
func (q *Queue[A]) before() int {
	switch {
	case q.more != nil && q.more.items != nil:
		return q.more.before
	case q.state&turned != 0:
		return 1
	}
	return 0
}

// setBefore sets the number of actions that have had their turn before the commit.
func (q *Queue[A]) setBefore(n int) {
	if q.more != nil && q.more.items != nil {
		q.more.before = n
		return
	}
	if q.state &^= turned; n > 0 {
		q.state |= turned
	}
}

// rest returns the state that few transactions have, and allocates it at the first call.
func (q *Queue[A]) rest() *more[A] {
	if q.more == nil {
		q.more = &more[A]{}
	}
	return q.more
}

func (q *Queue[A]) marks() []mark {
	if q.more == nil {
		return nil
	}
	return q.more.marks
}

// setMarks replaces the savepoints.
func (q *Queue[A]) setMarks(marks []mark) {
	if q.more != nil || len(marks) > 0 {
		q.rest().marks = marks
	}
}

// Item is an action with its place in the order of additions.
type Item[A any] struct {
	Action A
	Seq    int32
	Cut    bool // the program has rolled it back, with a savepoint or a statement

	fate fate // next to Seq to save memory, because a transaction may hold many items
}

// fate is what is known about the rows of an action.
type fate uint8

const (
	waits    fate = iota // the transaction decides
	doubtful             // they may be rolled back already; a rollback certainly removes them
	loose                // they may be stored already; a commit certainly stores them
	stored               // they are stored, however the transaction ends
	lost                 // nobody knows, now or later
)

// final reports whether the end of the transaction no longer matters.
func (f fate) final() bool { return f >= stored }

// standing says whether the database has a transaction open.
type standing uint8

const (
	inside  standing = iota
	maybe            // the database may have ended the transaction
	outside          // the database has ended it and stores every statement at once
)

// mark is a savepoint. The actions after the first items were added since.
type mark struct {
	name  string
	items int
	maybe bool // the savepoint may not exist
	opens bool // SQLite has begun a transaction with it
}

// Add adds an action, bound to the innermost open savepoint. It returns [sql.ErrTxDone] if the transaction has ended.
func (q *Queue[A]) Add(action A) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.outcome != Open {
		return sql.ErrTxDone
	}
	q.seq++
	it := Item[A]{Action: action, Seq: q.seq, fate: [...]fate{inside: waits, maybe: loose, outside: stored}[q.standing]}
	if items := q.items(); items != nil {
		q.keep(append(items, it))
	} else {
		q.first[0] = it
	}
	return nil
}

// Outcome returns how the transaction has ended, or Open.
func (q *Queue[A]) Outcome() Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.outcome
}

// Next returns the first action that has not had its turn before the commit. The caller may add actions meanwhile. Next skips actions whose rows may
// be rolled back.
func (q *Queue[A]) Next() (action A, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items()
	for n := q.before(); n < len(items); n++ {
		q.setBefore(n + 1)
		if it := items[n]; it.fate != doubtful && it.fate != lost {
			return it.Action, true
		}
	}
	return action, false
}

// Commit notes that COMMIT is about to be sent. It returns false if the transaction has ended already.
func (q *Queue[A]) Commit() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.outcome != Open {
		return false
	}
	q.state |= ending
	return true
}

// Ends holds the actions of a transaction that has ended, sorted by what became of their rows, each list in the order of additions.
type Ends[A any] struct {
	Committed  []Item[A]
	RolledBack []Item[A]
	Unknown    []Item[A]
}

// End ends the transaction and returns its actions. It returns false if the transaction has ended already.
func (q *Queue[A]) End(outcome Outcome) (Ends[A], bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.end(outcome)
}

// Abandon is End(RolledBack) for a transaction whose context has ended. It returns false if COMMIT is under way: the commit then decides.
func (q *Queue[A]) Abandon() (Ends[A], bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.state&ending != 0 {
		return Ends[A]{}, false
	}
	return q.end(RolledBack)
}

func (q *Queue[A]) end(outcome Outcome) (ends Ends[A], ok bool) {
	if q.outcome != Open {
		return ends, false
	}
	items := q.items()
	if q.more != nil {
		ends.RolledBack = q.more.cut
	}
	q.outcome, q.more = outcome, nil
	if outcome == Committed && !slices.ContainsFunc(items, func(it Item[A]) bool { return it.fate == doubtful || it.fate == lost }) {
		ends.Committed = items
	} else {
		for _, it := range items {
			switch it.ends(outcome) {
			case Committed:
				ends.Committed = append(ends.Committed, it)
			case RolledBack:
				ends.RolledBack = append(ends.RolledBack, it)
			default:
				ends.Unknown = append(ends.Unknown, it)
			}
		}
	}
	slices.SortFunc(ends.RolledBack, func(a, b Item[A]) int { return cmp.Compare(a.Seq, b.Seq) })
	return ends, true
}

// ends returns what became of the rows of an action if the transaction has this outcome.
func (it Item[A]) ends(outcome Outcome) Outcome {
	switch {
	case it.fate == stored:
		return Committed
	case it.fate == lost, outcome == Unknown,
		it.fate == doubtful && outcome == Committed, it.fate == loose && outcome == RolledBack:
		return Unknown
	}
	return outcome
}
