package signals

import "github.com/gorm-signals/signals/internal/dispatch"

// phaseOption returns the name of the option that puts a receiver in a phase.
func phaseOption(p dispatch.Phase) string {
	return [...]string{"", "BeforeCommit", "AfterCommit", "AfterRollback", "AfterFailure"}[p]
}

func inPhase(p dispatch.Phase) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		if o.phase != dispatch.InSend && o.phase != p {
			o.refuse("a receiver runs in one phase: " + phaseOption(o.phase) + " or " + phaseOption(p) + ", not both")
		}
		o.phase = p
	})
}

// BeforeCommit lets a receiver of post_save, post_delete, post_change, m2m_changed or a custom signal run just before the outermost COMMIT, in the transaction. An
// error rolls the whole transaction back and is the transaction's error.
func BeforeCommit() ConnectOption { return inPhase(dispatch.BeforeCommit) }

// AfterCommit lets a receiver of post_save, post_delete, post_change, m2m_changed or a custom signal run once the outermost transaction has committed, and never when
// the transaction or a savepoint around the write was rolled back. The event is a snapshot, its DB is a live session outside
// the transaction, and the context keeps its values without its cancellation. What the receiver returns goes to
// Plugin.ErrorHandler: the write has succeeded.
//
// With ConnectBatch there is one call per transaction, with all its events.
func AfterCommit() ConnectOption { return inPhase(dispatch.AfterCommit) }

// AfterRollback lets a receiver of post_save, post_delete, post_change, m2m_changed or a custom signal run once the transaction, or a savepoint around the write, was
// rolled back; for a savepoint that is when the transaction ends. They run in reverse order. When the context of a
// transaction ends and nobody calls Rollback, they run on a goroutine of their own.
func AfterRollback() ConnectOption { return inPhase(dispatch.AfterRollback) }

// AfterFailure lets a receiver of post_save, post_delete, post_change or m2m_changed hear of writes that have failed: an audit of refused attempts can be kept
// although everything else is rolled back. Instance is the row that was to be written, and Err of the event says why it was not.
//
// A write has failed when its call returns an error: a receiver or a hook has refused it, a constraint, its context has ended. It has also failed
// when its COMMIT fails, or its transaction ends with the context. Not so a write that has succeeded and that the program rolls back: AfterRollback
// is for that. What was written all the same and is committed, as the program may do after an error of a post signal, has not failed either.
//
// The receiver runs once the outermost transaction has ended, whatever the end is, and at once in no transaction; so it can write: its DB is
// a live session outside, and its context keeps its values without its cancellation. What it returns goes to Plugin.ErrorHandler.
//
// An update or a delete that fails before its rows were read is known by the structs that the call names, as they are; where it names none, there is
// no event. Writes that were refused with ErrUntracked are not heard of, and where nobody knows what became of a write, ErrorHandler gets ErrOutcomeUnknown instead.
func AfterFailure() ConnectOption { return inPhase(dispatch.AfterFailure) }

// Net makes, with AfterCommit, one event of all writes of a row in a transaction: from the first old values to the last new
// ones. Created and then deleted is nothing; changed and changed back is nothing; deleted and created again is a change. A receiver of
// PostChange gets one event of each row, whether the row was saved, deleted or both.
func Net() ConnectOption { return optionFunc(func(o *connectOptions) { o.net = true }) }

// Tracking says which transactions the plugin follows to their end.
type Tracking uint8

const (
	// TrackAll follows every transaction that is begun through the database. tx.Statement.ConnPool is then no *[sql.Tx]: ask
	// SQLTx for it.
	TrackAll Tracking = iota
	// TrackExplicit follows implicit transactions and those of signals.Transaction, and leaves all others as they are.
	TrackExplicit
)

// UntrackedPolicy says what deferred receivers do in a transaction whose end cannot be seen: one begun outside the
// database's own methods, or any explicit one under TrackExplicit.
type UntrackedPolicy uint8

const (
	// Refuse fails the write with ErrUntracked.
	Refuse UntrackedPolicy = iota
	// RunNow runs them right after the statement, before the transaction ends.
	RunNow
	// Drop leaves them out.
	Drop
)
