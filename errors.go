package signals

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

var (
	// ErrNotInstalled is returned when a database has no signals plugin. Cure: db.Use(signals.Plugin{}).
	ErrNotInstalled = fault.ErrNotInstalled

	// ErrRecursion is returned when receivers of model signals write, and the receivers of those writes write in
	// turn, deeper than Plugin.MaxDepth. Its text shows the chain.
	ErrRecursion = fault.ErrRecursion

	// ErrNotLoaded is returned by SaveEvent.Original to a receiver that declared with Needs that it does not need
	// the stored row. Cure: connect it with Needs(Original), which is the default.
	ErrNotLoaded = fault.ErrNotLoaded

	// ErrUntracked is returned where something is to wait for the end of a transaction that the plugin did not begin and
	// cannot follow. Under TrackExplicit that is every transaction of db.Transaction and db.Begin. Plugin.Untracked decides otherwise.
	ErrUntracked = fault.ErrUntracked

	// ErrForeignPool is returned for a write through a connection pool that was put over the plugin's by another plugin and
	// begins transactions of its own, when the plugin cannot see their end.
	ErrForeignPool = fault.ErrForeignPool

	// ErrOutcomeUnknown is what Plugin.ErrorHandler gets when nobody can tell whether writes are stored: COMMIT, or a statement about
	// a savepoint, or a write outside any transaction, was sent and no clear answer came back; a savepoint was set behind the plugin's
	// back; or the database may have ended the transaction. Neither AfterCommit nor AfterRollback receivers run for those writes.
	ErrOutcomeUnknown = fault.ErrOutcomeUnknown
)

// ReceiverError tells which receiver made a send fail. [errors.Is] and [errors.As] see the receiver's own error through it.
type ReceiverError struct {
	Signal   string // name of the signal, "post_save"
	Sender   string // model that sent it, "Product"; empty for a custom signal
	Receiver string // UID of the receiver, or else the file and line of its Connect
	Err      error  // what the receiver returned, or a *PanicError
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
	Value any    // what was passed to panic
	Stack []byte // the stack of the panicking goroutine, as debug.Stack formats it
}

// Error shows the value of the panic. The stack is in Stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value of the panic when it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// errorsOfReceivers makes the errors of receivers.
var errorsOfReceivers = dispatch.Errors{
	Receiver: func(of dispatch.Info, err error) error {
		return &ReceiverError{Signal: of.Signal, Sender: of.Sender, Receiver: of.Name(), Err: err}
	},
	OfReceiver: func(err error) bool { return errors.As(err, new(*ReceiverError)) },
	OnLane:     onLane,
	Panic:      func(value any, stack []byte) error { return &PanicError{Value: value, Stack: stack} },
}
