package signals

import (
	"errors"
	"fmt"
	"strings"
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
	// cannot follow. Under TrackExplicit that is every transaction of db.Transaction and db.Begin. Plugin.Untracked decides otherwise.
	ErrUntracked = errors.New("signals: the end of this transaction cannot be seen: begin it with signals.Transaction, which every " +
		"Plugin.Tracking follows, or set Plugin.Untracked")

	// ErrForeignPool is returned for a write through a connection pool that was put over the plugin's by another plugin and
	// begins transactions of its own, when the plugin cannot see their end.
	ErrForeignPool = errors.New("signals: another plugin's connection pool lies over the one that follows transactions: " +
		"use signals.Plugin{Tracking: signals.TrackExplicit}")

	// ErrOutcomeUnknown is what Plugin.ErrorHandler gets when nobody can tell whether writes are stored: COMMIT, or a statement about
	// a savepoint, or a write outside any transaction, was sent and no clear answer came back; a savepoint was set behind the plugin's
	// back; or the database may have ended the transaction. Neither AfterCommit nor AfterRollback receivers run for those writes.
	ErrOutcomeUnknown = errors.New("signals: nobody knows whether the transaction was committed: look at the data")

	// errOtherSession is the cause of what waits for itself.
	errOtherSession = errors.New("signals: a receiver uses another session than that of its event, and the write of the event waits for the " +
		"receiver: write through e.DB()")

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
	if deep := (*recursionError)(nil); errors.As(e.Err, &deep) {
		return deep.Error() // the chain names the receivers' signals
	}
	return fmt.Sprintf("signals: receiver %s of %s: %s", e.Receiver, from, strings.TrimPrefix(fmt.Sprint(e.Err), "signals: "))
}

// Unwrap returns the receiver's own error.
func (e *ReceiverError) Unwrap() error { return e.Err }

// recursionError is an ErrRecursion with its chain.
type recursionError struct {
	depth, most int
	chain       string
}

func (e *recursionError) Error() string {
	return fmt.Sprintf("%v: %d levels, and Plugin.MaxDepth is %d: %s: let the receivers write only what changes (Fields, Changed), "+
		"write under signals.Mute, or raise Plugin.MaxDepth", ErrRecursion, e.depth, e.most, e.chain)
}

// Unwrap returns ErrRecursion.
func (e *recursionError) Unwrap() error { return ErrRecursion }

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
