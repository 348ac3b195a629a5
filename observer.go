package signals

import (
	"context"
	"reflect"
	"slices"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/fault"
)

// Observer sees what is sent: tracing, metrics and logs are made of it. Set it as Plugin.Observer, and for a custom signal with
// [Signal.Observe].
//
// Its methods run on the goroutine of the write, so what they do is what the write waits for. They are called from several goroutines
// and must not panic.
type Observer interface {
	// ObserveStart is called when a step begins. Receivers get the context that it returns, or one derived from it; nil stands for
	// ctx. That of a Waiting step goes nowhere but to ObserveEnd.
	ObserveStart(ctx context.Context, o Observed) context.Context

	// ObserveEnd is called when the step has ended, with the context that ObserveStart returned for it.
	ObserveEnd(ctx context.Context, o Observed, err error)
}

// Step is what an Observer sees begin and end.
type Step uint8

const (
	// Sending is one send of a signal: all its receivers, for all rows of a batch.
	Sending Step = iota + 1
	// Calling is one call of one receiver. It lies within a Sending.
	Calling
	// Waiting is the time from a write to the end of its transaction, for receivers that run then. Its error is nil when the
	// transaction has committed, and ErrRolledBack or ErrOutcomeUnknown otherwise.
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

// Observed is one step.
type Observed struct {
	Step     Step
	Signal   string        // name of the signal, "post_save"
	Sender   string        // model that sends it, "Product"; empty for a custom signal
	Table    string        // of the rows; empty for a custom signal
	Phase    string        // when it runs, as in ReceiverInfo; "send" for everything that runs within the write
	Receiver *ReceiverInfo // of Calling; nil otherwise
	Events   int           // how many rows it is about
	Event    any           // the event of a custom signal

	frame *frame
	rows  []change.Row
}

// ObservedRow is one of the rows that a step is about.
type ObservedRow struct {
	Table    string
	Key      []any // primary key
	Instance any   // as in the event; it must not be changed
	Created  bool
	Soft     bool
	Cascade  bool
	Changes  []Change // of a save signal

	Relation string // of m2m_changed, as Action and PKs
	Action   M2MAction
	PKs      []any
}

// Rows describes the rows that the step is about, as they are when it is called: call it from ObserveStart or ObserveEnd. It is nil
// for a custom signal.
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
		case o.frame.kind == preSave || o.frame.kind == postSave:
			row.Changes = changesOf(o.frame, r)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil
	}
	return rows
}

// observation describes a step of sends of a model.
func (f *frame) observation(step Step, p phase, rows []change.Row) Observed {
	o := Observed{Step: step, Signal: kindNames[f.kind], Phase: p.String(), frame: f, rows: rows}
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

// started tells an observer that a step begins, and returns the context of the step.
func started(ctx context.Context, by Observer, o Observed) context.Context {
	if made := by.ObserveStart(ctx, o); made != nil {
		return made
	}
	return ctx
}

// callObserved is dispatch that the observer sees.
func (r *registry) callObserved(entries []*entry, f *frame, rows []change.Row) (err error) {
	o := f.observation(Sending, entries[0].phase, rows)
	if entries[0].delivers() {
		o.Phase = durablePhase
	}
	if o.Events == 0 {
		return nil
	}
	ctx := started(f, r.Observer, o)
	err = fault.ErrGoexit
	defer func() { r.Observer.ObserveEnd(ctx, o, err) }()
	err = r.dispatch(entries, f.under(ctx), rows)
	return err
}

// delivers reports whether a receiver gets events that were kept, and not those of a write.
func (e *entry) delivers() bool { return e.store == nil && e.info.Phase == durablePhase }

// callObserved calls a receiver so that the observer sees it. A panic is an error.
func (e *entry) callObserved(by Observer, f *frame, rows []change.Row, call func(*frame) error) error {
	o := f.observation(Calling, e.phase, rows)
	o.Receiver = &e.info
	if e.delivers() {
		o.Phase = durablePhase
	}
	return observe(f, by, o, func(ctx context.Context) error { return call(f.under(ctx)) })
}

// observe makes a call that may end its goroutine.
func observe(ctx context.Context, by Observer, o Observed, call func(context.Context) error) (err error) {
	ctx = started(ctx, by, o)
	err = fault.ErrGoexit
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v)
		}
		by.ObserveEnd(ctx, o, err)
	}()
	err = call(ctx)
	return err
}

// Observers returns an observer that tells several ones, in this order; the last one is told of the end first.
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

// wait tells the observer that a send begins to wait.
func (d *deferred) wait() {
	if by := d.reg.Observer; by != nil {
		d.waiting = started(&d.frame, by, d.observation())
	}
}

// waited tells the observer that a send waits no more.
func (d *deferred) waited(err error) {
	if by := d.reg.Observer; by != nil && d.waiting != nil {
		ctx := d.waiting
		d.waiting = nil
		by.ObserveEnd(ctx, d.observation(), err)
	}
}

func (d *deferred) observation() Observed {
	until := afterCommit
	if entries := d.frame.plan.deferred[d.kind]; len(entries) > 0 {
		until = entries[0].phase
	}
	return d.frame.observation(Waiting, until, d.rows)
}
