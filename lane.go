package signals

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/lanes"
)

// Lane runs receivers in the background, on a bounded number of goroutines. The write returns after its commit and does not wait for them. Make a
// lane with [NewLane] and name it with [In]:
//
//	mail := signals.NewLane(signals.LaneConfig{Name: "mail", Workers: 8, Queue: 1000, Timeout: 5 * time.Second})
//	products.PostSave.Connect(mailNewProduct, signals.AfterCommit(), signals.In(mail))
//
// Events of one row, given by its table and primary key, run one by one on a lane, in the order of their commits. Events of different rows run at the
// same time. Two keys that differ in Go are two rows here, even if the database stores one. Events without a primary key have no order. Events of a
// custom signal are in order by their key if the event has a method Key() any.
//
// A receiver gets the values of the write's context without its cancellation. That context ends after LaneConfig.Timeout; a receiver that ignores the
// end keeps its worker. The event is a snapshot of its own, and its DB is a session outside the transaction, and outside db.Connection. Errors, panics
// and calls that are not made go to Plugin.ErrorHandler as a *[LaneError], which names the rows.
//
// The queue is in memory. A crash, or an exit without [Lane.Shutdown], loses queued and running calls; use [Durable] for events that must survive. A
// lane without calls has no goroutine, so a program, or a test, may drop it. One lane may serve several signals and databases.
type Lane struct{ lane *lanes.Lane }

// LaneConfig configures a lane. Only Name is required.
type LaneConfig struct {
	// Name is the name of the lane in errors, in metrics and in the inspector.
	Name string

	// Workers is how many calls run at the same time; 0 means 4.
	Workers int

	// Queue is how many calls may wait for a worker; 0 means 1000. A call of a batch receiver counts once.
	Queue int

	// Timeout is how long a call may take until its context ends; 0 means 30 seconds.
	Timeout time.Duration

	// Overflow says what happens if the queue is full. The zero value is Block.
	Overflow Overflow

	// ErrorHandler gets the errors of the lane in place of Plugin.ErrorHandler. If it is nil, Plugin.ErrorHandler gets them, or [slog.Default] for a
	// custom signal that is sent in no transaction.
	ErrorHandler func(ctx context.Context, err error)
}

// Overflow says what happens to a write whose events find the queue of a lane full.
type Overflow uint8

const (
	// Block makes the write wait, after its commit, until no more calls than LaneConfig.Queue are queued. Its events are queued before the wait, so
	// none is lost. The write returns earlier if its context ends or the lane is shut down.
	//
	// A write does not wait if a receiver on a lane makes it, or a receiver within a transaction that is still open: otherwise lanes could wait for
	// each other. This holds for writes through the event's DB and for those with the receiver's context. A write within db.Connection does not
	// wait either, because the lane may need that connection. The queue then exceeds its limit.
	Block Overflow = iota
	// Reject does not call the receiver. Plugin.ErrorHandler gets a *LaneError with ErrLaneFull and the rows.
	Reject
)

var (
	// ErrLaneFull is what Plugin.ErrorHandler gets for an event if the queue of the lane is full and its Overflow is Reject.
	ErrLaneFull = lanes.ErrFull
	// ErrLaneClosed is what Plugin.ErrorHandler gets for an event that comes after Lane.Shutdown, or that Shutdown gave up. It is also the cause of
	// contexts that Shutdown cancels.
	ErrLaneClosed = lanes.ErrClosed
)

// LaneError is the error that Plugin.ErrorHandler gets for a receiver on a lane.
type LaneError struct {
	Lane  string        // name of the lane
	Rows  []ObservedRow // the rows of the call; none for a custom signal
	Event any           // the event of a custom signal; the first one of a batch
	Err   error         // a *ReceiverError with the receiver's error, or with the reason why it was not called
}

// Error names the lane, the rows and the cause.
func (e *LaneError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "signals: lane %s", e.Lane)
	for i, r := range e.Rows {
		if i == 3 {
			fmt.Fprintf(&text, " and %d more", len(e.Rows)-i)
			break
		}
		fmt.Fprintf(&text, ", %s %v", r.Table, keyText(r.Key))
	}
	return fmt.Sprintf("%s: %v", text.String(), e.Err)
}

// keyText returns a primary key in a form for people.
func keyText(key []any) any {
	if len(key) == 1 {
		return key[0]
	}
	return key
}

// Unwrap returns the *ReceiverError.
func (e *LaneError) Unwrap() error { return e.Err }

const (
	defaultWorkers = 4
	defaultQueue   = 1000
	defaultTimeout = 30 * time.Second
)

