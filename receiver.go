package signals

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// Receiver is a function that a signal calls with each event. ctx has the values of the caller's context; pass it on. An error ends the send and, for
// a model signal, fails the write. Several goroutines may call a receiver at the same time.
type Receiver[E any] func(ctx context.Context, event E) error

// BatchReceiver gets the events of a batch in one call: the rows of one INSERT, or of one batch of an update or delete by a condition. Otherwise it
// gets one event.
type BatchReceiver[E any] func(ctx context.Context, events []E) error

// Need says how much of the stored row a receiver works with. Before a write, the plugin reads the most that any connected receiver of the model
// needs.
type Need int

const (
	// Keys means that the primary key, and the fields that the write itself names, are enough.
	Keys Need = iota + 1
	// Row asks for the whole row in Instance. It is the default of PreDelete, PostDelete and M2MChanged.
	Row
	// Original asks for the stored row beside the new one. It is the default of PreSave, PostSave and PostChange.
	Original
)

// String returns "keys", "row" or "original".
func (n Need) String() string {
	switch n {
	case Keys:
		return "keys"
	case Row:
		return "row"
	case Original:
		return "original"
	}
	return fmt.Sprintf("Need(%d)", int(n))
}

// ReceiverInfo describes a connected receiver.
type ReceiverInfo struct {
	Signal   string // name of the signal, "post_save"
	Sender   string // model that it was connected for, "Product"; empty for custom signals
	UID      string // empty if it has none
	Phase    string // when it runs: "send", "before_commit", "after_commit", "after_rollback", "after_failure", "durable"
	Location string // file:line of Connect
	Priority int
	First    bool  // it runs before all receivers without First
	Last     bool  // it runs after all receivers without Last
	Needs    Need  // what the plugin reads for it before a write; 0 for nothing
	Lane     *Lane // the lane that it runs on; nil if it runs on the goroutine of the write
}

// Order says when a receiver runs among others: "first", "last", or its priority. With both it is "first 7".
func (r ReceiverInfo) Order() string {
	var level string
	switch {
	case r.First:
		level = "first"
	case r.Last:
		level = "last"
	default:
		return strconv.Itoa(r.Priority)
	}
	if r.Priority == 0 {
		return level
	}
	return level + " " + strconv.Itoa(r.Priority)
}

// Response is the result of one receiver in SendRobust or SendConcurrent.
type Response struct {
	Receiver ReceiverInfo
	Err      error // nil, or a *ReceiverError
}

// ConnectOption is an option of Connect, ConnectBatch and ConnectAll. They panic for an option that has no meaning for the signal; the text names the
// cure.
type ConnectOption interface {
	apply(o *connectOptions)
}

type connectOptions struct {
	uid      string
	priority int
	fields   []string
	needs    Need
	phase    dispatch.Phase
	net      bool
	atomic   bool
	only     only
	once     bool
	level    int8   // 1 for First, -1 for Last
	lane     *Lane  // the lane that the receiver runs on
	store    Store  // of a durable receiver
	durable  string // the name of a durable receiver
	problem  string // the first bad option, in words; empty if all are good
}

type optionFunc func(o *connectOptions)

func (f optionFunc) apply(o *connectOptions) { f(o) }

func (o *connectOptions) refuse(problem string) {
	if o.problem == "" {
		o.problem = problem
	}
}

// UID names a receiver, for Disconnect, Mute and errors. Connecting another receiver with this UID to the same signal and model replaces it, in its
// place.
func UID(uid string) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		if uid == "" {
			o.refuse("signals.UID is empty: give it a name, or leave the option out")
		}
		o.uid = uid
	})
}

// Priority orders receivers: a higher priority runs first. The default is 0. Receivers of one priority run in the order in which they were connected.
func Priority(p int) ConnectOption {
	return optionFunc(func(o *connectOptions) { o.priority = p })
}

// Fields narrows a receiver of PreSave, PostSave or PostChange to rows in which one of these fields changes. Created and deleted rows always count; for
// PostChange, so do rows that an update restores or marks as deleted. Names are those of [SaveEvent.Changed]. Fields implies Needs(Original). A receiver
// connected through Implementing gets no other updates of models that have none of the fields.
//
// For M2MChanged the names are those of many2many relations.
func Fields(names ...string) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		if len(names) == 0 {
			o.refuse("signals.Fields names no field: name one, or leave the option out")
		}
		o.fields = append(o.fields, names...)
	})
}

// Needs says the least that a receiver of a save, a delete or M2MChanged can work with. Less makes writes faster; see [Need]. Kind of a [ChangeEvent] does
// not depend on it.
func Needs(n Need) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		if n < Keys || n > Original {
			o.refuse(fmt.Sprintf("signals.Needs(%d) is not one of Keys, Row and Original", int(n)))
		}
		o.needs = n
	})
}

// If returns a receiver that calls r only for events for which pred returns true. It panics if pred or r is nil.
func If[E any](pred func(E) bool, r Receiver[E]) Receiver[E] {
	if pred == nil || r == nil {
		panic("signals: If needs a predicate and a receiver, and one of them is nil")
	}
	return func(ctx context.Context, event E) error {
		if !pred(event) {
			return nil
		}
		return r(ctx, event)
	}
}

// location returns the file and line of a caller: 1 is the function that calls location, 2 the caller of that function.
func location(caller int) string { return dispatch.Here(caller + 1).String() }
