package dispatch

import (
	"runtime/debug"
	"slices"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/receivers"
)

// Entry is a connected receiver.
type Entry struct {
	receivers.Item

	Info   Info
	Kind   Kind
	Fields []string // the ones that must change, or the relations of m2m_changed; none means any
	Phase  Phase
	Net    bool                              // it wants one event of all writes of a row in a transaction
	Atomic bool                              // it needs a transaction
	Keeps  bool                              // a store keeps its events: call and batch hand them to the store
	Call   func(*Frame, *change.Row) error   // with the event of one row
	Batch  func(*Frame, []*change.Row) error // instead of call, when the receiver wants all events of a batch
	Errors *Errors
	Owner  any // the receiver as the package knows it that has connected it
}

// Info describes a receiver.
type Info struct {
	Signal   string // name of the signal
	Sender   string // model that it was connected for; empty for a custom signal
	UID      string // empty when none was given
	Phase    string // when it runs
	Location string // file:line of Connect
	Priority int
	Needs    Need // what is read for it before a write; 0 where nothing is
}

// Name returns what the receiver is called in errors.
func (i Info) Name() string {
	if i.UID != "" {
		return i.UID
	}
	return i.Location
}

// Errors makes the errors whose types callers see, which belong to another package.
type Errors struct {
	Receiver   func(of Info, err error) error      // what a receiver answered
	OfReceiver func(err error) bool                // whether Receiver has made an error
	Panic      func(value any, stack []byte) error // of a receiver or a function that has panicked
}

// recovered returns the error of a panic with a value.
func (t *Errors) recovered(value any) error { return t.Panic(value, debug.Stack()) }

// Recover returns the error of a receiver that panicked with v, nil when it did not.
func (e *Entry) Recover(v any) error {
	if v == nil {
		return nil
	}
	return e.Failure(e.Errors.recovered(v))
}

// Failure wraps what a receiver answered.
func (e *Entry) Failure(err error) error { return e.Errors.Receiver(e.Info, err) }

// delivers reports whether a receiver gets events that were kept, and not those of a write.
func (e *Entry) delivers() bool { return !e.Keeps && e.Info.Phase == DurablePhase }

// Wants reports whether a receiver is to be called for a row: it is not muted, and one of its fields changes,
// or its relation.
func (e *Entry) Wants(f *Frame, r *change.Row) bool {
	if !f.Unmuted(e.UID) {
		return false
	}
	if r.Linked != nil {
		return e.wantsLinks(r.Linked.Relation)
	}
	return len(e.Fields) == 0 || r.Created || r.Changed(f, e.Fields)
}

// wantsLinks reports whether a receiver of m2m_changed is one for this relation.
func (e *Entry) wantsLinks(relation string) bool {
	return len(e.Fields) == 0 || slices.Contains(e.Fields, relation)
}

// Reaches reports whether a receiver will be called for a row.
func (f *Frame) Reaches(e *Entry, r *change.Row) bool {
	return !f.MuteAll && !r.Silent && e.Wants(f, r)
}

// Send calls the receiver with one row, outside any batch.
func (e *Entry) Send(f *Frame, r *change.Row) error {
	if e.Batch != nil {
		return e.Batch(f, []*change.Row{r})
	}
	return e.Call(f, r)
}
