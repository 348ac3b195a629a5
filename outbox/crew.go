package outbox

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"
)

// crew calls the receivers of one name with claimed events, off the goroutines of the writers. Events are begun in the order in which they
// were taken, by as many workers as the receiver has; one of a row waits for the one before it. A worker ends when nothing is left to do.
type crew struct {
	ob *Outbox

	// looking is held while the table is asked about events or claims on them are made longer: what is known of an event that waits changes
	// under it alone.
	looking sync.Mutex

	mu       sync.Mutex
	limit    int             // of workers
	workers  int             // that are at work
	rows     map[string]*row // with events, by subject
	ready    rowQueue        // of them those whose next event may be handled
	taken    uint64          // events so far
	unlooked []*held         // events about which the table was not asked, in their order
	waiting  int             // events that are not handled
	swept    int             // of them those that were found in the table
	fewer    *sync.Cond      // is told when these become fewer
	idle     chan struct{}   // is closed when none are; nil when nobody waits for that
	closing  bool            // what waits is left to others
}

// mostWaiting is how many events may wait for workers in memory. Others are left to Run.
const mostWaiting = 10_000

// crewOf returns the crew of the receivers of a name.
func (ob *Outbox) crewOf(name string) *crew {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	return ob.crewLocked(name)
}

func (ob *Outbox) crewLocked(name string) *crew {
	c := ob.crews[name]
	if c == nil {
		c = &crew{ob: ob, limit: 1, rows: map[string]*row{}, closing: ob.closed}
		c.fewer = sync.NewCond(&c.mu)
		ob.crews[name] = c
	}
	return c
}

// take takes events over. handled, unless it is nil, is told of each when it is handled or left to others.
func (c *crew) take(events []*held, handled *sync.WaitGroup) {
	if handled != nil {
		handled.Add(len(events))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range events {
		c.admit(e, handled)
		r := c.rows[e.Subject]
		if r != nil {
			r.events = append(r.events, e)
			continue
		}
		r = &row{subject: e.Subject, events: []*held{e}}
		c.rows[e.Subject] = r
		heap.Push(&c.ready, r)
	}
	for i := 0; i < len(c.ready) && c.workers < c.limit; i++ {
		c.workers++
		go c.work()
	}
}

// admit counts an event that waits.
func (c *crew) admit(e *held, handled *sync.WaitGroup) {
	e.call.handled = handled
	if c.waiting++; e.swept {
		c.swept++
	}
	if !e.looked {
		c.unlooked = append(c.unlooked, e)
	}
	c.taken++
	e.ticket = c.taken
}

// full reports whether events have to be left to others.
func (c *crew) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing || c.waiting >= mostWaiting
}

// work handles events until none is left.
func (c *crew) work() {
	for {
		r, e := c.next()
		if r == nil {
			return
		}
		late := false
		apart(func() { late = c.turn(r, e) })
		if !late {
			c.handled(r, e)
		}
	}
}

// next returns a row and its first event, or nil when the worker is not needed any more.
func (c *crew) next() (*row, *held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ready) == 0 || c.workers > c.limit {
		c.workers--
		return nil, nil
	}
	r, _ := heap.Pop(&c.ready).(*row)
	r.busy = true
	return r, r.events[0]
}

// handled forgets an event.
func (c *crew) handled(r *row, e *held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.busy = false
	if r.events = rest(r.events, 1); len(r.events) > 0 {
		heap.Push(&c.ready, r)
	} else {
		delete(c.rows, r.subject)
	}
	c.dismiss(e)
}

// dismiss counts an event that waits no more.
func (c *crew) dismiss(e *held) {
	if c.waiting--; c.waiting == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
	if e.swept {
		c.swept--
		c.fewer.Broadcast()
	}
	if e.call.handled != nil {
		e.call.handled.Done()
	}
}

