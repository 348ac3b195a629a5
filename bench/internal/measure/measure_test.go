package measure_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/bench/internal/measure"
	"github.com/gorm-signals/signals/bench/internal/workloads"
)

//nolint:paralleltest // Times and allocations are those of the whole process.
func TestTheRatioIsToTheFirstWay(t *testing.T) {
	turns := map[string]int{}
	sleep := func(name string, d time.Duration) workloads.Way {
		return workloads.Way{Name: name, Prepare: func(*workloads.Env) (workloads.Work, error) {
			return workloads.Work{Before: func() error { turns[name]++; return nil }, Run: func() error {
				for start := time.Now(); time.Since(start) < d; { // a busy loop, because a timer may be late
				}
				return nil
			}}, nil
		}}
	}
	figures, err := measure.Compare(workloads.Workload{
		On: workloads.Nowhere, Per: 10, Ways: []workloads.Way{sleep("one", 2*time.Millisecond), sleep("three", 6*time.Millisecond)},
	}, measure.Plan{Rounds: 7})
	require.NoError(t, err)
	require.InDelta(t, 1, figures["one"].Ratio, 1e-9)
	require.InDelta(t, 3, figures["three"].Ratio, 1)
	require.InDelta(t, 400_000, figures["three"].More, 200_000, "for one of ten")
	require.Equal(t, turns["one"], turns["three"])
	require.GreaterOrEqual(t, turns["one"], 7)
}

//nolint:paralleltest // Times and allocations are those of the whole process.
func TestAllocationsAreCountedForOneRow(t *testing.T) {
	var kept [][]byte
	figures, err := measure.Compare(workloads.Workload{On: workloads.Nowhere, Per: 2, Ways: []workloads.Way{
		{Name: "six", Prepare: func(*workloads.Env) (workloads.Work, error) {
			return workloads.Work{Run: func() error {
				kept = kept[:0]
				for range 6 {
					kept = append(kept, make([]byte, 100))
				}
				return nil
			}}, nil
		}},
	}}, measure.Plan{})
	require.NoError(t, err)
	require.InDelta(t, 3, figures["six"].Allocs, 0)
	require.InDelta(t, 3*112, figures["six"].Bytes, 0, "Go rounds 100 bytes up to 112")
}

//nolint:paralleltest // Memory is that of the whole process.
func TestGrownIsThePeakOfTheHeap(t *testing.T) {
	var kept []byte
	grown, err := measure.Grown(workloads.Workload{On: workloads.Nowhere, Ways: []workloads.Way{
		{Name: "ten", Prepare: func(*workloads.Env) (workloads.Work, error) {
			return workloads.Work{Before: func() error { return nil }, Run: func() error {
				kept = make([]byte, 10<<20)
				return nil
			}}, nil
		}},
	}})
	require.NoError(t, err)
	require.Len(t, kept, 10<<20)
	require.InDelta(t, 10, grown["ten"], 1)
}

func TestAnErrorOfTheWorkNamesItsWay(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, err := measure.Compare(workloads.Workload{On: workloads.Memory, Ways: []workloads.Way{
		{Name: "bad", Prepare: func(*workloads.Env) (workloads.Work, error) {
			return workloads.Work{Run: func() error { return broken }}, nil
		}},
	}}, measure.Plan{})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "bad")
}
