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
	records, err := ob.store.eligible(db, name, ob.connected()[name], batch)
	if err != nil {
		return 0, err
	}
	blocked := map[string]bool{}
	for len(records) > 0 && ctx.Err() == nil {
		var some []*held
		some, records = upTo(*atOnce, records, blocked)
		began := time.Now()
		if err = ob.store.claim(db, some, ob.Claim); err != nil {
			ob.leave(ctx, some)
			return n, err
		}
		n += ob.tryAll(ctx, some, blocked)
		*atOnce = fitted(*atOnce, time.Since(began))
	}
	return n, ctx.Err()
}

// upTo splits records into the first ones whose rows are not blocked, and those after them.
func upTo(most int, records []record, blocked map[string]bool) (some []*held, after []record) {
	for i := range records {
		if len(some) == most {
			return some, records[i:]
		}
		if !blocked[records[i].Subject] {
			some = append(some, &held{record: &records[i]})
		}
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

// tryAll tries claimed events in their order, and returns how many were mine. One that fails, or that somebody else has, blocks its row.
func (ob *Outbox) tryAll(ctx context.Context, events []*held, blocked map[string]bool) (mine int) {
	for i, e := range events {
		if e.mine {
			mine++
			ob.extend(ctx, events[i:])
		}
		out := false
		switch {
		case e.mine && (blocked[e.Subject] || ctx.Err() != nil):
			ob.giveUp(ctx, e)
		case e.mine:
			apart(func() { out = ob.try(ctx, e) })
		}
		blocked[e.Subject] = !out
	}
	return mine
}

// connected returns the types of events that are heard here, by name of the receiver.
func (ob *Outbox) connected() map[string][]string {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	types := map[string][]string{}
	for _, r := range ob.receivers {
		types[r.Name] = append(types[r.Name], durableType(r))
	}
	return types
}