// leaveSwept leaves to others what was found in the table and is not being handled.
func (c *crew) leaveSwept(ctx context.Context) {
	c.looking.Lock() // nobody extends their claims meanwhile
	defer c.looking.Unlock()
	c.mu.Lock()
	var left []*held
	c.ready = c.ready[:0]
	for subject, r := range c.rows {
		kept := r.events[:0:0]
		for i, e := range r.events {
			if e.swept && (i > 0 || !r.busy) {
				left = append(left, e)
				c.dismiss(e)
			} else {
				kept = append(kept, e)
			}
		}
		switch r.events = kept; {
		case len(kept) == 0:
			delete(c.rows, subject)
		case !r.busy:
			c.ready = append(c.ready, r)
		}
	}
	heap.Init(&c.ready)
	c.mu.Unlock()
	c.ob.leave(ctx, left)
}

// waitSwept waits until no more than so many events that were found in the table are left, or until ctx has ended and those have returned that are
// being handled.
func (c *crew) waitSwept(ctx context.Context, most int) {
	defer context.AfterFunc(ctx, func() { c.leaveSwept(ctx) })()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.swept > most {
		c.fewer.Wait()
	}
}

// mostWorkers returns how many workers there may be.
func (c *crew) mostWorkers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.limit
}

// turn calls the receiver of an event, unless an earlier one of its row waits. It reports whether the event has changed places with that one:
// writers that commit one after the other may come here in another order.
func (c *crew) turn(r *row, e *held) (late bool) {
	c.prepare(e)
	behind := e.earlier != 0 && e.earlier != r.out && !c.ob.noting.isDone(e.earlier)
	switch {
	case !e.mine:
	case e.Sequence == r.out || c.ob.noting.isDone(e.Sequence): // its claim had ended while it was being handled
		e.out, r.out = true, e.Sequence
	case (e.after != nil && !e.after.out) || e.call.ctx.Err() != nil || c.leaves():
		c.ob.giveUp(e.call.ctx, e)
	case behind && c.letPass(r, e):
		return true
	case behind:
		c.ob.giveUp(e.call.ctx, e)
	default:
		if e.out = c.ob.try(e.call.ctx, e); e.out {
			r.out = e.Sequence
		}
	}
	return false
}

// prepare finds out what is to know of an event before its turn, and keeps its claim.
func (c *crew) prepare(e *held) {
	c.looking.Lock()
	defer c.looking.Unlock()
	c.look(e)
	c.extend(e)
}

// letPass lets the event right before another one in their row go first, if it waits here too.
func (c *crew) letPass(r *row, e *held) bool {
	c.looking.Lock()
	defer c.looking.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range r.events {
		if other.looked && other.mine && other.Sequence == e.earlier {
			r.events[0], r.events[i] = other, e
			e.ticket, other.ticket = other.ticket, e.ticket
			r.busy = false
			heap.Push(&c.ready, r)
			return true
		}
	}
	return false
}

// leaves reports whether what waits is left to others.
func (c *crew) leaves() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// look asks the table about an event, and with it about others that wait, unless it has been asked.
func (c *crew) look(e *held) {
	for !e.looked {
		c.mu.Lock()
		some := c.unlooked[:min(len(c.unlooked), batch)]
		c.unlooked = rest(c.unlooked, len(some))
		c.mu.Unlock()
		c.ob.look(e.call.ctx, some)
	}
}

// look asks the table about events of this process.
func (ob *Outbox) look(ctx context.Context, events []*held) {
	if err := ob.store.look(ob.db.WithContext(ctx), events); err != nil { // their claims end by themselves
		ob.failed(ctx, fmt.Errorf("outbox: %s and %d events after it are tried later: %w", events[0], len(events)-1, err))
	}
	for _, e := range events {
		if e.looked = true; ob.noting.isDone(e.earlier) {
			e.earlier = 0
		}
	}
}

// extend makes the claim on an event longer when half of its time is over, and with it those of others that wait.
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
		for _, e := range some { // until then they are mine, whatever has become of the statement
			e.mine = e.mine || time.Until(e.until) > 0
		}
		c.ob.failed(e.call.ctx, fmt.Errorf("outbox: %s and %d events after it are tried later: %w", e, len(some)-1, err))
	}
}

// close leaves to others what waits, and refuses what comes.
func (c *crew) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
}

// wait waits until no event waits or is being handled.
func (c *crew) wait(ctx context.Context) error {
	c.mu.Lock()
	if c.waiting == 0 {
		c.mu.Unlock()
		return nil
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// busy reports whether an event waits or is being handled.
func (c *crew) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting > 0
}
