// Package fault holds the errors of the engine. The root package exports those that programs look for.
package fault

import (
	"errors"
	"fmt"
)

// The errors that the root package exports, under the same names.
var (
	ErrNotInstalled   = errors.New("signals: the plugin is not installed on this database: call db.Use(signals.Plugin{}) after gorm.Open")
	ErrRecursion      = errors.New("signals: model signals are nested too deep")
	ErrNotLoaded      = errors.New("signals: the stored row was not loaded: connect the receiver with signals.Needs(signals.Original)")
	ErrOutcomeUnknown = errors.New("signals: nobody knows whether the transaction was committed: look at the data")
	ErrRolledBack     = errors.New("signals: the transaction was rolled back")

	ErrUntracked = errors.New("signals: the end of this transaction cannot be seen: open GORM on the database and not on a *sql.Tx, call db.Use " +
		"right after that, and begin with signals.Transaction, which every Plugin.Tracking follows, or set Plugin.Untracked")
	ErrForeignPool = errors.New("signals: another plugin's connection pool lies over the one that follows transactions: " +
		"use signals.Plugin{Tracking: signals.TrackExplicit}")
)

// Errors that programs tell apart by their text only.
var (
	// ErrOtherSession is the cause if a write waits for a receiver that waits for the write.
	ErrOtherSession = errors.New("signals: a receiver uses another session than that of its event, and the write of the event waits for the " +
		"receiver: write through e.DB()")

	// ErrGoexit is the error of a receiver that ended its goroutine.
	ErrGoexit = errors.New("the receiver ended its goroutine with runtime.Goexit")

	// ErrNoInstance is the error if the program sends an event of a model without a row.
	ErrNoInstance = errors.New("signals: the event has no Instance: a model signal is sent for a row, so set it to a non-nil pointer")

	// ErrSaveUnknown means that this program hides which of GORM's methods made a call.
	ErrSaveUnknown = errors.New("signals: this program hides its call stack, so the plugin cannot tell a Save from an Updates: " +
		"build it without the option that removes function tables")

	// ErrEdge means that the program's compiler does not lay out types and pass arguments as the generic edge needs it.
	ErrEdge = errors.New("signals: this program was built by a compiler that lays events out, or passes them to functions, otherwise for each type " +
		"of model: build it with the go command's own compiler, gc")
)

// RecursionError is an ErrRecursion with its chain of signals.
type RecursionError struct {
	Depth, Most int
	Chain       string
}

// Error names the depth, the limit, the chain and the cures.
func (e *RecursionError) Error() string {
	return fmt.Sprintf("%v: %d levels, and Plugin.MaxDepth is %d: %s: let the receivers write only what changes (Fields, Changed), "+
		"write under signals.Mute, or raise Plugin.MaxDepth", ErrRecursion, e.Depth, e.Most, e.Chain)
}

// Unwrap returns ErrRecursion.
func (e *RecursionError) Unwrap() error { return ErrRecursion }
