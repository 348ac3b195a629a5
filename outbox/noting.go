package outbox

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// window is how long handled events may wait until one statement marks them together. A crash repeats the events of one window at most.
	window = 20 * time.Millisecond

	// pauseOfNoting is the time between a statement that failed and the next try.
	pauseOfNoting = 100 * time.Millisecond
)

// noting holds handled events until the table marks them as done: one statement marks many.
//
// Within this process, a handled event does not hold up later events of its row, marked or not. So events are marked in the order in which they were
// handled, and a statement that fails keeps its place. Then a crash repeats no event without the later ones of its row.
type noting struct {
	mu     sync.Mutex
	done   []*held         // in the order in which their receivers returned
	given  []*held         // events whose claims are to be given up
	open   map[uint64]bool // sequences of done
	closed map[uint64]bool // sequences that were marked a moment ago: a query may have read them as pending
	begun  time.Time       // when closed was begun
	last   time.Time       // when events were marked last
	until  time.Time       // when the last claim on an event in done ends
	timed  bool            // a timer runs
	failed bool            // the last statement failed

	one sync.Mutex // held by Flush
}

// isDone reports whether this process has handled an event that the table may still show as pending.
func (n *noting) isDone(sequence uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open[sequence] || n.closed[sequence]
}

// noteDone queues an event to be marked as done. If nothing was marked within the window, it marks the event at once.
func (ob *Outbox) noteDone(ctx context.Context, r *held) { ob.noteSoon(ctx, r, true) }

// giveUp queues an event whose claim is to be given up. If nothing was marked within the window, it gives up the claim at once.
func (ob *Outbox) giveUp(ctx context.Context, r *held) { ob.noteSoon(ctx, r, false) }

// noteSoon calls Flush if nothing was marked within the window, if a batch waits, or if the claim is about to end. Otherwise a timer does.
func (ob *Outbox) noteSoon(ctx context.Context, r *held, done bool) {
	if ob.noting.add(r, done, time.Now(), ob.noteIn) {
		_ = ob.Flush(context.WithoutCancel(ctx)) // it reports errors itself
	}
}

// add queues an event and reports whether to flush now. Otherwise it starts a timer, unless one runs.
func (n *noting) add(r *held, done bool, now time.Time, noteIn func(time.Duration)) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if done {
		n.done = append(n.done, r)
		if n.open == nil {
			n.open = map[uint64]bool{}
		}
		n.open[r.Sequence] = true
		if r.until.After(n.until) {
			n.until = r.until
		}
	} else {
		n.given = append(n.given, r)
	}
	wait := window - now.Sub(n.last)
	if !n.failed && (wait <= 0 || len(n.done) >= batch || len(n.given) >= batch || r.until.Sub(now) < 2*window) {
		n.last = now
		return true
	}
	if !n.timed {
		n.timed = true
		noteIn(max(wait, 0))
	}
	return false
}

// noteIn flushes after d. If events were marked meanwhile, it waits for the rest of their window.
func (ob *Outbox) noteIn(d time.Duration) {
	time.AfterFunc(d, func() {
		switch wait, some := ob.noting.ring(time.Now()); {
		case some && wait > 0:
			ob.noteIn(wait)
		case some:
			_ = ob.Flush(context.Background())
		}
	})
}

// ring returns how much longer a timer has to wait, and whether anything is queued.
func (n *noting) ring(now time.Time) (wait time.Duration, some bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	wait, some = window-now.Sub(n.last), len(n.done)+len(n.given) > 0
	if n.timed = some && wait > 0; some && !n.timed {
		n.last = now
	}
	return wait, some
}

// Flush marks in the table which events durable receivers have handled. The outbox does so by itself within 20 milliseconds, in one statement for all
// events of that time. [Outbox.Shutdown] and [Outbox.Wait] call Flush. If the statement fails, Flush returns the error, and the outbox tries it
// again. When a process ends, its handled events that are not marked come again.
func (ob *Outbox) Flush(ctx context.Context) error {
	n, db := &ob.noting, ob.db.WithContext(ctx)
	n.one.Lock()
	defer n.one.Unlock()
	for some := n.begin(); some > 0; { // events that come meanwhile do not make it endless
		done, given := n.next()
		sequences := make([]uint64, len(done))
		for i, r := range done {
			sequences[i] = r.Sequence
		}
		if err := ob.store.finish(db, sequences...); err != nil {
			return ob.noteAgain(ctx, len(done), err)
		}
		n.noted(sequences, len(given))
		if err := ob.store.release(db, given); err != nil { // the events are then tried when their claims have ended
			ob.failed(ctx, fmt.Errorf("outbox: %d claims could not be given up: %w", len(given), err))
		}
		some -= max(len(done), len(given))
		ob.wake() // other events may be due now
	}
	return nil
}

// begin returns the length of the longer queue.
func (n *noting) begin() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = time.Now()
	return max(len(n.done), len(n.given))
}

// next returns the first batch of each queue. It stays queued until noted removes it.
func (n *noting) next() (done, given []*held) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.done[:min(len(n.done), batch)], n.given[:min(len(n.given), batch)]
}

// noted removes events from the queues.
func (n *noting) noted(sequences []uint64, given int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failed = false
	if now := time.Now(); n.closed == nil || now.Sub(n.begun) > window {
		n.closed, n.begun = make(map[uint64]bool, len(sequences)), now
	}
	for _, sequence := range sequences {
		delete(n.open, sequence)
		n.closed[sequence] = true
	}
	n.done, n.given = rest(n.done, len(sequences)), rest(n.given, given)
}

// rest returns a list without its first n elements, and nil if none is left, to free the memory.
func rest[T any](list []T, n int) []T {
	if n == len(list) {
		return nil
	}
	return list[n:]
}

// noteAgain makes a timer try a failed statement again. If the claims have ended, it drops the events: other processes may have taken them.
func (ob *Outbox) noteAgain(ctx context.Context, events int, cause error) error {
	n := &ob.noting
	n.mu.Lock()
	told, over := n.failed, time.Now().After(n.until)
	if n.failed = !over; over {
		n.done, n.open = nil, nil
	} else if !n.timed {
		n.timed = true
		ob.noteIn(pauseOfNoting)
	}
	n.mu.Unlock()
	err := fmt.Errorf("outbox: %d events are done, but that could not be noted: %w", events, cause)
	if over {
		err = fmt.Errorf("%w: they are tried again", err)
	}
	if over || !told {
		ob.failed(ctx, err)
	}
	return err
}
