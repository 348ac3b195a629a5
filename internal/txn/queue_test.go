package txn_test

import (
	"database/sql"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/internal/txn"
)

// add adds actions that must be taken.
func add[A any](t *testing.T, q *txn.Queue[A], list ...A) {
	t.Helper()
	for _, action := range list {
		require.NoError(t, q.Add(action))
	}
}

func TestAQueueHandsOutItsActionsOnce(t *testing.T) {
	t.Parallel()
	for _, outcome := range []txn.Outcome{txn.Committed, txn.RolledBack, txn.Unknown} {
		var q txn.Queue[int]
		add(t, &q, 1, 2)
		assert.Equal(t, txn.Open, q.Outcome())
		ends, ok := q.End(outcome)
		assert.True(t, ok)
		assert.Equal(t, []int{1, 2}, actions(slices.Concat(ends.Committed, ends.RolledBack, ends.Unknown)))
		for _, other := range []txn.Outcome{txn.Committed, txn.RolledBack, txn.Unknown} {
			ends, ok = q.End(other)
			assert.False(t, ok)
			assert.Zero(t, ends)
		}
		ends, ok = q.Abandon()
		assert.False(t, ok)
		assert.Zero(t, ends)
		assert.Equal(t, outcome, q.Outcome(), "the first end counts")
	}
}

func TestAQueueThatEndedTakesNoMoreActions(t *testing.T) {
	t.Parallel()
	for _, outcome := range []txn.Outcome{txn.Committed, txn.RolledBack, txn.Unknown} {
		var q txn.Queue[int]
		_, ok := q.End(outcome)
		assert.True(t, ok)
		assert.Equal(t, sql.ErrTxDone, q.Add(1), "as it is: callers compare it")
		assert.False(t, q.Commit())
		_, ok = q.Next()
		assert.False(t, ok)
	}
}

func TestAnActionsPlaceIsThatOfItsAddition(t *testing.T) {
	t.Parallel()
	var q txn.Queue[string]
	add(t, &q, "a")
	q.Executed("SAVEPOINT x")
	add(t, &q, "b")
	q.Executed("ROLLBACK TO x")
	add(t, &q, "c")
	ends, _ := q.End(txn.Committed)
	require.Len(t, ends.Committed, 2)
	require.Len(t, ends.RolledBack, 1)
	assert.Equal(t, [3]int32{1, 2, 3}, [3]int32{ends.Committed[0].Seq, ends.RolledBack[0].Seq, ends.Committed[1].Seq}, "no place is given twice")
}

func TestACommitThatIsUnderWayIsNotAbandoned(t *testing.T) {
	t.Parallel()
	var q txn.Queue[int]
	add(t, &q, 1)
	require.True(t, q.Commit())
	_, ok := q.Abandon()
	assert.False(t, ok)
	assert.Equal(t, txn.Open, q.Outcome())
	ends, ok := q.End(txn.Committed)
	assert.True(t, ok)
	assert.Equal(t, []int{1}, actions(ends.Committed))
}

func TestAbandonRollsBack(t *testing.T) {
	t.Parallel()
	var q txn.Queue[int]
	add(t, &q, 1)
	ends, ok := q.Abandon()
	assert.True(t, ok)
	assert.Equal(t, []int{1}, actions(ends.RolledBack))
	assert.Equal(t, txn.RolledBack, q.Outcome())
	assert.False(t, q.Commit(), "it must not be committed now")
}

// turns gives every action that is left its turn before the commit.
func turns(q *txn.Queue[string]) (names []string) {
	for {
		name, ok := q.Next()
		if !ok {
			return names
		}
		names = append(names, name)
	}
}

func TestEveryActionHasOneTurnBeforeTheCommit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact        string
		before      func(q *txn.Queue[string])
		after       func(q *txn.Queue[string])
		first, then []string
	}{
		{fact: "in order", first: []string{"a", "b"}},
		{fact: "one that was added meanwhile has its own", after: func(q *txn.Queue[string]) { _ = q.Add("c") }, first: []string{"a", "b"}, then: []string{"c"}},
		{
			fact: "none that ROLLBACK TO took away", first: []string{"a"},
			before: func(q *txn.Queue[string]) { q.Executed("ROLLBACK TO x") },
		},
		{
			fact: "one that comes after such actions", first: []string{"a", "b"}, then: []string{"c"},
			after: func(q *txn.Queue[string]) { q.Executed("ROLLBACK TO x"); _ = q.Add("c") },
		},
		{fact: "none that may be rolled back", before: func(q *txn.Queue[string]) { q.Doubt() }},
		{
			fact: "but those after it", first: []string{"c"},
			before: func(q *txn.Queue[string]) { q.Doubt(); _ = q.Add("c") },
		},
		{
			fact: "none whose rows nobody knows about", first: []string{"c"},
			before: func(q *txn.Queue[string]) { q.Doubt(); q.Executed("COMMIT"); _ = q.Add("c") },
		},
		{fact: "one whose rows are stored", before: func(q *txn.Queue[string]) { q.Executed("COMMIT") }, first: []string{"a", "b"}},
		{
			fact: "one that comes after actions that were taken", first: []string{"a", "b"}, then: []string{"c"},
			after: func(q *txn.Queue[string]) { q.Take(0); _ = q.Add("c") },
		},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			var q txn.Queue[string]
			add(t, &q, "a")
			q.Executed("SAVEPOINT x")
			add(t, &q, "b")
			if c.before != nil {
				c.before(&q)
			}
			assert.Equal(t, c.first, turns(&q))
			if c.after != nil {
				c.after(&q)
			}
			assert.Equal(t, c.then, turns(&q))
		})
	}
}

func TestATurnIsLeftToActionsThatCameBeforeARollbackTo(t *testing.T) {
	t.Parallel()
	var q txn.Queue[string]
	add(t, &q, "a", "b")
	q.Executed("SAVEPOINT x")
	add(t, &q, "c")
	name, ok := q.Next()
	require.True(t, ok)
	require.Equal(t, "a", name)
	q.Executed("ROLLBACK TO x")
	assert.Equal(t, []string{"b"}, turns(&q))
}

func TestAQueueIsSafeFromAnyGoroutine(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 50
	var q txn.Queue[int]
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for i := range each {
				assert.NoError(t, q.Add(i))
				q.Executed("SELECT 1; SAVEPOINT x")
				q.Next()
				q.Since(q.Last() - 1)
			}
		})
	}
	group.Wait()
	assert.Equal(t, writers*each, q.Last())
	handed := make(chan int, writers)
	for range writers {
		group.Go(func() {
			ends, _ := q.End(txn.Committed)
			handed <- len(ends.Committed)
		})
	}
	group.Wait()
	close(handed)
	var all []int
	for n := range handed {
		all = append(all, n)
	}
	assert.ElementsMatch(t, append(make([]int, writers-1), writers*each), all, "one of them gets all")
}

//nolint:paralleltest // AllocsPerRun counts what the whole process allocates.
func TestTheFirstActionCostsNoAllocation(t *testing.T) {
	queues := make([]txn.Queue[int], 102)
	next := 0
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_ = queues[next].Add(1)
		next++
	}))
}
