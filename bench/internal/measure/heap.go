package measure

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/gorm-signals/signals/bench/internal/workloads"
)

// Grown does the workload once in every way, and returns by how many megabytes the Go heap grew at most, with garbage that was not collected yet.
// Memory of SQLite is not on this heap.
func Grown(w workloads.Workload) (map[string]float64, error) {
	grown := map[string]float64{}
	for _, way := range w.Ways {
		t, err := prepare(w, way)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", w.Key(), way.Name, err)
		}
		grown[way.Name], err = t.grow()
		if err = errors.Join(err, t.env.Close()); err != nil {
			return nil, err
		}
	}
	return grown, nil
}

func (t *turn) grow() (float64, error) {
	if err := t.Before(); err != nil {
		return 0, t.failed(err)
	}
	runtime.GC()
	start, done, peak := heap(), make(chan struct{}), make(chan uint64)
	go func() {
		highest := start
		tick := time.NewTicker(200 * time.Microsecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				highest = max(highest, heap())
			case <-done:
				peak <- max(highest, heap())
				return
			}
		}
	}()
	err := t.Run()
	close(done)
	if err != nil {
		return 0, t.failed(err)
	}
	return float64(<-peak-start) / (1 << 20), nil
}

func heap() uint64 {
	sample := [1]metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample[:])
	return sample[0].Value.Uint64()
}
