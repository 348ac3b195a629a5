package signals

import (
	"context"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/fault"
)

// observer sees what is sent. It is called on the goroutine of the write.
type observer interface {
	// Start is called when a step begins. It returns the context of the step.
	Start(ctx context.Context, o observed) context.Context

	// End is called when the step has ended, with the context of the step.
	End(ctx context.Context, o observed, err error)
}

// obStep is what an observer sees begin and end.
type obStep uint8

const (
	sendingStep obStep = iota + 1 // one send of a signal
	callingStep                   // one call of one receiver
	waitingStep                   // the time from a write to the end of its transaction
)

// observed is one step.
type observed struct {
	Step     obStep
	Signal   string
	Sender   string // model that sends it; empty for a custom signal
	Table    string // of the rows; empty for a custom signal
	Phase    string
	Receiver *entry // that is called; nil in other steps
	Events   int
	Event    any // of a custom signal
	Frame    *frame
	Rows     []change.Row
}

// observation describes a step of sends of a model.
func (f *frame) observation(s obStep, p phase, rows []change.Row) observed {
	o := observed{Step: s, Signal: f.kind.String(), Phase: p.String(), Frame: f, Rows: rows}
	if f.plan != nil {
		o.Sender = f.plan.sender
	}
	for i := range rows {
		if !rows[i].Silent {
			o.Events++
		}
	}
	switch {
	case f.settings != nil && f.settings.table != "": // GORM may have used the statement again
		o.Table = f.settings.table
	case f.settings == nil && f.db.Statement.Table != "":
		o.Table = f.db.Statement.Table
	default:
		o.Table = rows[0].Facts.Model.Schema.Table
	}
	return o
}

// under returns a frame whose values are those of a context that was made of it.
func (f *frame) under(ctx context.Context) *frame {
	if ctx == f {
		return f
	}
	g := *f
	g.Context = ctx
	return &g
}

// callObserved is dispatch that the observer sees.
func (r *registry) callObserved(entries []*entry, f *frame, rows []change.Row) (err error) {
	o := f.observation(sendingStep, entries[0].phase, rows)
	if entries[0].delivers() {
		o.Phase = durablePhase
	}
	if o.Events == 0 {
		return nil
	}
	ctx := r.Observer.Start(f, o)
	err = fault.ErrGoexit
	defer func() { r.Observer.End(ctx, o, err) }()
	err = r.dispatch(entries, f.under(ctx), rows)
	return err
}

// callObserved calls a receiver so that the observer sees it. A panic is an error.
func (e *entry) callObserved(by observer, f *frame, rows []change.Row, call func(*frame) error) error {
	o := f.observation(callingStep, e.phase, rows)
	o.Receiver = e
	if e.delivers() {
		o.Phase = durablePhase
	}
	return observe(f, by, o, e.errors, func(ctx context.Context) error { return call(f.under(ctx)) })
}

// observe makes a call that may end its goroutine, so that an observer sees it. A panic is an error.
func observe(ctx context.Context, by observer, o observed, types *errorTypes, call func(context.Context) error) (err error) {
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
