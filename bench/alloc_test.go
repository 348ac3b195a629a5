//go:build !race

// Under the race detector sync.Pool drops values at random, and GORM and database/sql use pools: counts do not repeat.

package bench_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// trackedTransaction is the one allocation of a transaction whose end is seen, GORM's implicit ones included.
const trackedTransaction = 1

// allocs counts the allocations of one piece of work. What the runtime allocates now and then for itself is not counted.
func allocs(tb testing.TB, prepare func(testing.TB, *gorm.DB) work, db *gorm.DB) float64 {
	tb.Helper()
	w := prepare(tb, db)
	least := testing.AllocsPerRun(200, func() { check(tb, w.run()) })
	for range 4 {
		least = min(least, testing.AllocsPerRun(200, func() { check(tb, w.run()) }))
	}
	return least
}

// allocsBeside counts without and with the plugin, in GORM's implicit transaction and in none.
func allocsBeside(t *testing.T, prepare func(testing.TB, *gorm.DB) work, use func(testing.TB, *gorm.DB), more float64) {
	t.Helper()
	for _, skip := range []bool{false, true} {
		open := func() *gorm.DB { return openNull(t).Session(&gorm.Session{SkipDefaultTransaction: skip}) }
		plain := allocs(t, prepare, open())
		db := open()
		use(t, db)
		got := allocs(t, prepare, db) - plain
		if !skip {
			got -= trackedTransaction
		}
		require.LessOrEqual(t, got, more, "SkipDefaultTransaction %t", skip)
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestNobodyListensAllocatesNothing(t *testing.T) {
	for name, prepare := range map[string]func(testing.TB, *gorm.DB) work{
		"create": inserting[benchProduct], "update": updating[benchProduct], "save": saving[benchProduct], "delete": deleting,
	} {
		t.Run(name, func(t *testing.T) {
			allocsBeside(t, prepare, func(tb testing.TB, db *gorm.DB) { tb.Helper(); install(tb, db) }, 0)
		})
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestReceiversOfOtherModelsAllocateNothing(t *testing.T) {
	for name, prepare := range map[string]func(testing.TB, *gorm.DB) work{
		"create": inserting[hookedProduct], "update": updating[hookedProduct], "save": saving[hookedProduct],
	} {
		t.Run(name, func(t *testing.T) {
			allocsBeside(t, prepare, func(tb testing.TB, db *gorm.DB) { tb.Helper(); connectSave(tb, db) }, 0)
		})
	}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestQueriesAllocateNothing(t *testing.T) {
	plain := allocs(t, finding, openNull(t))
	db := openNull(t)
	connectSave(t, db)
	require.Equal(t, plain, allocs(t, finding, db))
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestTwoReceiversAddOneAllocationToACreate(t *testing.T) {
	allocsBeside(t, inserting[benchProduct], func(tb testing.TB, db *gorm.DB) { tb.Helper(); connectSave(tb, db) }, 1)
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestASaveWithoutTheStoredRowAddsThreeAllocations(t *testing.T) {
	allocsBeside(t, saving[benchProduct], func(tb testing.TB, db *gorm.DB) {
		tb.Helper()
		connectSave(tb, db, signals.Needs(signals.Keys))
	}, 3)
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestSendOfACustomSignalAllocatesNothing(t *testing.T) {
	_, signal := viewReceivers(10)
	background := context.Background()
	for name, ctx := range map[string]context.Context{
		"background": background, "request": context.WithValue(background, benchKey{}, "as a request has"),
	} {
		t.Run(name, func(t *testing.T) {
			send := viewing(func(v benchView) error { return signal.Send(ctx, v) })
			require.Zero(t, allocs(t, send, nil))
		})
	}
}

func finding(_ testing.TB, db *gorm.DB) work {
	return work{run: func() error {
		var p benchProduct
		return db.First(&p, 1).Error
	}}
}

// inTransaction wraps an insert in an explicit transaction.
func inTransaction(tb testing.TB, db *gorm.DB) work {
	tb.Helper()
	return work{run: func() error {
		return db.Transaction(func(tx *gorm.DB) error { return tx.Create(&benchProduct{Name: "lamp"}).Error })
	}}
}

//nolint:paralleltest // AllocsPerRun counts the allocations of the whole process and panics in a parallel test.
func TestATransactionCostsOneAllocationAndThreeWithAReceiverAfterItsCommit(t *testing.T) {
	plain := allocs(t, inTransaction, openNull(t))
	db := openNull(t)
	install(t, db)
	tracked := allocs(t, inTransaction, db)
	require.LessOrEqual(t, tracked-plain, 1.0)
	signals.For[benchProduct](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*benchProduct]) error { return nil },
		signals.AfterCommit())
	require.LessOrEqual(t, allocs(t, inTransaction, db)-tracked, 3.0)
}
