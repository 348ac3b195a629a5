package outbox

import (
	"context"
	"fmt"
	"time"
)

// prepare asks the table about an event, unless that was done, and renews its claim.
func (c *crew) prepare(e *held) {
	c.looking.Lock()
	defer c.looking.Unlock()
	c.look(e)
	c.extend(e)
}

// pauseOfLooks is the time between two looks. While writers commit one event after another, a look for each would share the processors with them.
const pauseOfLooks = 5 * time.Millisecond

// look asks the table about an event, and about others that wait, unless that was done. The caller holds looking.
func (c *crew) look(e *held) {
	for !e.looked {
		some, pause := c.nextLook()
		if pause > 0 {
			c.pause(pause)
			continue
		}
		c.ob.look(e.call.ctx, some)
		c.looking.next = time.Now().Add(pauseOfLooks)
	}
}

// nextLook returns the events of the next look, or how long it has to wait. A whole batch does not wait, and under Config.Eager nothing does.
func (c *crew) nextLook() (some []*held, pause time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if pause = time.Until(c.looking.next); pause > 0 && len(c.unlooked.events) < batch && !c.ob.Eager {
		return nil, pause
	}
	some = c.unlooked.events[:min(len(c.unlooked.events), batch)]
	c.unlooked.events = rest(c.unlooked.events, len(some))
	return some, 0
}

// pause releases looking for d. Meanwhile, new events start no workers.
func (c *crew) pause(d time.Duration) {
	c.looking.Unlock()
	defer c.looking.Lock()
	c.mu.Lock()
	c.unlooked.pausing = true
	c.mu.Unlock()
	time.Sleep(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unlooked.pausing = false
	c.hire()
}

// look asks the table about events that this process has written.
func (ob *Outbox) look(ctx context.Context, events []*held) {
	if err := ob.store.look(ob.db.WithContext(ctx), events); err != nil { // these claims then end by themselves
		ob.failed(ctx, fmt.Errorf("outbox: %s and %d events after it are tried later: %w", events[0], len(events)-1, err))
	}
	for _, e := range events {
		if e.looked = true; ob.noting.isDone(e.earlier) {
			e.earlier = 0
		}
	}
}

// extend renews the claim on an event when half of its time is over, and with it those of other waiting events.
func (c *crew) extend(e *held) {
	half := c.ob.Claim / 2
	if !e.mine || time.Until(e.until) > half {
		return
	}
	some := []*held{e}
	c.mu.Lock()
	for _, r := range c.rows {
		for i, other := range r.events {
			if len(some) < batch && (i > 0 || !r.busy) && other.looked && other.mine && time.Until(other.until) <= half {
				some = append(some, other)
			}
		}
	}
	c.mu.Unlock()
	if err := c.ob.store.extend(c.ob.db.WithContext(context.WithoutCancel(e.call.ctx)), some, c.ob.Claim); err != nil {
		for _, e := range some { // the UPDATE may have worked or not: these are mine until the old claim ends
			e.mine = e.mine || time.Until(e.until) > 0
		}
		c.ob.failed(e.call.ctx, fmt.Errorf("outbox: %s and %d events after it are tried later: %w", e, len(some)-1, err))
	}
}
