// Package measure compares ways of doing one workload. The ways take turns, because only figures of one machine at one time can be compared. The
// results are medians over many rounds.
package measure

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/gorm-signals/signals/bench/internal/workloads"
)

// Plan says how long to measure.
type Plan struct {
	Rounds int           // the least number; in a round every way has a turn; 0 means 7
	Budget time.Duration // further rounds follow for this time; 0 means none
	Turn   time.Duration // the rough length for the first way, which decides how often short work runs in a turn; 0 means 2 ms
}

// Figure is the cost of one way for one row, send or call. Ratio and More compare it with the first way in the same round.
type Figure struct {
	Nanos  float64
	Allocs float64
	Bytes  float64 // allocated
	Ratio  float64
	Spread float64 // of the middle half of the rounds' ratios, relative to Ratio: it is large on a busy machine
	More   float64 // nanoseconds

	Statements int // of one call, if they are counted: see Statements
}

// Figures holds the figure of each way by its name.
type Figures map[string]Figure

// Compare does the workload in all its ways.
func Compare(w workloads.Workload, plan Plan) (Figures, error) {
	turns := make([]*turn, 0, len(w.Ways))
	figures, err := func() (Figures, error) {
		for _, way := range w.Ways {
			t, err := prepare(w, way)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", w.Key(), way.Name, err)
			}
			turns = append(turns, t)
		}
		return compare(turns, plan)
	}()
	for _, t := range turns {
		err = errors.Join(err, t.env.Close())
	}
	return figures, err
}

// Statements counts the statements of all ways of a workload on SQLite, and adds the numbers to the figures.
func (f Figures) Statements(w workloads.Workload) error {
	for _, way := range w.Ways {
		n, err := way.Statements(w.On)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", w.Key(), way.Name, err)
		}
		figure := f[way.Name]
		figure.Statements = n
		f[way.Name] = figure
	}
	return nil
}

// turn is a way with its results.
type turn struct {
	workloads.Work

	name   string
	per    float64
	env    *workloads.Env
	took   []float64 // nanoseconds of each round
	allocs float64
	bytes  float64
}

func prepare(w workloads.Workload, way workloads.Way) (*turn, error) {
	env, err := workloads.Open(w.On)
	if err != nil {
		return nil, err
	}
	work, err := way.Prepare(env)
	if err != nil {
		return nil, errors.Join(err, env.Close())
	}
	return &turn{Work: work, name: way.Name, per: float64(w.Per), env: env}, nil
}

func compare(turns []*turn, plan Plan) (Figures, error) {
	times, err := warmUp(turns, plan)
	if err != nil {
		return nil, err
	}
	least, started := max(plan.Rounds, 7), time.Now()
	for round := 0; round < least || time.Since(started) < plan.Budget; round++ {
		for i := range turns {
			t := turns[(i+round)%len(turns)] // each way comes after each other one in turn
			if err := t.take(times); err != nil {
				return nil, err
			}
		}
	}
	figures := Figures{}
	for _, t := range turns {
		if err := t.count(min(times, 200)); err != nil {
			return nil, err
		}
		figures[t.name] = t.figure(turns[0])
	}
	return figures, nil
}

// warmUp runs every way a few times, and returns how often each way runs in a turn.
func warmUp(turns []*turn, plan Plan) (int, error) {
	length := plan.Turn
	if length == 0 {
		length = 2 * time.Millisecond
	}
	times := 1
	for _, t := range turns {
		if err := t.take(1); err != nil {
			return 0, err
		}
		if t.Before != nil {
			continue
		}
		if err := t.take(50); err != nil {
			return 0, err
		}
		if t == turns[0] {
			times = max(1, int(float64(length)/t.took[1]))
		}
	}
	for _, t := range turns {
		t.took = t.took[:0]
	}
	return times, nil
}

// take is one turn. Collecting garbage and warming up first keeps it free from costs that another way has caused.
func (t *turn) take(times int) error {
	runtime.GC()
	switch {
	case t.Before != nil:
		times = 1
		if err := t.Before(); err != nil {
			return t.failed(err)
		}
		runtime.GC()
	case times > 1:
		for range max(1, times/20) {
			if err := t.Run(); err != nil {
				return t.failed(err)
			}
		}
	}
	start := time.Now()
	for range times {
		if err := t.Run(); err != nil {
			return t.failed(err)
		}
	}
	t.took = append(t.took, float64(time.Since(start))/float64(times))
	return nil
}

// count counts allocations and their bytes. The least of several passes is that of the work alone: now and then the runtime allocates for itself, and
// pools do not have a value that another processor has put there.
func (t *turn) count(times int) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	passes := 5
	if t.Before != nil {
		times, passes = 1, 1 // with many rows, a few allocations do not matter
	}
	t.allocs, t.bytes = math.MaxFloat64, math.MaxFloat64
	var before, after runtime.MemStats
	for range passes {
		if t.Before != nil {
			if err := t.Before(); err != nil {
				return t.failed(err)
			}
		}
		runtime.ReadMemStats(&before)
		for range times {
			if err := t.Run(); err != nil {
				return t.failed(err)
			}
		}
		runtime.ReadMemStats(&after)
		t.allocs = min(t.allocs, float64((after.Mallocs-before.Mallocs)/uint64(times))) // whole numbers, as package testing counts them
		t.bytes = min(t.bytes, float64((after.TotalAlloc-before.TotalAlloc)/uint64(times)))
	}
	return nil
}

func (t *turn) failed(err error) error { return fmt.Errorf("%s: %w", t.name, err) }

func (t *turn) figure(first *turn) Figure {
	ratios, more := make([]float64, len(t.took)), make([]float64, len(t.took))
	for i := range t.took {
		ratios[i], more[i] = t.took[i]/first.took[i], t.took[i]-first.took[i]
	}
	slices.Sort(ratios)
	n := len(ratios)
	f := Figure{Nanos: median(t.took) / t.per, Allocs: t.allocs / t.per, Bytes: t.bytes / t.per, Ratio: median(ratios), More: median(more) / t.per}
	f.Spread = (ratios[n-1-n/4] - ratios[n/4]) / f.Ratio
	return f
}

// median returns the middle value, or the mean of the two middle ones.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
