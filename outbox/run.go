package outbox

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// batch is how many records are read at once.
const batch = 500

// Run calls durable receivers whose events wait: those that failed, those of a process that died, and those behind them. It also
// deletes what has been done for longer than Config.Retain. Run it in one process at least; several share the work. It returns
// when ctx ends and the receivers have returned.
func (ob *Outbox) Run(ctx context.Context) {
	woken, stop := ob.woken()
	defer stop()
	defer func() { _ = ob.Flush(context.WithoutCancel(ctx)) }()
	var group sync.WaitGroup
	defer group.Wait()
	running := map[string]bool{}
	var cleaning cleaner
	for {
		for name := range ob.connected() {
			if !running[name] { // one that is slow or fails holds no other up
				running[name] = true
				group.Go(func() { ob.runReceiver(ctx, name) })
			}
		}
		if err := cleaning.clean(ctx, ob); err != nil && ctx.Err() == nil {
			ob.failed(ctx, fmt.Errorf("outbox: Run: %w", err))
		}
		if !wait(ctx, woken, ob.Poll) {
			return
		}
	}
}

// runReceiver tries the events of the receivers of one name until ctx ends.
func (ob *Outbox) runReceiver(ctx context.Context, name string) {
	woken, stop := ob.woken()
	defer stop()
	defer ob.crewOf(name).waitSwept(ctx, 0)
	atOnce := 1
	for {
		n, err := ob.sweep(ctx, name, &atOnce)
		if err != nil && ctx.Err() == nil {
			ob.failed(ctx, fmt.Errorf("outbox: Run: %w", err))
		}
		if n > 0 && err == nil {
			continue
		}
		if !wait(ctx, woken, ob.Poll) {
			return
		}
	}
}

// sweep tries what is due for a receiver once, and returns how many events it got. Claimed are so many events at once as are handled within
// a window or so: more would keep them from other processes.
func (ob *Outbox) sweep(ctx context.Context, name string, atOnce *int) (n int, err error) {
	db := ob.db.WithContext(ctx)
	if ob.crewOf(name).leaves() { // Shutdown
		return 0, nil
	}
	records, err := ob.store.eligible(db, name, ob.connected()[name], batch)
	if err != nil {
		return 0, err
	}
	c, last := ob.crewOf(name), map[string]*held{}
	for len(records) > 0 && ctx.Err() == nil {
		workers := c.mostWorkers()
		var some []*held
		some, records = upTo(max(*atOnce, workers), records, last)
		began := time.Now()
		if err = ob.store.claim(db, some, ob.Claim); err != nil {
			ob.leave(ctx, some)
			return n, err
		}
		n += c.takeSwept(ctx, some)
		c.waitSwept(ctx, workers/2) // so that no worker waits for the next claim
		*atOnce = fitted(*atOnce, time.Since(began))
	}
	return n, ctx.Err()
}

// upTo splits records into the first ones and those after them. last holds the last event of each row. What has failed holds up all that
// was found behind it.
func upTo(most int, records []record, last map[string]*held) (some []*held, after []record) {
	for i := range records {
		if len(some) == most {
			return some, records[i:]
		}
		e := &held{record: &records[i], swept: true, looked: true}
		e.after = last[e.Subject]
		last[e.Subject], some = e, append(some, e)
	}
	return some, nil
}

// fitted returns how many events to claim after so many have taken some time.
func fitted(events int, took time.Duration) int {
	switch {
	case took < window:
		return min(2*events, batch)
	case took > 2*window:
		return max(1, int(int64(events)*int64(window)/int64(took)))
	}
	return events
}

// leave gives up the claims on those of some events that are mine.
func (ob *Outbox) leave(ctx context.Context, events []*held) {
	for _, e := range events {
		if e.mine {
			ob.giveUp(ctx, e)
		}
	}
}

// takeSwept takes events over that were found in the table and claimed, and returns how many of them are mine.
func (c *crew) takeSwept(ctx context.Context, events []*held) (mine int) {
	for _, e := range events {
		if e.call.ctx = ctx; e.mine {
			mine++
		}
	}
	c.take(events, nil)
	return mine
}

// connected returns the types of events that are heard here, by name of the receiver.
func (ob *Outbox) connected() map[string][]string {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	types := map[string][]string{}
	for _, r := range ob.receivers {
		types[r.Name] = append(types[r.Name], durableType(r.DurableReceiver))
	}
	return types
}
