package signals

import (
	"runtime/debug"
	"slices"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/receivers"
)

// entry is a connected receiver.
type entry struct {
	receivers.Item

	info   info
	kind   kind
	fields []string // the ones that must change, or the relations of m2m_changed; none means any
	phase  phase
	net    bool                              // it wants one event of all writes of a row in a transaction
	atomic bool                              // it needs a transaction
	keeps  bool                              // a store keeps its events: call and batch hand them to the store
	call   func(*frame, *change.Row) error   // with the event of one row
	batch  func(*frame, []*change.Row) error // instead of call, when the receiver wants all events of a batch
	errors *errorTypes
	owner  any // the receiver as the package knows it that has connected it
}

// info describes a receiver.
type info struct {
	Signal   string // name of the signal
	Sender   string // model that it was connected for; empty for a custom signal
	UID      string // empty when none was given
	Phase    string // when it runs
	Location string // file:line of Connect
	Priority int
	Needs    need // what is read for it before a write; 0 where nothing is
}

// Name returns what the receiver is called in errors.
func (i info) Name() string {
	if i.UID != "" {
		return i.UID
	}
	return i.Location
}

// errorTypes makes the errors whose types callers see, which belong to another package.
type errorTypes struct {
	Receiver   func(of info, err error) error      // what a receiver answered
	OfReceiver func(err error) bool                // whether Receiver has made an error
	Panic      func(value any, stack []byte) error // of a receiver or a function that has panicked
}

// recovered returns the error of a panic with a value.
func (t *errorTypes) recovered(value any) error { return t.Panic(value, debug.Stack()) }

// recover returns the error of a receiver that panicked with v, nil when it did not.
func (e *entry) recover(v any) error {
	if v == nil {
		return nil
	}
	return e.failure(e.errors.recovered(v))
}

// failure wraps what a receiver answered.
func (e *entry) failure(err error) error { return e.errors.Receiver(e.info, err) }

// delivers reports whether a receiver gets events that were kept, and not those of a write.
func (e *entry) delivers() bool { return !e.keeps && e.info.Phase == durablePhase }

// wants reports whether a receiver is to be called for a row: it is not muted, and one of its fields changes,
// or its relation.
func (e *entry) wants(f *frame, r *change.Row) bool {
	if !f.unmuted(e.UID) {
		return false
	}
	if r.Linked != nil {
		return e.wantsLinks(r.Linked.Relation)
	}
	return len(e.fields) == 0 || r.Created || r.Changed(f, e.fields)
}

// wantsLinks reports whether a receiver of m2m_changed is one for this relation.
func (e *entry) wantsLinks(relation string) bool {
	return len(e.fields) == 0 || slices.Contains(e.fields, relation)
}

// reaches reports whether a receiver will be called for a row.
func (f *frame) reaches(e *entry, r *change.Row) bool {
	return !f.muteAll && !r.Silent && e.wants(f, r)
}

// send calls the receiver with one row, outside any batch.
func (e *entry) send(f *frame, r *change.Row) error {
	if e.batch != nil {
		return e.batch(f, []*change.Row{r})
	}
	return e.call(f, r)
}
