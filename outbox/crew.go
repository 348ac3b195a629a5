package outbox

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// crew calls the receivers of one name with claimed events, on goroutines of its own. It begins events in the order in which it took them, with as
// many workers as the receivers have. An event waits for the one before it in its row. A worker ends if no event is ready.
type crew struct {
	ob *Outbox

	// looking is held while the crew asks the table about events or renews claims. What is known of a waiting event changes only under it.
	looking looking

	mu       sync.Mutex
	limit    int             // of workers
	workers  int             // running
	rows     map[string]*row // that have events, by subject
	ready    rowQueue        // those of rows whose next event may be handled
	taken    uint64          // number of events so far
	unlooked unlooked
	waiting  int           // number of events that are not handled yet
	swept    int           // of these, the ones that Run found in the table
	fewer    *sync.Cond    // broadcasts when swept becomes smaller
	idle     chan struct{} // closed when waiting becomes 0; nil if nobody waits for that
	closing  bool          // after Shutdown: waiting events are left to other processes
}

// looking is the right to look.
type looking struct {
	sync.Mutex

	next time.Time // no look comes earlier
}

// unlooked are the events that look has still to ask the table about.
type unlooked struct {
	events  []*held // in their order
	pausing bool    // a worker waits for the next look, and then hires others
}

// mostWaiting is how many events may wait in memory. Once so many wait, writes leave further ones to Run.
const mostWaiting = 10_000

// crewOf returns the crew of the receivers of a name, and makes it if there is none.
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

// take queues events and starts workers. If handled is not nil, it gets a value for each event that is handled or left to others. It has room for all.
func (c *crew) take(events []*held, handled chan<- struct{}) {
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
	if !c.unlooked.pausing {
		c.hire()
	}
}

// hire starts a worker for each ready row, up to the limit. The caller holds mu.
func (c *crew) hire() {
	for i := 0; i < len(c.ready) && c.workers < c.limit; i++ {
		c.workers++
		go c.work()
	}
}

// admit counts an event that begins to wait.
func (c *crew) admit(e *held, handled chan<- struct{}) {
	e.call.handled = handled
	if c.waiting++; e.swept {
		c.swept++
	}
	if !e.looked {
		c.unlooked.events = append(c.unlooked.events, e)
	}
	c.taken++
	e.ticket = c.taken
}

// full reports whether events of new writes are left to others.
func (c *crew) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing || c.waiting >= mostWaiting
}

// work is a worker: it handles events until none is ready.
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

// next returns a ready row and its first event, or nil if the worker is not needed any more.
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

// handled removes the first event of a row.
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

// dismiss counts an event that has ended to wait.
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
		e.call.handled <- struct{}{}
	}
}

// leaveSwept removes the events that Run found in the table and no worker handles, and gives up their claims.
func (c *crew) leaveSwept(ctx context.Context) {
	c.looking.Lock() // nobody may renew these claims meanwhile
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

// waitSwept waits until at most so many events are left of those that Run found in the table. If ctx ends, it waits only for those that workers
// handle, and leaves the others to other processes.
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

// turn calls the receiver of an event, unless an earlier event of its row is pending. If that one waits in this crew, turn swaps the two and reports
// true: writers that commit one after the other may arrive here in another order.
func (c *crew) turn(r *row, e *held) (late bool) {
	c.prepare(e)
	behind := e.earlier != 0 && e.earlier != r.out && !c.ob.noting.isDone(e.earlier)
	switch {
	case !e.mine:
	case e.Sequence == r.out || c.ob.noting.isDone(e.Sequence): // handled already: its claim ended meanwhile, and Run found it again
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

// letPass swaps e with the event right before it in its row, if that one waits in this crew.
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

// leaves reports whether waiting events are left to other processes.
func (c *crew) leaves() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// close leaves waiting and new events to other processes.
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
