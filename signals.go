package signals

import (
	"context"
	"unsafe"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// Signal connects receivers to events. [New] makes custom signals; [For] and [Implementing] return the signals of models. All methods are safe for
// use by several goroutines.
//
// A send works on a snapshot of the receivers and holds no lock. Connecting or disconnecting during a send takes effect at the next one.
type Signal[E any] struct {
	// Each model of a program compiles the methods of Signal again. So they hold only what needs the event's type, and channel has the rest.
	// SendRobust and SendConcurrent are not inlined: otherwise one of the two functions of each method would hold the other.
	channel channel
	custom  func(ctx context.Context, event E) error // Send of a signal that New made
}

// New returns a custom signal. Errors and observers show its name. Keep the signal in a variable that senders and receivers share:
//
//	var Viewed = signals.New[View]("product_viewed")
func New[E any](name string) *Signal[E] {
	s := &Signal[E]{channel: channel{Signal: dispatch.Signal{Name: name}, call: callCustom[E], batch: callBatch[E], single: single[E], keeping: keepCustom[E]}}
	s.custom = sender[E](&s.channel)
	return s
}

// Name returns the name that was given to New, or the name of a model signal, such as "pre_save".
func (s *Signal[E]) Name() string { return s.channel.Name }

// Connect connects r: from now on, each send calls r with its event. The returned function disconnects r and reports whether r was still connected.
// It does nothing if another receiver with the same UID has replaced r.
//
// Connect panics if r is nil, or if an option is bad or has no meaning for the signal; the text names the cure.
func (s *Signal[E]) Connect(r Receiver[E], opts ...ConnectOption) (disconnect func() bool) {
	return s.channel.connect(unsafe.Pointer(&r), false, opts)
}

// ConnectBatch is Connect for a receiver that gets the events of a batch in one call; see [BatchReceiver].
func (s *Signal[E]) ConnectBatch(r BatchReceiver[E], opts ...ConnectOption) (disconnect func() bool) {
	return s.channel.connect(unsafe.Pointer(&r), true, opts)
}

// Disconnect disconnects the receiver with this UID and reports whether there was one.
func (s *Signal[E]) Disconnect(uid string) bool { return s.channel.disconnect(uid) }

// HasReceivers reports whether a receiver is connected, so that callers can skip building an expensive event.
func (s *Signal[E]) HasReceivers() bool { return s.channel.hasReceivers() }

// Receivers describes the connected receivers in the order in which they run.
func (s *Signal[E]) Receivers() []ReceiverInfo { return s.channel.receivers() }

// Send calls the receivers in order, until the first error, which it returns as a *[ReceiverError]. A panic of a receiver is such an error too and
// holds a *[PanicError].
//
// With the context of a receiver of a write, or of SendIn, a custom signal belongs to that transaction: receivers connected with [BeforeCommit],
// [AfterCommit] or [AfterRollback] wait for its end. In no transaction Send treats them as SendIn does.
//
// Sending a model signal by hand calls the receivers that a write would call, except those that wait. Use SendIn to include them.
func (s *Signal[E]) Send(ctx context.Context, event E) (err error) {
	if s.custom != nil {
		return s.custom(ctx, event)
	}
	given := event // a copy, so that the event itself does not escape to the heap when a custom signal is sent
	return s.channel.send(ctx, &given)
}

// SendIn is Send in the transaction of tx. Receivers get the context of tx. Receivers connected with [BeforeCommit], [AfterCommit] or [AfterRollback]
// wait for the end of the transaction, as for a write through tx. Rolling back a savepoint that is open now takes the event back. If a receiver of
// the send fails, only AfterRollback receivers still wait.
//
// An error of a BeforeCommit receiver fails the commit. Errors of the others that wait go to Plugin.ErrorHandler. In no transaction SendIn calls
// BeforeCommit and then AfterCommit receivers at the end of the send and returns their errors; AfterRollback receivers never run.
//
// SendIn returns ErrNotInstalled if the database of tx has no plugin, and [sql.ErrTxDone] if the transaction has ended. If receivers wait and the
// plugin cannot see the end of the transaction, it returns ErrUntracked, unless Plugin.Untracked says otherwise.
//
// A model signal is sent in the same way, and DB of its event is a session of tx. If a receiver of the send fails, AfterFailure receivers wait too, for
// a rollback. In no transaction, errors of AfterCommit receivers go to Plugin.ErrorHandler.
//
//go:noinline
func (s *Signal[E]) SendIn(tx *gorm.DB, event E) error { return s.channel.sendIn(tx, &event) }

// SendRobust calls all receivers in order, whatever they return, and returns one Response for each. A panic is the Err of its Response. Receivers
// that wait for the end of a transaction, as Send describes, have no Response. In no transaction they have one, unless they run on a lane.
//
//go:noinline
func (s *Signal[E]) SendRobust(ctx context.Context, event E) []Response {
	return s.channel.respond(ctx, &event, dispatch.AllInTurn)
}

// SendConcurrent calls all receivers at the same time, each on a goroutine of its own, and waits for them. It returns Responses as SendRobust does.
// If ctx ends first, the Response of a receiver that still runs has the error of ctx; the receiver continues in the background.
//
//go:noinline
func (s *Signal[E]) SendConcurrent(ctx context.Context, event E) []Response {
	return s.channel.respond(ctx, &event, dispatch.AtOnce)
}

// Observe lets an observer see every send of a custom signal from now on; nil ends that. Observe panics for a model signal: set Plugin.Observer.
func (s *Signal[E]) Observe(by Observer) { s.channel.observe(by) }
