package main

import (
	"testing"

	"github.com/gorm-signals/signals/bench/internal/measure"
	"github.com/gorm-signals/signals/bench/internal/workloads"
	"github.com/stretchr/testify/require"
)

// key is the workload of the results below.
const key = "W1 null"

func someResults(signals measure.Figure) results {
	return results{
		list: []workloads.Workload{{ID: "W1", What: "insert", On: workloads.Null, Per: 1}},
		figures: map[string]measure.Figures{key: {
			workloads.Plain:   {Nanos: 6000, Allocs: 75, Ratio: 1},
			workloads.Signals: signals,
		}},
		grown: []grown{{100_000, map[string]float64{workloads.Signals: 4.2}}},
	}
}

func TestTheTableHasTheTimeOfThePlainWayAndRatiosToIt(t *testing.T) {
	t.Parallel()
	text := table(someResults(measure.Figure{Allocs: 77, Ratio: 1.0312}))
	require.Contains(t, text, "| W1: insert | null | 6.0 us, 75 | - | - | - | 1.03, 77 | - | - | - | - |\n")
	require.Contains(t, text, "| W3 100,000: memory grown | memory | - | - | - | - | 4.20 MB | - | - | - | - |\n")
}

func TestStatementsAreOfOneCall(t *testing.T) {
	t.Parallel()
	r := someResults(measure.Figure{Statements: 2})
	r.list[0].On = workloads.Memory
	r.figures["W1 memory"] = r.figures[key]
	require.Contains(t, statements(r), "| W1: insert | 0 | - | - | - | 2 | - | - | - | - |\n")
	r.list[0].Ends = true
	require.NotContains(t, statements(r), "insert", "they are counted once")
}

func TestANumberOfRowsIsGrouped(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1,000,000", grouped("1000000"))
	require.Equal(t, "10,000 cancellable", grouped("10000 cancellable"))
	require.Equal(t, "save", grouped("save"))
}

func TestWhatIsNoWorkloadHasATableOfItsOwn(t *testing.T) {
	t.Parallel()
	r := someResults(measure.Figure{})
	require.Empty(t, others(r))
	require.Contains(t, reached(r), "| at most 10 us with 1,000 models |  | not measured |")
	r.held, r.connecting = &measure.Held{One: 484, Bulk: 194, Copy: 112}, &measure.Connecting{Connect: 2700, First: 50_000, More: 101_000}
	require.Contains(t, others(r), "| 194 B, of which 112 B are the copy of the row |")
	require.Contains(t, others(r), "| Connect in a program with 1,000 models | 2.7 us |")
	require.Contains(t, reached(r), "| at most 500 B held by an event of one row that waits | 484 B | met |")
	require.Contains(t, reached(r), "| the next write: at most 100 us more | **101.0 us** | **missed** |")
}

func TestAnUnsteadyRatioIsMarked(t *testing.T) {
	t.Parallel()
	r := someResults(measure.Figure{Allocs: 77, Ratio: 1.5, Spread: 0.3})
	require.Contains(t, table(r), "| ~1.50, 77 |")
	require.Contains(t, noise(r), "In 1 of 1 workloads")
	require.Contains(t, noise(someResults(measure.Figure{Spread: 0.1})), "In 0 of 1 workloads")
}

func TestAMissedGoalIsHeldAgainstTheFloor(t *testing.T) {
	t.Parallel()
	r := someResults(measure.Figure{Allocs: 77, Bytes: 401})
	r.figures[key][workloads.Floor] = measure.Figure{Allocs: 76, Bytes: 300}
	text := reached(r)
	require.Contains(t, text, "| at most 400 B more | **null: +401 B** | **missed** | null: +300 B |\n")
	require.Contains(t, text, "| at most 2 allocations more than plain GORM | null: +2 | met |  |\n", "what is met needs no floor")
}

func TestAGoalIsMetMissedOrNotMeasured(t *testing.T) {
	t.Parallel()
	text := reached(someResults(measure.Figure{Allocs: 77, Bytes: 401}))
	require.Contains(t, text, "| at most 2 allocations more than plain GORM | null: +2 | met |")
	require.Contains(t, text, "| at most 400 B more | **null: +401 B** | **missed** |")
	require.Contains(t, text, "| grows by less than 4 MB | **100,000 rows: 4.20 MB** | **missed** |")
	require.Contains(t, text, "| at most 0.65 of by hand |  | not measured |")
}

// A goal for a workload that does not exist would never be measured.
func TestEveryGoalIsForWorkloadsOfTheTable(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for _, w := range all() {
		keys[w.Key()] = true
	}
	for _, g := range goals() {
		require.NotEmpty(t, g.keys, g.text)
		for _, key := range g.keys {
			require.True(t, keys[key], key)
		}
	}
}
