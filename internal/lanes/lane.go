package lanes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

var (
	// ErrFull is the reason why a lane that rejects refuses a call: its queue is full.
	ErrFull = errors.New("signals: the queue of the lane is full: the receiver was not called; give the lane more workers or a longer queue")
	// ErrClosed is the reason why a lane that is shut down refuses or cancels a call.
	ErrClosed = errors.New("signals: the lane is shut down: call Shutdown after the last write, and give it the time that waiting calls need")
)

// Config is the configuration of a lane, with defaults filled in.
type Config struct {
	Name    string                               // name in errors and statistics
	Workers int                                  // calls that run at the same time
	Queue   int                                  // calls that may wait
	Timeout time.Duration                        // how long the context of a call lasts
	Reject  bool                                 // refuse calls if the queue is full
	Handle  func(ctx context.Context, err error) // gets errors of calls; nil means the database's own handler
}

// Call is one call of a receiver.
type Call interface {
	// Context returns the context that the context of Run is derived from.
	Context() context.Context
	// Run makes the call. It may end its goroutine.
	Run(ctx context.Context) error
	// Refuse is called instead of Run if the lane does not make the call.
	Refuse(err error)
}

// Lane runs calls. It has a goroutine for each running call, and none if there is no call.
type Lane struct {
	Config

	mu      sync.Mutex
	lines   map[Key]*line
	queued  list          // jobs that have not started, the oldest first
	running list          // jobs that have started
	ready   ready         // jobs that only wait for a worker
	workers int           // goroutines
	closed  bool          // no new calls are accepted
	gone    bool          // Shutdown has given up: running calls are cancelled
	room    chan struct{} // closed when the queue has room again; nil if nobody waits for that
	idle    chan struct{} // closed when no job is left; nil if nobody waits for that
	counts  counts
}

type counts struct{ done, failed, refused uint64 }

// New returns a lane.
func New(c Config) *Lane { return &Lane{Config: c, lines: map[Key]*line{}} }

// Stats is what a lane does now, and what it has done so far.
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

// Wait waits until no call is queued or runs, or until ctx ends.
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

// Room waits until no more calls are queued than the queue may hold, until ctx ends, or until the lane is shut down. It does not wait for a lane that
// rejects.
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

// Shutdown makes the lane refuse new calls and waits until no call is queued or runs. If ctx ends first, it refuses the queued calls, cancels the
// contexts of running ones, and returns the error of ctx.
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

// abandon cancels the running calls, and returns the jobs that have not started.
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

// atRest reports whether no call is queued or runs.
func (l *Lane) atRest() bool { return l.queued.n == 0 && l.running.n == 0 }

// rest wakes callers of Wait if no call is queued or runs.
func (l *Lane) rest() {
	if l.atRest() {
		wake(&l.idle)
	}
}

// wake closes a channel that callers may wait for.
func wake(c *chan struct{}) {
	if *c != nil {
		close(*c)
		*c = nil
	}
}

// onLane is the key of the lane in the context of a call.
type onLane struct{}

// On reports whether a context belongs to a call on a lane.
func On(ctx context.Context) bool { return ctx.Value(onLane{}) != nil }

// context returns the context of a call, its cancel function, and a function that releases it.
func (l *Lane) context(of Call) (context.Context, context.CancelCauseFunc, func()) {
	ctx, cancel := context.WithCancelCause(context.WithValue(of.Context(), onLane{}, l))
	late := fmt.Errorf("signals: the receiver has had the %v that lane %q gives a call: %w", l.Timeout, l.Name, context.DeadlineExceeded)
	ctx, stop := context.WithTimeoutCause(ctx, l.Timeout, late)
	return ctx, cancel, func() {
		stop()
		cancel(nil)
	}
}
