package signals

import (
	"context"
	"unsafe"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// Signal is something that receivers can be connected to and events can be sent through. Make custom signals with New;
// the signals of models come from For and Implementing. All methods are safe from any goroutine. A send works on a
// snapshot: connecting or disconnecting while it runs changes the next send, not this one; no lock is held meanwhile.
//
// Only what needs the event's type stands here. Everything else is in channel, which is compiled once for all events. SendRobust and
// SendConcurrent are not inlined: each model has two functions of a method, of which one would hold the other.
type Signal[E any] struct {
	channel channel
	custom  func(ctx context.Context, event E) error // Send of a signal that New made
}

// New returns a custom signal. Keep it in a variable that senders and receivers both see:
//
//	var Viewed = signals.New[View]("product_viewed")
func New[E any](name string) *Signal[E] {
	s := &Signal[E]{channel: channel{Signal: dispatch.Signal{Name: name}, call: callCustom[E], batch: callBatch[E], single: single[E], keeping: keepCustom[E]}}
	s.custom = sender[E](&s.channel)
	return s
}

// Name returns the name of the signal, as it appears in errors: what was given to New, or "pre_save" and so on.
func (s *Signal[E]) Name() string { return s.channel.Name }

// Connect calls r with every event from the next send on. The function it returns disconnects r and reports whether r
// was still connected; it does nothing once r was replaced by another receiver with its UID.
//
// Connect panics when r is nil or an option is bad or has no meaning for the signal; the text names the cure.
func (s *Signal[E]) Connect(r Receiver[E], opts ...ConnectOption) (disconnect func() bool) {
	return s.channel.connect(unsafe.Pointer(&r), false, opts)
}

// ConnectBatch is Connect for a receiver that wants the events of a batch in one call.
func (s *Signal[E]) ConnectBatch(r BatchReceiver[E], opts ...ConnectOption) (disconnect func() bool) {
	return s.channel.connect(unsafe.Pointer(&r), true, opts)
}

// Disconnect removes the receiver with this UID and reports whether there was one.
func (s *Signal[E]) Disconnect(uid string) bool { return s.channel.disconnect(uid) }

// HasReceivers reports whether a receiver is connected, so that an event that is dear to make can be spared.
func (s *Signal[E]) HasReceivers() bool { return s.channel.hasReceivers() }

// Receivers describes the connected receivers in the order in which they run.
func (s *Signal[E]) Receivers() []ReceiverInfo { return s.channel.receivers() }

// Send calls the receivers in order and stops at the first error, which it returns as a *ReceiverError. A panic of a
// receiver is such an error too and holds a *PanicError. Sending a model signal by hand reaches the receivers that a
// write would reach, but for those that wait: see SendIn.
//
// With the context of a receiver of a model signal, or of SendIn, Send belongs to the transaction of that: receivers of a custom signal that wait
// are called at its end. In no transaction they are called as SendIn says.
func (s *Signal[E]) Send(ctx context.Context, event E) (err error) {
	if s.custom != nil {
		return s.custom(ctx, event)
	}
	given := event // of its own: what a custom signal sends stays off the heap
	return s.channel.send(ctx, &given)
}

// SendIn is Send in a transaction: receivers get the context of tx, and those connected with BeforeCommit, AfterCommit or AfterRollback wait for the
// end of the transaction, as those of a write through tx would. Rolling back a savepoint that is open now takes the event back. When a
// receiver of the send fails, only AfterRollback receivers wait.
//
// What waiting receivers return goes to Plugin.ErrorHandler, but that of BeforeCommit fails the commit. In no transaction SendIn calls
// BeforeCommit and then AfterCommit receivers at once, after the others, and returns their errors; AfterRollback receivers never run. It fails
// with ErrNotInstalled when the database of tx has no plugin, with [sql.ErrTxDone] when the transaction has ended, and with ErrUntracked
// when receivers wait and the end of the transaction cannot be seen, unless Plugin.Untracked says otherwise.
//
// A signal of a model is sent so too, and its events get a session of tx as DB.
//
//go:noinline
func (s *Signal[E]) SendIn(tx *gorm.DB, event E) error { return s.channel.sendIn(tx, &event) }

// SendRobust calls all receivers in order, whatever they return, and answers with one Response each. A panic is the
// Err of its Response. Receivers that wait for the end of a transaction, as in Send, have no Response then; in no transaction they have one,
// unless they run on a lane.
//
//go:noinline
func (s *Signal[E]) SendRobust(ctx context.Context, event E) []Response {
	return s.channel.respond(ctx, &event, dispatch.AllInTurn)
}

// SendConcurrent calls all receivers at once, each on a goroutine of its own, waits for all, and answers in connection
// order as SendRobust does. When ctx ends first, receivers that have not returned by then answer with the context's
// error; they go on by themselves.
//
//go:noinline
func (s *Signal[E]) SendConcurrent(ctx context.Context, event E) []Response {
	return s.channel.respond(ctx, &event, dispatch.AtOnce)
}

// Observe lets an observer see the sends of a custom signal from now on; nil ends that. It panics for a signal of a model, which
// Plugin.Observer sees.
func (s *Signal[E]) Observe(by Observer) { s.channel.observe(by) }
