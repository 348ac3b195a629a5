package dispatch

import (
	"context"
	"slices"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/fault"
)

// Observer sees sends and calls of receivers. Its methods run on the goroutine of the write.
type Observer interface {
	// Start is called when a step begins. It returns the context for the step.
	Start(ctx context.Context, o Observed) context.Context

	// End is called when the step has ended, with the context that Start returned.
	End(ctx context.Context, o Observed, err error)
}

// Step is a kind of work that an observer sees begin and end.
type Step uint8

// The steps.
const (
	Sending Step = iota + 1 // one send of a signal
	Calling                 // one call of one receiver
	Waiting                 // the time from a write to the end of its transaction
)

// Observed is a step that begins or ends.
type Observed struct {
	Step     Step
	Signal   string       // name of the signal
	Sender   string       // model that sent it; empty for a custom signal
	Table    string       // table of the rows; empty for a custom signal
	Phase    string       // phase of the receivers that are called or wait
	Receiver *Entry       // the receiver that is called; nil for other steps
	Events   int          // number of events: of rows that are not silent
	Event    any          // the event of a custom signal
	Frame    *Frame       // frame of the send; nil for a custom signal
	Rows     []change.Row // rows of the send, including silent ones; none for a custom signal
}

// Observation describes a step of a model's signal.
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
	case f.settings != nil && f.settings.rare != nil && f.settings.rare.table != "": // the statement's own table may be another by now: GORM uses statements again
		o.Table = f.settings.rare.table
	case f.settings == nil && f.db.Statement.Table != "":
		o.Table = f.db.Statement.Table
	default:
		o.Table = rows[0].Facts.Model.Schema.Table
	}
	return o
}

// under returns a copy of the frame with the context that an observer has made of it.
func (f *Frame) under(ctx context.Context) *Frame {
	if ctx == f {
		return f
	}
	g := *f
	g.Context = ctx
	return &g
}

// callObserved is dispatch with calls of the observer.
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

// OfChanges reports whether all receivers are connected to PostChange.
func OfChanges(entries []*Entry) bool {
	return !slices.ContainsFunc(entries, func(e *Entry) bool { return e.Kind != PostChange })
}

// CallObserved calls a receiver and tells the observer. It returns a panic as an error.
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

// Observe makes a call and tells an observer. It returns a panic as an error. The call may end its goroutine.
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
