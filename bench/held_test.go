//go:build !race

package bench_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/bench/internal/workloads"
)

// held returns how many bytes stay in use for each row while a transaction is open, beside what the rows take that the program holds itself.
func held(t *testing.T, way string, rows int, insert func(tx *gorm.DB) error) float64 {
	t.Helper()
	env := open(t, workloads.Null)
	prepare(t, env, find(t, "W6 null", way))
	inUse := func() uint64 {
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	var bytes float64
	require.NoError(t, env.DB.Transaction(func(tx *gorm.DB) error {
		check(t, insert(tx))
		before := inUse()
		check(t, insert(tx))
		bytes = float64(inUse()) - float64(before)
		return nil
	}))
	return bytes / float64(rows)
}

const heldRows = 4000

// TestAQueuedEventHoldsFewBytes: what waits for a commit lets go of its statement.
//
//nolint:paralleltest // The heap is that of the whole process.
func TestAQueuedEventHoldsFewBytes(t *testing.T) {
	one := func(tx *gorm.DB) error {
		for range heldRows {
			p := workloads.NewProduct()
			if err := tx.Create(&p).Error; err != nil {
				return err
			}
		}
		return nil
	}
	bulk := func(tx *gorm.DB) error {
		rows := make([]workloads.Product, heldRows)
		return tx.CreateInBatches(&rows, 1000).Error
	}
	for name, c := range map[string]struct {
		insert func(tx *gorm.DB) error
		most   float64
	}{"a write of one row": {one, 500}, "a row of many": {bulk, 200}} {
		idle := held(t, workloads.Idle, heldRows, c.insert)
		got := held(t, workloads.Signals, heldRows, c.insert) - idle
		t.Logf("%s holds %.0f bytes", name, got)
		require.LessOrEqual(t, got, c.most, name)
	}
}
