package inspector

import (
	"maps"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorm-signals/signals"
)

// counters holds a counter per receiver, and one per signal and sender, under a ReceiverInfo without a location. Equal receivers share one, so that
// connecting and disconnecting in a loop takes no memory.
type counters struct {
	mu    sync.Mutex // held by writers
	known atomic.Pointer[map[signals.ReceiverInfo]*counter]
	rest  counter
}

// maxCounters is the number of counters. All further receivers, signals and senders share one more.
const maxCounters = 1000

// of returns the counter of a step.
func (c *counters) of(o *signals.Observed) *counter {
	key := signals.ReceiverInfo{Signal: o.Signal, Sender: o.Sender, Phase: o.Phase}
	if o.Receiver != nil {
		key = *o.Receiver
	}
	if known := c.known.Load(); known != nil {
		if found := (*known)[key]; found != nil {
			return found
		}
		if len(*known) >= maxCounters {
			return &c.rest
		}
	}
	return c.make(key)
}

// make adds a counter to a copy of the map, so that readers need no lock.
func (c *counters) make(key signals.ReceiverInfo) *counter {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all()
	if found := all[key]; found != nil {
		return found
	}
	if len(all) >= maxCounters {
		return &c.rest
	}
	made, copied := &counter{}, maps.Clone(all)
	if copied == nil {
		copied = map[signals.ReceiverInfo]*counter{}
	}
	copied[key] = made
	c.known.Store(&copied)
	return made
}

func (c *counters) all() map[signals.ReceiverInfo]*counter {
	if known := c.known.Load(); known != nil {
		return *known
	}
	return nil
}

// counter counts calls and their durations. It keeps durations in a histogram of fixed size, with eight buckets between a power of two nanoseconds
// and the next.
type counter struct {
	calls, events, errors atomic.Uint64
	longest               atomic.Int64
	buckets               [buckets]atomic.Uint64
}

const (
	perPower = 8
	lowest   = 6  // powers of two below 64 ns share the first bucket
	highest  = 40 // and those above 18 minutes the last one
	buckets  = (highest-lowest)*perPower + 1
)

func (c *counter) add(took time.Duration, events int, failed bool) {
	c.calls.Add(1)
	c.events.Add(uint64(max(0, events)))
	if failed {
		c.errors.Add(1)
	}
	c.buckets[bucketOf(took)].Add(1)
	for {
		longest := c.longest.Load()
		if int64(took) <= longest || c.longest.CompareAndSwap(longest, int64(took)) {
			return
		}
	}
}

// bucketOf returns the bucket of a duration.
func bucketOf(d time.Duration) int {
	if d < 1<<lowest {
		return 0
	}
	n := uint64(d)
	power := bits.Len64(n) - 1
	if power >= highest {
		return buckets - 1
	}
	return (power-lowest)*perPower + int(n>>(power-3))&(perPower-1) + 1
}

// above returns the upper bound of a bucket.
func above(bucket int) time.Duration {
	if bucket == 0 {
		return 1 << lowest
	}
	power, part := (bucket-1)/perPower+lowest, (bucket-1)%perPower
	return time.Duration(perPower+part+1) << (power - 3)
}

// figures are the results of a counter. A percentile is at most an eighth too high.
type figures struct {
	Calls, Events, Errors  uint64
	P50, P95, P99, Longest time.Duration
}

func (c *counter) figures() figures {
	f := figures{Calls: c.calls.Load(), Events: c.events.Load(), Errors: c.errors.Load(), Longest: time.Duration(c.longest.Load())}
	var counts [buckets]uint64
	var all uint64
	for b := range counts {
		counts[b] = c.buckets[b].Load()
		all += counts[b]
	}
	percentile := func(percent uint64) time.Duration {
		wanted, seen := (all*percent+99)/100, uint64(0)
		for b, n := range counts {
			if seen += n; n == 0 || seen < wanted {
				continue
			}
			if b == buckets-1 {
				return f.Longest
			}
			return min(above(b), f.Longest)
		}
		return 0
	}
	f.P50, f.P95, f.P99 = percentile(50), percentile(95), percentile(99)
	return f
}
