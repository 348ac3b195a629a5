package dispatch

import (
	"context"
	"slices"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/fault"
)

// Observer sees what is sent. It is called on the goroutine of the write.
type Observer interface {
	// Start is called when a step begins. It returns the context of the step.
	Start(ctx context.Context, o Observed) context.Context

	// End is called when the step has ended, with the context of the step.
	End(ctx context.Context, o Observed, err error)
}

// Step is what an observer sees begin and end.
type Step uint8

// The steps.
const (
	Sending Step = iota + 1 // one send of a signal
	Calling                 // one call of one receiver
	Waiting                 // the time from a write to the end of its transaction
)

// Observed is one step.
type Observed struct {
	Step     Step
	Signal   string       // its name
	Sender   string       // model that sends it; empty for a custom signal
	Table    string       // of the rows; empty for a custom signal
	Phase    string       // of the receivers that are called or waited for
	Receiver *Entry       // that is called; nil in other steps
	Events   int          // how many events the step is about: rows that are not silent
	Event    any          // of a custom signal
	Frame    *Frame       // of the send; nil of a custom signal
	Rows     []change.Row // that are sent, silent ones included; none of a custom signal
}

// Observation describes a step of sends of a model.
func (f *Frame) Observation(s Step, p Phase, rows []change.Row) Observed {
	o := Observed{Step: s, Signal: f.Kind.String(), Phase: p.String(), Frame: f, Rows: rows}
	if f.Plan != nil {
		o.Sender = f.Plan.Sender
	}
	for i := range rows {
		if !rows[i].Silent {
			o.Events++
		}
	}
	switch {
	case f.settings != nil && f.settings.rare != nil && f.settings.rare.table != "": // GORM may have used the statement again
		o.Table = f.settings.rare.table
	case f.settings == nil && f.db.Statement.Table != "":
		o.Table = f.db.Statement.Table
	default:
		o.Table = rows[0].Facts.Model.Schema.Table
	}
	return o
}

// under returns a copy of the frame with the values of a context that an observer has made of it.
func (f *Frame) under(ctx context.Context) *Frame {
	if ctx == f {
		return f
	}
	g := *f
	g.Context = ctx
	return &g
}

// callObserved is dispatch that the observer sees.
func (r *Registry) callObserved(entries []*Entry, f *Frame, rows []change.Row) (err error) {
	o := f.Observation(Sending, entries[0].Phase, rows)
	if entries[0].delivers() {
		o.Phase = DurablePhase
	}
	if o.Events == 0 {
		return nil
	}
	if OfChanges(entries) {
		o.Signal = PostChange.String()
	}
	ctx := r.Observer.Start(f, o)
	err = fault.ErrGoexit
	defer func() { r.Observer.End(ctx, o, err) }()
	err = r.dispatch(entries, f.under(ctx), rows)
	return err
}

// OfChanges reports whether all of the receivers are those of changes.
func OfChanges(entries []*Entry) bool {
	return !slices.ContainsFunc(entries, func(e *Entry) bool { return e.Kind != PostChange })
}

// CallObserved calls a receiver so that the observer sees it. A panic is an error.
func (e *Entry) CallObserved(by Observer, f *Frame, rows []change.Row, call func(*Frame) error) error {
	o := f.Observation(Calling, e.Phase, rows)
	o.Receiver = e
	if e.Kind == PostChange {
		o.Signal = PostChange.String()
	}
	if e.delivers() {
		o.Phase = DurablePhase
	}
	return Observe(f, by, o, e.Errors, func(ctx context.Context) error { return call(f.under(ctx)) })
}

// Observe makes a call that may end its goroutine, so that an observer sees it. A panic is an error.
func Observe(ctx context.Context, by Observer, o Observed, types *Errors, call func(context.Context) error) (err error) {
	ctx = by.Start(ctx, o)
	err = fault.ErrGoexit
	defer func() {
		if v := recover(); v != nil {
			err = types.recovered(v)
		}
		by.End(ctx, o, err)
	}()
	err = call(ctx)
	return err
}
