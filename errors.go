package signals

import (
	"errors"
	"fmt"
)

var (
	// ErrNotInstalled is returned when a database has no signals plugin. Cure: db.Use(signals.Plugin{}).
	ErrNotInstalled = errors.New("signals: the plugin is not installed on this database: call db.Use(signals.Plugin{}) after gorm.Open")

	// ErrRecursion is returned when receivers of model signals write, and the receivers of those writes write in
	// turn, deeper than Plugin.MaxDepth. Its text shows the chain.
	ErrRecursion = errors.New("signals: model signals are nested too deep")

	// ErrNotLoaded is returned by SaveEvent.Original to a receiver that declared with Needs that it does not need
	// the stored row. Cure: connect it with Needs(Original), which is the default.
	ErrNotLoaded = errors.New("signals: the stored row was not loaded: connect the receiver with signals.Needs(signals.Original)")

	// ErrUntracked is returned where something is to wait for the end of a transaction that the plugin did not begin and
	// cannot follow. Plugin.Untracked decides otherwise.
	ErrUntracked = errors.New("signals: the end of this transaction cannot be seen: begin it with db.Transaction, db.Begin or " +
		"signals.Transaction, or set Plugin.Untracked")

	// ErrForeignPool is returned for a write through a connection pool that was put over the plugin's by another plugin and
	// begins transactions of its own.
	ErrForeignPool = errors.New("signals: another plugin's connection pool lies over the one that follows transactions: " +
		"use signals.Plugin{Tracking: signals.TrackExplicit}")

	// ErrOutcomeUnknown is what Plugin.ErrorHandler gets when COMMIT was sent and no clear answer came back: neither AfterCommit
	// nor AfterRollback receivers run then.
	ErrOutcomeUnknown = errors.New("signals: nobody knows whether the transaction was committed: look at the data")

	errGoexit     = errors.New("the receiver ended its goroutine with runtime.Goexit")
	errNoInstance = errors.New("signals: the event has no Instance: a model signal is sent for a row, so set it to a non-nil pointer")

	// errSaveUnknown says that this program hides which of GORM's methods made a call.
	errSaveUnknown = errors.New("signals: this program hides its call stack, so the plugin cannot tell a Save from an Updates: " +
		"build it without the option that removes function tables")
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
	return fmt.Sprintf("signals: receiver %s of %s: %v", e.Receiver, from, e.Err)
}

// Unwrap returns the receiver's own error.
func (e *ReceiverError) Unwrap() error { return e.Err }

// PanicError is the error of a receiver that panicked.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // the stack of the panicking goroutine, as debug.Stack formats it
}

// Error shows the value of the panic and the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack)
}

// Unwrap returns the value of the panic when it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
