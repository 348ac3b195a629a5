package dispatch

// Kind is one of the model signals.
type Kind uint8

const (
	PreSave Kind = iota
	PostSave
	PreDelete
	PostDelete
	PostLoad
	M2mChanged
	Kinds // how many there are
)

var kindNames = [Kinds]string{"pre_save", "post_save", "pre_delete", "post_delete", "post_load", "m2m_changed"}

// String returns the name of the signal.
func (k Kind) String() string { return kindNames[k] }

// Phase is when a receiver runs.
type Phase uint8

const (
	InSend Phase = iota
	BeforeCommit
	AfterCommit
	AfterRollback
)

// String returns the name of the phase.
func (p Phase) String() string {
	return [...]string{"send", "before_commit", "after_commit", "after_rollback"}[p]
}

// DurablePhase is the name of the phase of a durable receiver.
const DurablePhase = "durable"

// Need is how much of the stored row a receiver works with.
type Need int

const (
	Keys     Need = iota + 1 // the primary key, and what the write itself names
	Row                  // the whole row
	Original                 // the stored row beside the new one
)

// Policy is what receivers that wait do in a transaction whose end cannot be seen.
type Policy uint8

const (
	Refuse Policy = iota // they fail the write
	runNow               // they run right after the statement
	Drop                 // they do not run
)
