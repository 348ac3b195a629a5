package dispatch

// Kind is one of the model signals.
type Kind uint8

// The kinds.
const (
	PreSave    Kind = iota // before a row is inserted or updated
	PostSave               // after that
	PreDelete              // before a row is deleted
	PostDelete             // after that
	PostLoad               // after a query has filled a row
	M2mChanged             // before and after links of a many2many relation are added or removed
	PostChange             // with PostSave and PostDelete: plans have its receivers among those of both
	Kinds                  // the number of kinds
)

var kindNames = [Kinds]string{"pre_save", "post_save", "pre_delete", "post_delete", "post_load", "m2m_changed", "post_change"}

// String returns the name of the signal.
func (k Kind) String() string { return kindNames[k] }

// Phase is when a receiver runs.
type Phase uint8

// The phases.
const (
	InSend        Phase = iota // within the write, as the signal is sent
	BeforeCommit               // right before the outermost COMMIT, which its error prevents
	AfterCommit                // once the outermost transaction has committed
	AfterRollback              // once the transaction or its savepoint was rolled back
	AfterFailure               // once the write has failed and its transaction has ended
)

// String returns the name of the phase.
func (p Phase) String() string {
	return [...]string{"send", "before_commit", "after_commit", "after_rollback", "after_failure"}[p]
}

// DurablePhase is the name of the phase of a durable receiver.
const DurablePhase = "durable"

// Need says how much of the stored row a receiver works with.
type Need int

// The needs.
const (
	Keys     Need = iota + 1 // the primary key, and what the write itself names
	Row                      // the whole row
	Original                 // the stored row beside the new one
)

// Policy says what happens to receivers that wait for a transaction whose end the plugin cannot see.
type Policy uint8

// The policies.
const (
	Refuse Policy = iota // they fail the write
	runNow               // they run right after the statement
	Drop                 // they do not run
)
