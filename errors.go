package signals

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

var (
	// ErrNotInstalled means that the database has no signals plugin. Cure: db.Use(signals.Plugin{}).
	ErrNotInstalled = fault.ErrNotInstalled

	// ErrRecursion means that receivers of model signals write, the receivers of those writes write in turn, and so on, deeper than Plugin.MaxDepth.
	// Its text shows the chain of signals.
	ErrRecursion = fault.ErrRecursion

	// ErrNotLoaded is returned by SaveEvent.Original if the receiver was connected with Needs(Keys) or Needs(Row). Cure: Needs(Original), which is
	// the default.
	ErrNotLoaded = fault.ErrNotLoaded

	// ErrUntracked means that a receiver or function has to wait for the end of a transaction that the plugin did not begin and cannot follow. Under
	// TrackExplicit that is every transaction of db.Transaction and db.Begin. Plugin.Untracked can allow the write.
	ErrUntracked = fault.ErrUntracked

	// ErrForeignPool means that a write uses a connection pool of another plugin, put over the signals plugin's own, that begins transactions whose
	// end nobody sees. Cure: set Plugin.Tracking to TrackExplicit.
	ErrForeignPool = fault.ErrForeignPool

	// ErrOutcomeUnknown is what Plugin.ErrorHandler gets if nobody can tell whether writes are stored. No AfterCommit and no AfterRollback receivers
	// run for them. Either COMMIT, a statement about a savepoint, or a write outside any transaction was sent and no clear answer came back. Or the
	// program rolled back to a savepoint that the plugin has not seen, or the database may have ended the transaction.
	ErrOutcomeUnknown = fault.ErrOutcomeUnknown
)

// ReceiverError names the receiver that made a send fail. [errors.Is] and [errors.As] find the receiver's own error in it.
type ReceiverError struct {
	Signal   string // name of the signal, "post_save"
	Sender   string // model that sent it, "Product"; empty for a custom signal
	Receiver string // UID of the receiver, or the file and line of its Connect
	Err      error  // the error that the receiver returned, or a *PanicError
}

// Error names the signal, the sender, the receiver and the cause.
func (e *ReceiverError) Error() string {
	from := e.Signal
	if e.Sender != "" {
		from += " of " + e.Sender
	}
	if deep := (*fault.RecursionError)(nil); errors.As(e.Err, &deep) {
		return deep.Error() // the chain names the receivers' signals
	}
	return fmt.Sprintf("signals: receiver %s of %s: %s", e.Receiver, from, strings.TrimPrefix(fmt.Sprint(e.Err), "signals: "))
}

// Unwrap returns the receiver's own error.
func (e *ReceiverError) Unwrap() error { return e.Err }

// PanicError is the error of a receiver that panicked.
type PanicError struct {
	Value any    // the argument of panic
	Stack []byte // the stack of the panicking goroutine, as debug.Stack formats it
}

// Error shows the value of the panic; Stack has its stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns Value if it is an error, and nil otherwise.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// errorsOfReceivers makes the public error types for the packages of the engine, which do not import this one.
var errorsOfReceivers = dispatch.Errors{
	Receiver: func(of dispatch.Info, err error) error {
		return &ReceiverError{Signal: of.Signal, Sender: of.Sender, Receiver: of.Name(), Err: err}
	},
	OfReceiver: func(err error) bool { return errors.As(err, new(*ReceiverError)) },
	OnLane:     onLane,
	Panic:      func(value any, stack []byte) error { return &PanicError{Value: value, Stack: stack} },
}
