// Package txn keeps what is to happen when one transaction ends. It follows the statements that were executed in the transaction,
// knows what became of every action, and hands every action out exactly once. It runs nothing itself and talks to no database.
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
	// Open means that it has not.
	Open Outcome = iota
	// Committed means that the database said so.
	Committed
	// RolledBack means that nothing of it is stored.
	RolledBack
	// Unknown means that COMMIT was sent and no clear answer came back.
	Unknown
)

// Queue holds the actions of one transaction, in the order in which they were added. The zero value is an open
// transaction. Its methods are safe from any goroutine. It is small, because every transaction has one: nearly all have one action or none.
type Queue[A any] struct {
	mu    sync.Mutex
	first [1]Item[A] // the only action so far; none while its Seq is 0
	more  *more[A]   // nil as long as there is no more to keep
	seq   int32      // of the action that was added last

	// Dialect is that of the statements. Set it before the first one.
	Dialect  Dialect
	standing standing
	outcome  Outcome
	state    state
}

// state is a set of bits.
type state uint8

const (
	ending state = 1 << iota // COMMIT is under way
	turned                   // the only action so far has had its turn before the commit
)

// more is what few transactions have.
type more[A any] struct {
	items  []Item[A] // all actions, once there are several
	marks  []mark
	cut    []Item[A] // actions that ROLLBACK TO took away
	before int       // of items
}

// items returns the actions that wait.
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

// keep makes some actions the ones that wait.
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

// before returns how many actions have had their turn before the commit: those below this index.
func (q *Queue[A]) before() int {
	switch {
	case q.more != nil && q.more.items != nil:
		return q.more.before
	case q.state&turned != 0:
		return 1
	}
	return 0
}

// setBefore says how many actions have had their turn before the commit.
func (q *Queue[A]) setBefore(n int) {
	if q.more != nil && q.more.items != nil {
		q.more.before = n
		return
	}
	if q.state &^= turned; n > 0 {
		q.state |= turned
	}
}

// rest returns what few transactions have.
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

// setMarks makes some savepoints the ones that there are.
func (q *Queue[A]) setMarks(marks []mark) {
	if q.more != nil || len(marks) > 0 {
		q.rest().marks = marks
	}
}

// Item is an action with its place in the order of additions.
type Item[A any] struct {
	Action A
	Seq    int32
	Cut    bool // the program has rolled it back, by a savepoint or a statement

	fate fate // beside Seq, as a transaction may hold many
}

// fate is what is known of the rows that an action is about.
type fate uint8

const (
	waits    fate = iota // they stand and fall with the transaction
	doubtful             // they may be rolled back already; a rollback surely takes them
	loose                // they may be stored already; a commit surely stores them
	stored               // they are stored, whatever happens to the transaction
	lost                 // nobody knows, and nobody will
)

// final reports whether the end of the transaction changes nothing.
func (f fate) final() bool { return f >= stored }

// standing is whether the database has a transaction open.
type standing uint8

const (
	inside  standing = iota
	maybe            // it may have ended the transaction
	outside          // it has: every statement is stored at once
)

// mark is a savepoint: what was added since is above items.
type mark struct {
	name  string
	items int
	maybe bool // it may not be there
	opens bool // SQLite began a transaction with it
}

// Add adds an action, bound to the innermost open savepoint. It fails with [sql.ErrTxDone] when the transaction has ended.
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

// Outcome returns how the transaction ended, Open while it has not.
func (q *Queue[A]) Outcome() Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.outcome
}

// Next returns the first action that has not had its turn before the commit. Actions may be added meanwhile. An action whose rows
// may be rolled back has no turn.
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

// Commit says that COMMIT is about to be sent. It reports false when the transaction has ended already.
func (q *Queue[A]) Commit() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.outcome != Open {
		return false
	}
	q.state |= ending
	return true
}

// Ends are the actions of a transaction that has ended, sorted by what became of their rows, each in the order of additions.
type Ends[A any] struct {
	Committed  []Item[A]
	RolledBack []Item[A]
	Unknown    []Item[A]
}

// End ends the transaction and hands out its actions. It reports false when the transaction has ended already.
func (q *Queue[A]) End(outcome Outcome) (Ends[A], bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.end(outcome)
}

// Abandon is End(RolledBack) for a transaction whose context ended, unless its COMMIT is under way: then the commit
// decides.
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

// ends returns what became of the rows of an action when its transaction ended so.
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
