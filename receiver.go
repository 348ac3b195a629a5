package signals

import (
	"context"
	"fmt"
	"runtime"
	"strconv"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// Receiver is a function that is called with every event of a signal. An error that it returns ends the send and, for
// a model signal, fails the write.
type Receiver[E any] func(ctx context.Context, event E) error

// BatchReceiver is called once with all events of a batch: the rows of one INSERT, or of one resolved batch of a
// conditional write. Outside batches it is called with one event.
type BatchReceiver[E any] func(ctx context.Context, events []E) error

// Need is how much of the stored row a receiver of a save or delete signal works with. The more the connected
// receivers of a model need, the more is read before a write.
type Need int

const (
	// Keys promises that the primary key and what the write itself names are enough.
	Keys Need = iota + 1
	// Row asks for the whole row in Instance. It is what delete receivers get when they say nothing.
	Row
	// Original asks for the stored row beside the new one. It is what save receivers get when they say nothing.
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
	Sender   string // model it was connected for, "Product"; empty for custom signals
	UID      string // empty when none was given
	Phase    string // when it runs: "send", "before_commit", "after_commit", "after_rollback", "after_failure", "durable"
	Location string // file:line of Connect
	Priority int
	First    bool  // it runs before all that are not first
	Last     bool  // it runs after all that are not last
	Needs    Need  // what is read for it before a write; 0 where nothing is
	Lane     *Lane // that it runs on; nil if it runs on the goroutine of the write
}

// Order says when a receiver runs among others: "first", "last", or its priority, as in "first 7" where both say so.
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

// Response is what one receiver of SendRobust or SendConcurrent answered.
type Response struct {
	Receiver ReceiverInfo
	Err      error // nil, or a *ReceiverError
}

// ConnectOption is an option of Connect and ConnectBatch. Options without meaning for the signal are refused by a
// panic that says so.
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
	level    int8   // 1 is first, -1 is last
	lane     *Lane  // that the receiver runs on
	store    Store  // of a durable receiver
	durable  string // its name
	problem  string // first bad option, in words; empty when all are good
}

type optionFunc func(o *connectOptions)

func (f optionFunc) apply(o *connectOptions) { f(o) }

func (o *connectOptions) refuse(problem string) {
	if o.problem == "" {
		o.problem = problem
	}
}

// UID names a receiver: connecting another one with the same UID to the same signal and model replaces it in place.
func UID(uid string) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		if uid == "" {
			o.refuse("signals.UID is empty: give it a name, or leave the option out")
		}
		o.uid = uid
	})
}

// Priority moves a receiver before those with a lower one. The default is 0; equal ones run in the order in which they
// were connected.
func Priority(p int) ConnectOption {
	return optionFunc(func(o *connectOptions) { o.priority = p })
}

// Fields narrows a save receiver to events in which one of these fields changes; created rows always count. Names are Go
// field names or column names. It implies Needs(Original). A receiver connected through Implementing hears nothing of
// updates of models that have none of the fields.
//
// A receiver of PostChange hears of every deleted row. For m2m_changed the names are those of many2many relations.
func Fields(names ...string) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		if len(names) == 0 {
			o.refuse("signals.Fields names no field: name one, or leave the option out")
		}
		o.fields = append(o.fields, names...)
	})
}

// Needs declares the least that a save or delete receiver can work with. Less is faster: see Need.
func Needs(n Need) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		if n < Keys || n > Original {
			o.refuse(fmt.Sprintf("signals.Needs(%d) is not one of Keys, Row and Original", int(n)))
		}
		o.needs = n
	})
}

// If returns a receiver that calls r only for events that satisfy pred.
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

// location returns the file and line of a caller: 1 is the one that calls location, 2 the one that calls that.
func location(caller int) string {
	_, file, line, ok := runtime.Caller(caller)
	if !ok {
		return "unknown"
	}
	return fmt.Sprintf("%s:%d", file, line)
}
