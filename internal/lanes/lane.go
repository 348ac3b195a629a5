package lanes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

var (
	// ErrFull is why a call was refused by a lane that rejects what its queue has no room for.
	ErrFull = errors.New("signals: the queue of the lane is full: the receiver was not called; give the lane more workers or a longer queue")
	// ErrClosed is why a call was refused by a lane that is shut down, or was cancelled by it.
	ErrClosed = errors.New("signals: the lane is shut down: call Shutdown after the last write, and give it the time that waiting calls need")
)

// Config is what a lane was told, with defaults filled in.
type Config struct {
	Name    string                               // shown in errors and statistics
	Workers int                                  // calls that run at the same time
	Queue   int                                  // calls that may wait
	Timeout time.Duration                        // of the context of a call
	Reject  bool                                 // calls that the queue has no room for are refused
	Handle  func(ctx context.Context, err error) // gets errors of calls; nil means the database's own handler
}

// Call is one call of a receiver.
type Call interface {
	// Context is what the context of Run is derived from.
	Context() context.Context
	// Run makes the call. It may end its goroutine.
	Run(ctx context.Context) error
	// Refuse is called in the place of Run if the call is not made.
	Refuse(err error)
}

// Lane runs calls. It has a goroutine for each call that runs, and none while there is nothing to do.
type Lane struct {
	Config

	mu      sync.Mutex
	lines   map[Key]*line
	queued  list          // jobs that have not started, the oldest first
	running list          // jobs that have
	ready   ready         // jobs that wait for nothing but a worker
	workers int           // goroutines
	closed  bool          // nothing new is taken
	gone    bool          // and nobody waits for what is left
	room    chan struct{} // closed once the queue has room; nil while nobody waits for that
	idle    chan struct{} // closed once there is nothing left to do; nil while nobody waits for that
	counts  counts
}

type counts struct{ done, failed, refused uint64 }

// New returns a lane.
func New(c Config) *Lane { return &Lane{Config: c, lines: map[Key]*line{}} }

// Stats is what a lane does at one moment, and what it has done so far.
type Stats struct {
	Queued, Running       int
	Oldest                time.Duration // how long the oldest queued call has waited
	Done, Failed, Refused uint64
}

// Stats returns the statistics of the lane.
func (l *Lane) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{Queued: l.queued.n, Running: l.running.n, Done: l.counts.done, Failed: l.counts.failed, Refused: l.counts.refused}
	if oldest := l.queued.first; oldest != nil {
		s.Oldest = time.Since(oldest.at)
	}
	return s
}

// Wait waits until nothing is queued and nothing runs, or for the end of ctx.
func (l *Lane) Wait(ctx context.Context) error {
	for {
		l.mu.Lock()
		if l.atRest() {
			l.mu.Unlock()
			return nil
		}
		if l.idle == nil {
			l.idle = make(chan struct{})
		}
		idle := l.idle
		l.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Room waits until no more calls are queued than the queue may hold. It gives up if ctx ends or the lane is shut down. A lane that rejects
// has room at once.
func (l *Lane) Room(ctx context.Context) {
	for {
		l.mu.Lock()
		if l.Reject || l.closed || l.queued.n <= l.Queue {
			l.mu.Unlock()
			return
		}
		if l.room == nil {
			l.room = make(chan struct{})
		}
		room := l.room
		l.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return
		}
	}
}

// Full reports whether Room would wait.
func (l *Lane) Full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.Reject && !l.closed && l.queued.n > l.Queue
}

// Shutdown lets the lane take nothing new and waits until it is at rest. If ctx ends first, calls that wait are refused, the contexts of
// calls that run are cancelled, and the error is that of ctx.
func (l *Lane) Shutdown(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	wake(&l.room)
	l.mu.Unlock()
	err := l.Wait(ctx)
	if err == nil {
		return nil
	}
	for _, j := range l.abandon() {
		j.call.Refuse(ErrClosed)
	}
	return err
}

// abandon cancels the calls that run, and returns the jobs that have not started.
func (l *Lane) abandon() []*job {
	l.mu.Lock()
	defer l.mu.Unlock()
	var left []*job
	for j := l.queued.first; j != nil; j = j.next {
		left = append(left, j)
	}
	for _, j := range left {
		l.queued.remove(j)
		l.leaveLines(j)
	}
	l.ready, l.gone = ready{}, true
	l.counts.refused += uint64(len(left))
	for j := l.running.first; j != nil; j = j.next {
		if j.cancel != nil {
			j.cancel(ErrClosed)
		}
	}
	l.rest()
	return left
}

// atRest reports whether there is nothing to do.
func (l *Lane) atRest() bool { return l.queued.n == 0 && l.running.n == 0 }

// rest tells those who wait for it that there is nothing to do.
func (l *Lane) rest() {
	if l.atRest() {
		wake(&l.idle)
	}
}

// wake closes a channel that somebody may wait for.
func wake(c *chan struct{}) {
	if *c != nil {
		close(*c)
		*c = nil
	}
}

// onLane is where the context of a call says that it runs on a lane.
type onLane struct{}

// On reports whether a context is that of a call on a lane, or derived from one.
func On(ctx context.Context) bool { return ctx.Value(onLane{}) != nil }

// context returns the context of a call.
func (l *Lane) context(of Call) (context.Context, context.CancelCauseFunc, func()) {
	ctx, cancel := context.WithCancelCause(context.WithValue(of.Context(), onLane{}, l))
	late := fmt.Errorf("signals: the receiver has had the %v that lane %q gives a call: %w", l.Timeout, l.Name, context.DeadlineExceeded)
	ctx, stop := context.WithTimeoutCause(ctx, l.Timeout, late)
	return ctx, cancel, func() {
		stop()
		cancel(nil)
	}
}
