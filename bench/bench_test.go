package bench_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/bench/internal/measure"
	"github.com/gorm-signals/signals/bench/internal/workloads"
)

func BenchmarkW0(b *testing.B)  { benchmark(b, "W0") }
func BenchmarkW1(b *testing.B)  { benchmark(b, "W1") }
func BenchmarkW2(b *testing.B)  { benchmark(b, "W2") }
func BenchmarkW2n(b *testing.B) { benchmark(b, "W2n") }
func BenchmarkW3(b *testing.B)  { benchmark(b, "W3") }
func BenchmarkW4(b *testing.B)  { benchmark(b, "W4") }
func BenchmarkW5(b *testing.B)  { benchmark(b, "W5") }
func BenchmarkW6(b *testing.B)  { benchmark(b, "W6") }
func BenchmarkW7(b *testing.B)  { benchmark(b, "W7") }

func BenchmarkW2Post(b *testing.B) { benchmark(b, "W2 post") }
func BenchmarkW3Post(b *testing.B) { benchmark(b, "W3 post") }
func BenchmarkW7Post(b *testing.B) { benchmark(b, "W7 post") }

// benchmark runs every way of a workload by itself, for profiles, and all ways in turns, for ratios: only figures of one machine at one time can be
// compared.
func benchmark(b *testing.B, id string) {
	b.Helper()
	for _, w := range workloads.All() {
		if w.ID != id || w.Long && testing.Short() {
			continue
		}
		name := strings.ReplaceAll(strings.TrimPrefix(w.Key(), id+" "), " ", "/")
		for _, way := range w.Ways {
			b.Run(name+"/"+way.Name, func(b *testing.B) { runWay(b, w, way) })
		}
		b.Run(name+"/ratio", func(b *testing.B) { compare(b, w) })
	}
}

func runWay(b *testing.B, w workloads.Workload, way workloads.Way) {
	b.Helper()
	work := prepare(b, open(b, w.On), way.Prepare)
	b.ReportAllocs()
	for b.Loop() {
		if work.Before != nil {
			b.StopTimer()
			check(b, work.Before())
			b.StartTimer()
		}
		check(b, work.Run())
	}
}

func compare(b *testing.B, w workloads.Workload) {
	b.Helper()
	var figures measure.Figures
	for b.Loop() { // runs once, because Compare takes a second
		var err error
		figures, err = measure.Compare(w, measure.Plan{Budget: time.Second})
		check(b, err)
	}
	for _, way := range w.Ways[1:] {
		b.ReportMetric(figures[way.Name].Ratio, way.Name+"/plain")
		b.ReportMetric(figures[way.Name].More, way.Name+"+ns")
	}
	b.ReportMetric(figures[workloads.Plain].Nanos, "plain-ns")
	b.ReportMetric(0, "ns/op") // meaningless here
}

// open makes a database that is closed when the test ends.
func open(tb testing.TB, on workloads.Backend) *workloads.Env {
	tb.Helper()
	env, err := workloads.Open(on)
	check(tb, err)
	tb.Cleanup(func() { check(tb, env.Close()) })
	return env
}

func prepare(tb testing.TB, env *workloads.Env, way func(*workloads.Env) (workloads.Work, error)) workloads.Work {
	tb.Helper()
	work, err := way(env)
	check(tb, err)
	return work
}

// check is require.NoError without its cost.
func check(tb testing.TB, err error) { //nolint:thelper // Helper costs more than much of what is measured.
	if err != nil {
		fail(tb, err)
	}
}

func fail(tb testing.TB, err error) {
	tb.Helper()
	tb.Fatal(err)
}

// Ways can be compared only if they leave the same rows.
func TestEveryWayOfAWorkloadDoesTheSame(t *testing.T) {
	t.Parallel()
	for _, w := range workloads.All() {
		if w.On != workloads.Memory || w.Long {
			continue
		}
		t.Run(w.Key(), func(t *testing.T) {
			t.Parallel()
			plain, err := w.Ways[0].Do(w.On)
			require.NoError(t, err)
			for _, way := range w.Ways[1:] {
				got, err := way.Do(w.On)
				require.NoError(t, err, way.Name)
				assert.Equal(t, plain, got, way.Name)
			}
		})
	}
}

func TestAContextThatCanEndCostsNoStatement(t *testing.T) {
	t.Parallel()
	statements := func(key string) int {
		n, err := workloads.Way{Name: key, Prepare: find(t, key, workloads.Signals)}.Statements(workloads.Memory)
		require.NoError(t, err)
		return n
	}
	require.Equal(t, statements("W3 10000 memory"), statements("W3 10000 cancellable memory"))
}

// The counts on other databases are tests of package dbtest.
func TestReceiversThatLookAfterwardsTakeFewStatements(t *testing.T) {
	t.Parallel()
	for key, most := range map[string]int{"W2 post memory": 1, "W3 post memory": 6, "W7 post memory": 6} {
		for way, most := range map[string]int{workloads.Plain: 1, workloads.Hand: 1, workloads.SQL: 1, workloads.Signals: most} {
			n, err := workloads.Way{Name: way, Prepare: find(t, key, way)}.Statements(workloads.Memory)
			require.NoError(t, err)
			require.Positive(t, n)
			require.LessOrEqual(t, n, most, "%s: %s", key, way)
		}
	}
}

func find(tb testing.TB, key, way string) func(*workloads.Env) (workloads.Work, error) {
	tb.Helper()
	for _, w := range workloads.All() {
		for i := range w.Ways {
			if w.Key() == key && w.Ways[i].Name == way {
				return w.Ways[i].Prepare
			}
		}
	}
	require.FailNow(tb, "no such workload", "%s: %s", key, way)
	return nil
}
