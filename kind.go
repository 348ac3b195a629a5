package signals

// kind is one of the model signals.
type kind uint8

const (
	preSave kind = iota
	postSave
	preDelete
	postDelete
	postLoad
	m2mChanged
	kinds // how many there are
)

var kindNames = [kinds]string{"pre_save", "post_save", "pre_delete", "post_delete", "post_load", "m2m_changed"}

// String returns the name of the signal.
func (k kind) String() string { return kindNames[k] }

// phase is when a receiver runs.
type phase uint8

const (
	inSend phase = iota
	beforeCommit
	afterCommit
	afterRollback
)

// String returns the name of the phase.
func (p phase) String() string {
	return [...]string{"send", "before_commit", "after_commit", "after_rollback"}[p]
}

// durablePhase is the name of the phase of a durable receiver.
const durablePhase = "durable"

// need is how much of the stored row a receiver works with.
type need int

const (
	needKeys     need = iota + 1 // the primary key, and what the write itself names
	needRow                      // the whole row
	needOriginal                 // the stored row beside the new one
)

// policy is what receivers that wait do in a transaction whose end cannot be seen.
type policy uint8

const (
	refuse policy = iota // they fail the write
	runNow               // they run right after the statement
	drop                 // they do not run
)
