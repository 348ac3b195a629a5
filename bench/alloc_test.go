//go:build !race

// Under the race detector sync.Pool drops values at random. GORM and database/sql use pools, so the counts would not repeat.

package bench_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/bench/internal/workloads"
)

// trackedTransaction is the one allocation for a transaction that the plugin follows, also an implicit one of GORM.
const trackedTransaction = 1

// allocs counts the allocations of one run. The least of several counts leaves out those that the runtime makes for itself.
func allocs(tb testing.TB, work workloads.Work) float64 {
	tb.Helper()
	count := func() float64 { return testing.AllocsPerRun(200, func() { check(tb, work.Run()) }) }
	least := count()
	for range 4 {
		least = min(least, count())
	}
	return least
}

// allocsOf counts the allocations of a way on the null driver, with GORM's implicit transaction or without. If before is not nil, it gets the
// database first. database/sql starts a goroutine for every transaction, whose cost differs from one database to the next, so the least of several
// counts is returned.
func allocsOf(tb testing.TB, way func(*workloads.Env) (workloads.Work, error), skip bool, before func(*gorm.DB)) float64 {
	tb.Helper()
	least := math.Inf(1)
	for range 6 {
		env := open(tb, workloads.Null)
		env.DB = env.DB.Session(&gorm.Session{SkipDefaultTransaction: skip})
		if before != nil {
			before(env.DB)
		}
		least = min(least, allocs(tb, prepare(tb, env, way)))
	}
	return least
}

// more returns how many more allocations the first way makes than the second one.
func more(tb testing.TB, key, way, than string, skip bool) float64 {
	tb.Helper()
	return allocsOf(tb, find(tb, key, way), skip, nil) - allocsOf(tb, find(tb, key, than), skip, nil)
}

// atMost asserts how many more allocations signals make than plain GORM, without a transaction and in GORM's implicit one, which costs one more.
func atMost(t *testing.T, allowed float64, key string) {
	t.Helper()
	assert.LessOrEqual(t, more(t, key, workloads.Signals, workloads.Plain, true), allowed, "%s, in no transaction", key)
	assert.LessOrEqual(t, more(t, key, workloads.Signals, workloads.Plain, false), allowed+trackedTransaction, "%s", key)
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestNobodyListensAllocatesNothing(t *testing.T) {
	for _, form := range []string{"insert", "update", "save", "delete"} {
		atMost(t, 0, "W0 "+form+" null")
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestTwoReceiversAddOneAllocationToACreate(t *testing.T) { atMost(t, 1, "W1 null") }

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestASaveWithoutTheStoredRowAddsThreeAllocations(t *testing.T) { atMost(t, 3, "W2n save null") }

// The hooked models of these ways are other models than the one with receivers.
//
//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestReceiversOfOtherModelsAllocateNothing(t *testing.T) {
	for _, key := range []string{"W1 null", "W2n update null", "W2n save null"} {
		for _, skip := range []bool{false, true} {
			hooks := find(t, key, workloads.Hooks)
			got := allocsOf(t, hooks, skip, func(db *gorm.DB) { connect(t, db) }) - allocsOf(t, hooks, skip, nil)
			if !skip {
				got -= trackedTransaction
			}
			require.LessOrEqual(t, got, 0.0, "%s, SkipDefaultTransaction %t", key, skip)
		}
	}
}

// connect connects a pre_save and a post_save receiver.
func connect(tb testing.TB, db *gorm.DB) {
	tb.Helper()
	check(tb, db.Use(signals.Plugin{}))
	read := func(_ context.Context, e signals.SaveEvent[*workloads.Product]) error {
		return workloads.CheckPrice(e.Instance.Price)
	}
	s := signals.For[workloads.Product](db)
	s.PreSave.Connect(read)
	s.PostSave.Connect(read)
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestReceiversOf32OtherModelsChangeNothing(t *testing.T) {
	require.LessOrEqual(t, more(t, "W1 null", workloads.Crowd, workloads.Signals, false), 0.0)
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestQueriesAllocateNothing(t *testing.T) {
	finding := func(e *workloads.Env) (workloads.Work, error) {
		return workloads.Work{Run: func() error {
			var p workloads.Product
			return e.DB.First(&p, 1).Error
		}}, nil
	}
	plain := allocsOf(t, finding, false, nil)
	require.InDelta(t, plain, allocsOf(t, finding, false, func(db *gorm.DB) { connect(t, db) }), 0)
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestSendOfACustomSignalAllocatesNothing(t *testing.T) {
	for _, w := range workloads.All() {
		if w.ID == "W5" {
			require.Zero(t, allocs(t, prepare(t, open(t, w.On), find(t, w.Key(), workloads.Signals))), w.Key())
		}
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestATransactionCostsOneAllocationAndThreeWithAReceiverAfterItsCommit(t *testing.T) {
	require.LessOrEqual(t, more(t, "W6 null", workloads.Idle, workloads.Plain, false), float64(trackedTransaction))
	require.LessOrEqual(t, more(t, "W6 null", workloads.Signals, workloads.Idle, false), 3.0)
}

// batch is how many rows a conditional write reads and writes at once.
const batch = 500

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestTheCostOfARowDoesNotGrowWithTheRows(t *testing.T) {
	few, many := allocsPerRow(t, 4*batch, 0), allocsPerRow(t, 16*batch, 0)
	require.InEpsilon(t, few, many, 0.03)
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestTheCostOfARowDoesNotGrowWithTheRowsThatAreNotMeant(t *testing.T) {
	require.InEpsilon(t, allocsPerRow(t, 4*batch, 0), allocsPerRow(t, 4*batch, 20*batch), 0.03)
}

// allocsPerRow deletes n rows by a condition that does not match the other rows, and returns the allocations per row.
func allocsPerRow(t *testing.T, n, others int) float64 {
	t.Helper()
	env := open(t, workloads.Memory)
	way := workloads.Delete(n, workloads.Memory).Ways
	var work workloads.Work
	for i := range way {
		if way[i].Name == workloads.Signals {
			work = prepare(t, env, way[i].Prepare)
		}
	}
	kept := strings.Repeat("('kept', 'kept', 1, 1),", others)
	allocs := func(run func() error) float64 {
		return testing.AllocsPerRun(1, func() {
			check(t, work.Before())
			if others > 0 {
				_, err := env.Pool.ExecContext(t.Context(), "INSERT INTO products (name, category, price, stock) VALUES "+strings.TrimSuffix(kept, ","))
				check(t, err)
			}
			check(t, run())
		})
	}
	return (allocs(work.Run) - allocs(func() error { return nil })) / float64(n)
}
