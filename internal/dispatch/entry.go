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
	Kind   Kind                              // kind of the signal that it is connected to
	Fields []string                          // at least one of these fields, or relations of m2m_changed, must change; none means any
	Phase  Phase                             // when it runs
	Net    bool                              // it wants one event of all writes of a row in a transaction
	Atomic bool                              // it needs a transaction
	Only   *Only                             // the rows that it wants; nil means all
	Once   *Once                             // it is called for the first of these only; nil means for all
	Call   func(*Frame, *change.Row) error   // calls it with the event of one row; nil for a batch receiver
	Batch  func(*Frame, []*change.Row) error // calls a batch receiver with the events of all rows that it wants; otherwise nil
	Errors *Errors                           // makes the public errors
	Owner  any                               // the receiver as the connecting package knows it
}

// Elsewhere says who calls a receiver if the write does not.
type Elsewhere struct {
	Keeps bool        // a store keeps its events: Call and Batch give them to the store
	Lane  *lanes.Lane // the lane that it runs on; nil if it runs on the goroutine of the write
}

// Info describes a receiver.
type Info struct {
	Signal   string // name of the signal
	Sender   string // model that it was connected for; empty for a custom signal
	UID      string // empty if it has none
	Phase    string // when it runs
	Location string // file:line of Connect
	Priority int    // higher runs first
	Needs    Need   // what the plugin reads for it before a write; 0 for nothing
}

// Name returns the name of the receiver in errors.
func (i Info) Name() string {
	if i.UID != "" {
		return i.UID
	}
	return i.Location
}

// Errors makes the public errors, whose types belong to another package.
type Errors struct {
	Receiver   func(of Info, err error) error      // names the receiver that returned err
	OfReceiver func(err error) bool                // whether Receiver has made the error
	Panic      func(value any, stack []byte) error // for a receiver or a function that panicked
	OnLane     func(of Observed, err error) error  // for a call on a lane; of describes the call
}

// recovered returns the error for a panic with a value.
func (t *Errors) recovered(value any) error { return t.Panic(value, debug.Stack()) }

// Recover returns the error for a receiver that panicked with v, nil if v is nil.
func (e *Entry) Recover(v any) error {
	if v == nil {
		return nil
	}
	return e.Failure(e.Errors.recovered(v))
}

// Failure wraps the error of a receiver, so that it names the receiver.
func (e *Entry) Failure(err error) error { return e.Errors.Receiver(e.Info, err) }

// delivers reports whether a store, and not a write, gives the receiver its events.
func (e *Entry) delivers() bool { return !e.Keeps && e.Info.Phase == DurablePhase }

// Wants reports whether a receiver is called for a row. The receiver must not be muted or spent. The row must be created, be deleted, or change one
// of the receiver's fields; for post_change, it may also be restored or marked as deleted, and for m2m_changed, its relation must be one of the
// fields. Only must accept the row.
func (e *Entry) Wants(f *Frame, r *change.Row) bool {
	if !f.Unmuted(e.UID) || e.Once.Spent() {
		return false
	}
	if r.Linked != nil {
		return e.wantsLinks(r.Linked.Relation)
	}
	return e.passesFields(f, r) && e.Only.has(f, r)
}

// passesFields reports whether the option Fields lets a row of a save or a delete pass. For post_change, a row that an update hides or restores passes
// as one that is deleted or created.
func (e *Entry) passesFields(f *Frame, r *change.Row) bool {
	return len(e.Fields) == 0 || r.Created || r.Facts.Result == change.Deleted || r.Changed(f, e.Fields) ||
		(e.Kind == PostChange && r.Result(f) != change.Updated)
}

// wantsLinks reports whether a receiver of m2m_changed listens to a relation.
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
