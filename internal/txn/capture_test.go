package txn_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gorm-signals/signals/internal/txn"
)

func TestLastIsThePlaceOfTheLastAddition(t *testing.T) {
	t.Parallel()
	var q txn.Queue[string]
	assert.Zero(t, q.Last())
	q.Executed("SAVEPOINT x")
	add(t, &q, "a", "b")
	assert.Equal(t, 2, q.Last())
	q.Executed("ROLLBACK TO x")
	assert.Equal(t, 2, q.Last(), "also when it waits no more")
	q.Take(0)
	add(t, &q, "c")
	assert.Equal(t, 3, q.Last())
}

func TestSinceShowsWhatWaitsAndCameAfterAPlace(t *testing.T) {
	t.Parallel()
	var q txn.Queue[string]
	assert.Empty(t, q.Since(0))
	add(t, &q, "a")
	q.Executed("SAVEPOINT x")
	add(t, &q, "b")
	q.Executed("ROLLBACK TO x")
	add(t, &q, "c", "d")
	for place, want := range [][]string{{"a", "c", "d"}, {"c", "d"}, {"c", "d"}, {"d"}, nil, nil} {
		assert.Equal(t, want, actions(q.Since(place)), "after place %d", place)
	}
	shown := q.Since(0)
	shown[0].Action = "changed"
	assert.Equal(t, []string{"a", "c", "d"}, actions(q.Since(0)), "the caller gets a copy")
	ends, _ := q.End(txn.Committed)
	assert.Equal(t, []string{"a", "c", "d"}, actions(ends.Committed), "they still wait")
}

func TestTakeTakesAwayWhatCameAfterAPlace(t *testing.T) {
	t.Parallel()
	var q txn.Queue[string]
	add(t, &q, "a", "b", "c")
	assert.Equal(t, []string{"b", "c"}, actions(q.Take(1)))
	assert.Empty(t, q.Take(1))
	add(t, &q, "d")
	ends, _ := q.End(txn.RolledBack)
	assert.Equal(t, []string{"a", "d"}, actions(ends.RolledBack))
	assert.Empty(t, q.Take(0), "nothing waits after the end")
}

func TestTakenActionsLeaveTheSavepointsWhereTheyAre(t *testing.T) {
	t.Parallel()
	var q txn.Queue[string]
	add(t, &q, "a")
	q.Executed("SAVEPOINT x")
	add(t, &q, "b")
	q.Take(0)
	add(t, &q, "c")
	q.Executed("ROLLBACK TO x")
	add(t, &q, "d")
	ends, _ := q.End(txn.Committed)
	assert.Equal(t, []string{"c"}, actions(ends.RolledBack), "it came after the savepoint")
	assert.Equal(t, []string{"d"}, actions(ends.Committed))
}

func TestWhatIsTakenIsNotTheQueues(t *testing.T) {
	t.Parallel()
	var q txn.Queue[string]
	add(t, &q, "a", "b")
	taken := q.Take(0)
	add(t, &q, "c", "d")
	assert.Equal(t, []string{"a", "b"}, actions(taken), "later actions do not overwrite it")
}
