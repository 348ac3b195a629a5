package inspector

import "time"

// Internals that tests outside the package need.
const (
	MaxChildren = maxChildren
	MaxCounters = maxCounters
	MaxUnread   = maxUnread
	MaxWaiting  = maxWaiting
	MaxWatchers = maxWatchers
)

// Percentiles counts durations and returns the 50th, 95th and 99th percentile and the longest.
func Percentiles(all []time.Duration) [4]time.Duration {
	var c counter
	for _, d := range all {
		c.add(d, 1, false)
	}
	f := c.figures()
	return [4]time.Duration{f.P50, f.P95, f.P99, f.Longest}
}

// Dropped is how many events streams have lost.
func (i *Inspector) Dropped() uint64 { return i.watchers.dropped.Load() }

// Faults is how many panics stayed in the inspector.
func (i *Inspector) Faults() uint64 { return i.faults.Load() }

// Watching is how many streams are open.
func (i *Inspector) Watching() int { return len(i.watchers.all()) }

// Kept is how many steps and counters there are.
func (i *Inspector) Kept() (steps, counters, waiting int) {
	return len(i.history.events()), len(i.counters.all()), len(i.waiting.all())
}
