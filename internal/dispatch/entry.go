package dispatch

import (
	"runtime/debug"
	"slices"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/lanes"
	"github.com/gorm-signals/signals/internal/receivers"
)

// Entry is a connected receiver.
type Entry struct {
	receivers.Item
	Elsewhere

	Info   Info                              // describes it in errors and to observers
	Kind   Kind                              // of the signal that it is connected to
	Fields []string                          // the ones that must change, or the relations of m2m_changed; none means any
	Phase  Phase                             // when it runs
	Net    bool                              // it wants one event of all writes of a row in a transaction
	Atomic bool                              // it needs a transaction
	Only   *Only                             // the rows that it wants; nil means all
	Once   *Once                             // it is called for the first of these only; nil means for all
	Call   func(*Frame, *change.Row) error   // calls it with the event of one row; nil of a batch receiver
	Batch  func(*Frame, []*change.Row) error // calls a batch receiver with the events of all rows that it wants; nil of a single one
	Errors *Errors                           // makes the errors that callers see
	Owner  any                               // what the connecting package keeps of the receiver
}

// Elsewhere says who makes the calls of a receiver that the write does not make.
type Elsewhere struct {
	Keeps bool        // a store keeps its events: Call and Batch hand them to the store
	Lane  *lanes.Lane // that it runs on; nil if it runs on the goroutine of the write
}

// Info describes a receiver.
type Info struct {
	Signal   string // name of the signal
	Sender   string // model that it was connected for; empty for a custom signal
	UID      string // empty when none was given
	Phase    string // when it runs
	Location string // file:line of Connect
	Priority int    // higher runs first
	Needs    Need   // what is read for it before a write; 0 if nothing is
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
	OnLane     func(of Observed, err error) error  // of a call on a lane, with what the call was about
}

// recovered returns the error of a panic with a value.
func (t *Errors) recovered(value any) error { return t.Panic(value, debug.Stack()) }

// Recover returns the error of a receiver that panicked with v, and nil if v is nil.
func (e *Entry) Recover(v any) error {
	if v == nil {
		return nil
	}
	return e.Failure(e.Errors.recovered(v))
}

// Failure wraps the error that a receiver returned, so that it names the receiver.
func (e *Entry) Failure(err error) error { return e.Errors.Receiver(e.Info, err) }

// delivers reports whether a receiver gets events from a store, and not from a write.
func (e *Entry) delivers() bool { return !e.Keeps && e.Info.Phase == DurablePhase }

// Wants reports whether a receiver is to be called for a row: it is not muted, and the row is created, is deleted or changes one of its fields, or it
// links by one of its relations, and the row is one of those that it wants.
func (e *Entry) Wants(f *Frame, r *change.Row) bool {
	if !f.Unmuted(e.UID) || e.Once.Spent() {
		return false
	}
	if r.Linked != nil {
		return e.wantsLinks(r.Linked.Relation)
	}
	return (len(e.Fields) == 0 || r.Created || r.Facts.Result == change.Deleted || r.Changed(f, e.Fields)) && e.Only.has(f, r)
}

// wantsLinks reports whether a receiver of m2m_changed listens to this relation.
func (e *Entry) wantsLinks(relation string) bool {
	return len(e.Fields) == 0 || slices.Contains(e.Fields, relation)
}

// Reaches reports whether a send in this frame calls a receiver for a row.
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
