package signals

import (
	"context"
	"reflect"
	"slices"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

// Observer sees sends of signals and calls of receivers, for traces, metrics and logs. Set it as Plugin.Observer and, for a custom signal, with
// [Signal.Observe].
//
// Its methods run on the goroutine of the write, which waits for them; for a receiver on a lane they run on the lane. Several goroutines call them at
// the same time. They must not panic.
type Observer interface {
	// ObserveStart is called when a step begins. Receivers get the returned context, or one derived from it; nil means ctx. The context of a Waiting
	// step goes to ObserveEnd only.
	ObserveStart(ctx context.Context, o Observed) context.Context

	// ObserveEnd is called when the step has ended, with the context that ObserveStart returned for it.
	ObserveEnd(ctx context.Context, o Observed, err error)
}

// Step is a kind of work that an Observer sees begin and end.
type Step uint8

const (
	// Sending is one send of a signal: the calls of all its receivers, for all rows of a batch.
	Sending Step = iota + 1
	// Calling is one call of one receiver, within a Sending.
	Calling
	// Waiting is the time from a write to the end of its transaction, if receivers wait for that. Its error is nil if the transaction was committed,
	// and otherwise ErrRolledBack or ErrOutcomeUnknown.
	Waiting
)

// String returns "sending", "calling" or "waiting".
func (s Step) String() string {
	if s < Sending || s > Waiting {
		return "no step"
	}
	return [...]string{"sending", "calling", "waiting"}[s-Sending]
}

// ErrRolledBack is the error of a Waiting step whose transaction, or the savepoint around the write, was rolled back.
var ErrRolledBack = fault.ErrRolledBack

// Observed is a step that begins or ends.
type Observed struct {
	Step     Step
	Signal   string        // name of the signal, "post_save"
	Sender   string        // model that sends it, "Product"; empty for a custom signal
	Table    string        // table of the rows; empty for a custom signal
	Phase    string        // when the receivers run, as in ReceiverInfo; "send" within the write
	Receiver *ReceiverInfo // the receiver of a Calling; nil for other steps
	Events   int           // number of rows, or of events of a custom signal
	Event    any           // the event of a custom signal; the first one of a batch

	frame *dispatch.Frame
	rows  []change.Row
}

// ObservedRow is one row of a step.
type ObservedRow struct {
	Table    string
	Key      []any // primary key
	Instance any   // as in the event; do not change it
	Created  bool
	Soft     bool
	Cascade  bool
	Changes  []Change // columns that a save changes

	// Kind says what the write does to the row. It is 0 for post_load and m2m_changed. A restored row may count as Updated if no receiver of the model
	// listens to PostChange or needs Original.
	Kind ChangeKind

	Relation string // of m2m_changed, like Action and PKs
	Action   M2MAction
	PKs      []any
}

// Rows describes the rows of the step as they are now. Call it within ObserveStart or ObserveEnd only. It returns nil for a custom signal.
func (o Observed) Rows() []ObservedRow {
	rows := make([]ObservedRow, 0, o.Events)
	for i := range o.rows {
		r := &o.rows[i]
		if r.Silent || modelOf(r.Instance) == nil {
			continue
		}
		row := ObservedRow{Table: o.Table, Instance: r.Instance, Created: r.Created, Soft: r.Facts.Soft, Cascade: r.Facts.Cascade}
		row.Key, _ = r.Facts.Model.KeyOf(o.frame, reflect.ValueOf(r.Instance).Elem())
		switch {
		case r.Linked != nil:
			row.Relation, row.Action, row.PKs = r.Linked.Relation, M2MAction(r.Linked.Action), r.Linked.Keys
		case o.frame.Kind == dispatch.PostLoad:
		case r.Facts.Result == change.Deleted:
			row.Kind = kindOf(r.Result(o.frame))
		default:
			row.Kind, row.Changes = kindOf(r.Result(o.frame)), changesOf(o.frame, r)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil
	}
	return rows
}

// observing makes an Observer one for the engine.
type observing struct{ Observer }

// Start tells the observer that a step begins.
func (by observing) Start(ctx context.Context, o dispatch.Observed) context.Context {
	return started(ctx, by.Observer, observedOf(o))
}

// End tells the observer that a step has ended.
func (by observing) End(ctx context.Context, o dispatch.Observed, err error) {
	by.ObserveEnd(ctx, observedOf(o), err)
}

// observedOf returns a step in its public form.
func observedOf(o dispatch.Observed) Observed {
	known := Observed{
		Step: Step(o.Step), Signal: o.Signal, Sender: o.Sender, Table: o.Table, Phase: o.Phase, Events: o.Events, Event: o.Event,
		frame: o.Frame, rows: o.Rows,
	}
	if o.Receiver != nil {
		known.Receiver = &receiverOf(o.Receiver).public
	}
	return known
}

// started tells an observer that a step begins, and returns the context of the step.
func started(ctx context.Context, by Observer, o Observed) context.Context {
	if made := by.ObserveStart(ctx, o); made != nil {
		return made
	}
	return ctx
}

// Observers returns an observer that calls several observers: ObserveStart in this order, ObserveEnd in reverse order.
func Observers(list ...Observer) Observer { return observers(slices.Clone(list)) }

type observers []Observer

type observersKey struct{ list *Observer }

// ObserveStart hands each observer's context to the next.
func (l observers) ObserveStart(ctx context.Context, o Observed) context.Context {
	for i := range l {
		ctx = started(ctx, l[i], o) //nolint:fatcontext // a handful, one within the other
		ctx = context.WithValue(ctx, observersKey{&l[i]}, ctx)
	}
	return ctx
}

// ObserveEnd gives each observer the context that it made.
func (l observers) ObserveEnd(ctx context.Context, o Observed, err error) {
	for i := len(l) - 1; i >= 0; i-- {
		own, ok := ctx.Value(observersKey{&l[i]}).(context.Context)
		if !ok {
			own = ctx
		}
		l[i].ObserveEnd(own, o, err)
	}
}
