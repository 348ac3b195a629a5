package outbox

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// window is how long events that receivers have handled may wait to be noted together. A crash repeats the events of one window.
	window = 20 * time.Millisecond

	// pauseOfNoting is how long a note that failed waits for its next try.
	pauseOfNoting = 100 * time.Millisecond
)

// noting holds what has become of events until the table says so: one statement notes many.
//
// Within this process an event that is handled holds up no later event of its row, noted or not. So events are noted in the order in
// which they were handled, and a note that fails keeps its place: a crash repeats no event whose later ones it does not repeat.
type noting struct {
	mu     sync.Mutex
	done   []*held         // in the order in which their receivers returned
	given  []*held         // claims that are given up
	open   map[uint64]bool // sequences of done
	closed map[uint64]bool // sequences that were noted a moment ago: a query may have seen them pending
	begun  time.Time       // of closed
	last   time.Time       // when something was noted last
	until  time.Time       // when the last claim on something in done ends
	timed  bool            // a timer runs
	failed bool            // the last note has failed

	one sync.Mutex // held by the one who notes
}

// isDone reports whether this process has handled an event, if that was noted only a moment ago or is not yet.
func (n *noting) isDone(sequence uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open[sequence] || n.closed[sequence]
}

// noteDone lets an event be noted as done. A lone one is noted before noteDone returns.
func (ob *Outbox) noteDone(ctx context.Context, r *held) { ob.noteSoon(ctx, r, true) }

// giveUp lets the claim on an event be given up. That of a lone one is given up before giveUp returns.
func (ob *Outbox) giveUp(ctx context.Context, r *held) { ob.noteSoon(ctx, r, false) }

// noteSoon notes now if nothing was noted within the window, if much waits, or if the claim is about to end. Otherwise a timer does it.
func (ob *Outbox) noteSoon(ctx context.Context, r *held, done bool) {
	if ob.noting.add(r, done, time.Now(), ob.noteIn) {
		_ = ob.Flush(context.WithoutCancel(ctx)) // which tells of errors
	}
}

// add reports whether to note now.
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

// noteIn lets a timer note what there is then. If somebody has just done so, it goes on for what has come since.
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

// ring returns for how long a timer that rings goes on, and whether there is something to note.
func (n *noting) ring(now time.Time) (wait time.Duration, some bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	wait, some = window-now.Sub(n.last), len(n.done)+len(n.given) > 0
	if n.timed = some && wait > 0; some && !n.timed {
		n.last = now
	}
	return wait, some
}

// Flush writes into the table which events durable receivers have handled. That happens by itself within 20 milliseconds, in one statement
// for all events of that time. Call it before the program closes the database: events that are not noted come again.
func (ob *Outbox) Flush(ctx context.Context) error {
	n, db := &ob.noting, ob.db.WithContext(ctx)
	n.one.Lock()
	defer n.one.Unlock()
	for some := n.begin(); some > 0; { // and not for ever, while more comes
		done, given := n.next()
		sequences := make([]uint64, len(done))
		for i, r := range done {
			sequences[i] = r.Sequence
		}
		if err := ob.store.finish(db, sequences...); err != nil {
			return ob.noteAgain(ctx, len(done), err)
		}
		n.noted(sequences, len(given))
		if err := ob.store.release(db, given); err != nil { // they are tried when their claims have ended
			ob.failed(ctx, fmt.Errorf("outbox: %d claims could not be given up: %w", len(given), err))
		}
		some -= max(len(done), len(given))
		ob.wake() // it may be the turn of others now
	}
	return nil
}

// begin returns how much there is to note.
func (n *noting) begin() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = time.Now()
	return max(len(n.done), len(n.given))
}

// next returns the first of what is to be noted. It stays until it is noted.
func (n *noting) next() (done, given []*held) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.done[:min(len(n.done), batch)], n.given[:min(len(n.given), batch)]
}

// noted forgets what was noted.
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

// rest returns a list without its first n, and lets go of it when nothing is left.
func rest[T any](list []T, n int) []T {
	if n == len(list) {
		return nil
	}
	return list[n:]
}

// noteAgain lets a note that has failed be tried again, until the claims have ended: then others may have taken the events.
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
