package signals

import "github.com/gorm-signals/signals/internal/dispatch"

// phaseOption returns the name of the option for a phase.
func phaseOption(p dispatch.Phase) string {
	return [...]string{"", "BeforeCommit", "AfterCommit", "AfterRollback", "AfterFailure"}[p]
}

func inPhase(p dispatch.Phase) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		if o.phase != dispatch.InSend && o.phase != p {
			o.refuse("a receiver runs in one phase: " + phaseOption(o.phase) + " or " + phaseOption(p) + ", not both: leave one out, or connect twice")
		}
		o.phase = p
	})
}

// BeforeCommit runs a receiver right before the outermost COMMIT, in the transaction. An error rolls the whole transaction back and is the
// transaction's error. Outside any transaction the receiver runs right after the SQL, and its error fails the call. The option goes with PostSave,
// PostDelete, PostChange, M2MChanged and custom signals.
func BeforeCommit() ConnectOption { return inPhase(dispatch.BeforeCommit) }

// AfterCommit runs a receiver after the outermost transaction has committed; outside any transaction, after the write. It does not run if the
// transaction, or a savepoint around the write, was rolled back. The write waits for the receiver, unless it runs on a [Lane]. The option goes with
// PostSave, PostDelete, PostChange, M2MChanged and custom signals.
//
// The event is a snapshot. Its DB is a session outside the transaction, and the context keeps its values without its cancellation. Errors and panics
// go to Plugin.ErrorHandler: the write has succeeded. With ConnectBatch there is one call per transaction, with all its events.
func AfterCommit() ConnectOption { return inPhase(dispatch.AfterCommit) }

// AfterRollback runs a receiver after the transaction, or a savepoint around the write, was rolled back. After a rollback to a savepoint, the
// receiver waits for the end of the transaction. Receivers run in reverse order. If the context of a transaction ends and nobody calls Rollback, they
// run on a goroutine of their own. With ConnectBatch there is one call per write, with all its rows. Signals, event, context and errors are those of
// AfterCommit.
func AfterRollback() ConnectOption { return inPhase(dispatch.AfterRollback) }

// AfterFailure runs a receiver after a write has failed, such as an audit of refused attempts, which survives the rollback. Instance is the row that
// was to be written, and Err of the event says why it was not. The option goes with PostSave, PostDelete, PostChange and M2MChanged.
//
// A write has failed if its call returns an error: a receiver or a hook refuses the row, a constraint is violated, the context ends. It has also
// failed if its COMMIT fails, or if its context ends the transaction. It has not failed if the program rolls back a write that succeeded: use
// AfterRollback for that. Nor has it failed if the statement ran, a post signal returned an error, and the program commits all the same.
//
// The receiver runs after the outermost transaction has ended, by commit or rollback; in no transaction it runs at once. So it can write: its DB is a
// session outside the transaction, and its context keeps its values without its cancellation. Errors and panics go to Plugin.ErrorHandler.
//
// If an update or a delete fails before the plugin has read its rows, the events show the structs that the call names, as they are. If it names none,
// there is no event. Nor is there one for a write that was refused with ErrUntracked. If nobody knows the outcome of a write, ErrorHandler gets
// ErrOutcomeUnknown instead.
func AfterFailure() ConnectOption { return inPhase(dispatch.AfterFailure) }

// Net makes, together with AfterCommit, one event of all writes of a row in a transaction: from the first old values to the last new ones. A row that
// is created and then deleted, or changed and changed back, has no event. A row that is deleted and created again counts as changed. The option goes
// with PostSave, PostDelete and PostChange; a receiver of PostChange gets at most one event of each row.
func Net() ConnectOption { return optionFunc(func(o *connectOptions) { o.net = true }) }

// Tracking says which transactions the plugin follows to their end.
type Tracking uint8

const (
	// TrackAll follows every transaction that is begun through the database. tx.Statement.ConnPool is then not a *[sql.Tx]: use [SQLTx].
	TrackAll Tracking = iota
	// TrackExplicit follows GORM's implicit transactions and those of [Transaction], and leaves all others as they are.
	TrackExplicit
)

// UntrackedPolicy says what happens to receivers that wait for a transaction whose end the plugin cannot see. Such a transaction was begun outside
// the database's own methods or, under TrackExplicit, without the function [Transaction].
type UntrackedPolicy uint8

const (
	// Refuse fails the write with ErrUntracked.
	Refuse UntrackedPolicy = iota
	// RunNow calls them right after the statement, before the transaction ends.
	RunNow
	// Drop does not call them.
	Drop
)
