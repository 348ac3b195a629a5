package outbox

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// batch is how many records one statement reads or changes at most.
const batch = 500

// Run calls durable receivers whose events wait in the table: events that have failed, those of a process that has died, those with a [Delay], and
// later ones of their rows. It calls only receivers that are connected in this process, or were: after a disconnect, Run still handles the events that
// wait for the name. So until ctx ends, it looks at the table for each such name every Config.Poll. Run also deletes events that were done more than
// Config.Retain ago. Errors go to Config.ErrorHandler.
//
// Run it in one process at least; several share the work. When ctx ends, Run waits for the running receivers and returns.
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
			if !running[name] { // on a goroutine of its own, so that a slow name holds up no other
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

// runReceiver handles the waiting events of one name until ctx ends.
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

// sweep looks once for due events of a name, claims them for the crew, and returns how many it has got. It claims at once only as many events as the
// crew handles in about a window, because other processes cannot take claimed events.
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

// upTo makes events of the first records and returns the remaining records. last holds the last event of each row: if an event fails, the later ones
// that were found with it must wait.
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

// fitted returns how many events to claim next, after the crew has handled events in the time took.
func fitted(events int, took time.Duration) int {
	switch {
	case took < window:
		return min(2*events, batch)
	case took > 2*window:
		return max(1, int(int64(events)*int64(window)/int64(took)))
	}
	return events
}

// leave gives up the claims of this process on events.
func (ob *Outbox) leave(ctx context.Context, events []*held) {
	for _, e := range events {
		if e.mine {
			ob.giveUp(ctx, e)
		}
	}
}

// takeSwept hands events that Run has found and claimed to the crew, and returns how many of them are mine.
func (c *crew) takeSwept(ctx context.Context, events []*held) (mine int) {
	for _, e := range events {
		if e.call.ctx = ctx; e.mine {
			mine++
		}
	}
	c.take(events, nil)
	return mine
}

// connected returns the types of the records that receivers of this process take, by the name of the receiver.
func (ob *Outbox) connected() map[string][]string {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	types := map[string][]string{}
	for _, r := range ob.receivers {
		types[r.Name] = append(types[r.Name], durableType(r.DurableReceiver))
	}
	return types
}