// NewLane returns a lane. It panics if a field of the config has a bad value; the text names the cure.
func NewLane(c LaneConfig) *Lane {
	switch {
	case c.Name == "":
		panic("signals: NewLane: LaneConfig.Name is empty: give the lane a name, which errors and metrics show")
	case c.Workers < 0:
		panic(fmt.Sprintf("signals: NewLane: LaneConfig.Workers is %d: use 1 or more, or 0 for %d", c.Workers, defaultWorkers))
	case c.Queue < 0:
		panic(fmt.Sprintf("signals: NewLane: LaneConfig.Queue is %d: use 1 or more, or 0 for %d", c.Queue, defaultQueue))
	case c.Timeout < 0:
		panic(fmt.Sprintf("signals: NewLane: LaneConfig.Timeout is %v: use a longer time, or 0 for %v", c.Timeout, defaultTimeout))
	case c.Overflow > Reject:
		panic(fmt.Sprintf("signals: NewLane: LaneConfig.Overflow is %d: use signals.Block or signals.Reject", c.Overflow))
	}
	return &Lane{lanes.New(lanes.Config{
		Name: c.Name, Workers: cmp.Or(c.Workers, defaultWorkers), Queue: cmp.Or(c.Queue, defaultQueue), Timeout: cmp.Or(c.Timeout, defaultTimeout),
		Reject: c.Overflow == Reject, Handle: guarded(c.ErrorHandler),
	})}
}

// guarded returns an ErrorHandler that ignores its own panics.
func guarded(handle func(ctx context.Context, err error)) func(ctx context.Context, err error) {
	if handle == nil {
		return nil
	}
	return func(ctx context.Context, err error) {
		defer func() { _ = recover() }() // a panic of the handler must not disturb the lane
		handle(ctx, err)
	}
}

// Name returns the name of the lane.
func (l *Lane) Name() string { return l.lane.Name }

// String returns the name of the lane.
func (l *Lane) String() string { return l.lane.Name }

// LaneStats is what a lane does now, and what it has done since it was made.
type LaneStats struct {
	Depth    int           // queued calls
	Oldest   time.Duration // how long the oldest of them has waited
	Running  int           // calls that run now
	Done     uint64        // calls that returned nil
	Failed   uint64        // calls that returned an error or panicked
	Rejected uint64        // calls that were not made, because the queue was full or the lane shut down
}

// Stats returns the statistics of the lane.
func (l *Lane) Stats() LaneStats {
	s := l.lane.Stats()
	return LaneStats{Depth: s.Queued, Oldest: s.Oldest, Running: s.Running, Done: s.Done, Failed: s.Failed, Rejected: s.Refused}
}

// Wait waits until no call is queued or runs, and returns nil. If ctx ends first, it returns the error of ctx. Tests call it between a write and the
// assertions on its receivers.
func (l *Lane) Wait(ctx context.Context) error { return l.lane.Wait(background(ctx)) }

// Shutdown ends the lane: it takes no more events, runs the queued calls, and returns nil when they have returned. If ctx ends first, it cancels the
// contexts of the running calls, does not wait for them, and returns the error of ctx. Events that come later, and those that were not delivered, go
// to Plugin.ErrorHandler with ErrLaneClosed. Call it when the program ends, after the last write.
func (l *Lane) Shutdown(ctx context.Context) error { return l.lane.Shutdown(background(ctx)) }

// In runs a receiver on a lane. It goes with AfterCommit, AfterRollback and AfterFailure, and with Net and ConnectBatch.
//
// The order of the commits needs transactions. If GORM opens none for a write (SkipDefaultTransaction) that such an AfterCommit receiver listens to,
// the plugin opens one. The call and its receivers then stand or fall together. If the connection can begin none, the write runs without, and another
// write of the row may come before it on the lane.
func In(lane *Lane) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		if lane == nil || lane.lane == nil {
			o.refuse("signals.In has no lane: pass one that signals.NewLane has made")
			return
		}
		o.lane = lane
	})
}

// checkLane refuses options with which a receiver cannot run on a lane.
func (o *connectOptions) checkLane() {
	switch {
	case o.lane == nil:
	case o.store != nil:
		o.refuse("a Durable receiver does not run on a lane: leave In out")
	case o.phase == dispatch.InSend || o.phase == dispatch.BeforeCommit:
		o.refuse("In goes with AfterCommit, AfterRollback or AfterFailure, because the write does not wait for a lane: give one of them")
	}
}

// Lanes returns the lanes that receivers of the database's model signals run on, each once.
func Lanes(db *gorm.DB) []*Lane {
	var found []*Lane
	for _, r := range Receivers(db) {
		if r.Lane != nil && !slices.Contains(found, r.Lane) {
			found = append(found, r.Lane)
		}
	}
	return found
}

// onLane makes the public error of a call on a lane.
func onLane(o dispatch.Observed, err error) error {
	return &LaneError{Lane: o.Receiver.Lane.Name, Rows: observedOf(o).Rows(), Event: o.Event, Err: err}
}
