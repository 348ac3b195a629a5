package signals

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/receivers"
)

// channel is the part of a Signal that does not depend on the type of its events.
type channel struct {
	dispatch.Signal

	reg *dispatch.Registry // nil for a custom signal
	mu  sync.Mutex         // held by writers

	seq      atomic.Uint64                                                         // connection order of a custom signal
	calls    atomic.Pointer[calls]                                                 // of a custom signal: the receivers that Send loops over; nil until one is connected
	observer dispatch.Observer                                                     // of a custom signal
	call     func(ctx context.Context, r *receiver, event unsafe.Pointer) error    // of a custom signal that New made: calls a receiver
	batch    func(ctx context.Context, r *receiver, events []unsafe.Pointer) error // of a custom signal that New made: calls a BatchReceiver[E]
	single   func(batch unsafe.Pointer) unsafe.Pointer                             // of a custom signal that New made: makes a Receiver[E] that calls a BatchReceiver[E]
	keeping  func(c *channel, r *receiver, store Store)                            // of a custom signal that New made: gives the events of a receiver to a store

	receive func(e *dispatch.Entry, receiver unsafe.Pointer, batch bool) // of a model signal: makes a Receiver[E] or a BatchReceiver[E] the function of an entry
	method  func(of, code unsafe.Pointer, batch bool) unsafe.Pointer     // of a model signal: makes a Receiver[E] or a BatchReceiver[E] of a method
	given   func(event unsafe.Pointer) given                             // of a model signal: the data of an event that the program sends by hand
}

// receiver is a connected receiver: its entry in the engine, and data that only this package needs.
type receiver struct {
	dispatch.Entry

	public   ReceiverInfo
	function unsafe.Pointer // the function that Connect was given
	several  bool           // function is a BatchReceiver[E]
	origin   origin         // of a model signal
}

// receiverOf returns the receiver that an entry belongs to.
func receiverOf(e *dispatch.Entry) *receiver {
	r, _ := e.Owner.(*receiver)
	return r
}

// newReceiver returns a receiver with this description.
func newReceiver(i dispatch.Info, k dispatch.Kind) *receiver {
	r := &receiver{Entry: dispatch.Entry{Item: receivers.Item{UID: i.UID, Priority: i.Priority}, Info: i, Kind: k, Errors: &errorsOfReceivers}}
	r.public = ReceiverInfo{
		Signal: i.Signal, Sender: i.Sender, UID: i.UID, Phase: i.Phase, Location: i.Location, Priority: i.Priority, Needs: Need(i.Needs),
	}
	r.Owner = r
	return r
}

// newReceiver makes the receiver of a Connect. It panics if the function is missing or an option is bad.
func (c *channel) newReceiver(missing bool, loc string, opts []ConnectOption) (*receiver, Store) {
	var o connectOptions
	if missing {
		o.refuse("the receiver is nil: pass a function")
	}
	for _, opt := range opts {
		if opt == nil {
			o.refuse("an option is nil: leave it out")
			continue
		}
		opt.apply(&o)
	}
	c.check(&o)
	o.checkLane()
	if o.problem != "" {
		panic(fmt.Sprintf("signals: Connect to %s at %s: %s", c.Name, loc, o.problem))
	}
	i := dispatch.Info{
		Signal: c.Name, Sender: c.Scope.Name, UID: o.uid, Phase: o.phase.String(), Location: loc, Priority: o.priority, Needs: dispatch.Need(o.needs),
	}
	if o.store != nil {
		i.Phase = dispatch.DurablePhase
	}
	r := newReceiver(i, c.Kind)
	r.Fields, r.Phase, r.Net, r.Atomic = o.fields, o.phase, o.net, o.atomic
	r.Level, r.public.First, r.public.Last = o.level, o.level > 0, o.level < 0
	if r.Only = o.only.narrows(); o.once {
		r.Once = &dispatch.Once{Disconnect: func() { c.remove(r) }}
	}
	if o.lane != nil {
		r.Lane, r.public.Lane = o.lane.lane, o.lane
	}
	return r, o.store
}

// connect connects a receiver for Connect or ConnectBatch, which call it directly, because location counts calls. of points to their variable with
// the function.
func (c *channel) connect(of unsafe.Pointer, batch bool, opts []ConnectOption) (disconnect func() bool) {
	return c.connectAt(location(3), function(of), batch, opts)
}

// connectAt connects a function, which is a Receiver[E] or a BatchReceiver[E]. loc is the place in the program that connects it.
func (c *channel) connectAt(loc string, given unsafe.Pointer, batch bool, opts []ConnectOption) (disconnect func() bool) {
	return c.connectFrom(loc, given, given, given, batch, opts)
}

// connectFrom is connectAt for a function that was made of the code of a method and its value.
func (c *channel) connectFrom(loc string, given, code, value unsafe.Pointer, batch bool, opts []ConnectOption) (disconnect func() bool) {
	r, store := c.newReceiver(given == nil, loc, opts)
	if r.function, r.several = given, batch; c.reg != nil {
		r.origin = c.originOf(code, value)
		c.receive(&r.Entry, given, batch)
		c.keep(r, store)
		r.Seq = c.reg.Seq.Add(1)
	} else {
		if store != nil {
			c.keeping(c, r, store)
		}
		r.Seq = c.seq.Add(1)
	}
	c.update(func() bool {
		replaced := c.holderOf(r.UID)
		if c.reg != nil {
			c.mustBeSure(r, replaced)
		}
		if c.List.Add(&r.Entry); replaced == nil {
			dispatch.CountUID(r.UID, 1)
		}
		return true
	})
	return func() bool { return c.remove(r) }
}

// remove disconnects a receiver and reports whether it was connected.
func (c *channel) remove(r *receiver) bool {
	return c.update(func() bool {
		removed := c.List.Remove(&r.Entry)
		if removed {
			dispatch.CountUID(r.UID, -1)
		}
		return removed
	})
}

// disconnect removes the receiver with a UID. It is not inlined, like all functions that Signal calls, because each model of a program would have a
// copy.
//
//go:noinline
func (c *channel) disconnect(uid string) bool {
	return c.update(func() bool {
		removed := c.List.RemoveUID(uid)
		if removed {
			dispatch.CountUID(uid, -1)
		}
		return removed
	})
}

// update changes the list of receivers. Then a custom signal makes a new snapshot, and a database drops the plans that the change can touch.
func (c *channel) update(change func() bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !change() {
		return false
	}
	if c.reg != nil {
		c.reg.Invalidate(&c.Signal)
	} else {
		c.calls.Store(c.snapshot())
	}
	return true
}

// observe sets the observer of a custom signal.
//
//go:noinline
func (c *channel) observe(by Observer) {
	if c.reg != nil {
		panic("signals: Observe is for custom signals: set Plugin.Observer to see those of models")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.observer = nil; by != nil {
		c.observer = observing{by}
	}
	c.calls.Store(c.snapshot())
}

//go:noinline
func (c *channel) hasReceivers() bool { return len(c.List.Items()) > 0 }

//go:noinline
func (c *channel) receivers() []ReceiverInfo {
	entries := c.List.Items()
	infos := make([]ReceiverInfo, len(entries))
	for i, e := range entries {
		infos[i] = receiverOf(e).public
	}
	return infos
}

// send sends an event until the first error. event is a pointer to it.
func (c *channel) send(ctx context.Context, event any) error {
	e := reflect.ValueOf(event)
	if c.reg != nil {
		return c.sendRow(background(ctx), c.given(e.UnsafePointer()))
	}
	answers, err := c.respondCustom(background(ctx), nil, e, dispatch.UntilError)
	if err != nil {
		return err
	}
	return errorOf(answers)
}

// respond sends an event to all receivers. event is a pointer to it.
func (c *channel) respond(ctx context.Context, event any, w dispatch.Way) []Response {
	e := reflect.ValueOf(event)
	if c.reg != nil {
		return responsesOf(c.respondRow(background(ctx), c.given(e.UnsafePointer()), w))
	}
	answers, err := c.respondCustom(background(ctx), nil, e, w)
	if err != nil {
		answers = []dispatch.Answer{{Entry: &c.nobody().Entry, Err: err}}
	}
	return responsesOf(answers)
}

// responsesOf returns answers in their public form.
func responsesOf(answers []dispatch.Answer) []Response {
	responses := make([]Response, len(answers))
	for i, a := range answers {
		responses[i] = Response{Receiver: receiverOf(a.Entry).public, Err: a.Err}
	}
	return responses
}

// sendRow sends an event of a model by hand, to the receivers that a write would call.
func (c *channel) sendRow(ctx context.Context, g given) error {
	s, err := c.byHand(ctx, g)
	if err != nil || s.plan == nil {
		return err
	}
	return c.reg.Send(s.plan, c.Kind, &s.frame, s.rows[:])
}

// respondRow sends an event of a model by hand, and tells the observer.
func (c *channel) respondRow(ctx context.Context, g given, w dispatch.Way) (answers []dispatch.Answer) {
	send := func(ctx context.Context) []dispatch.Answer { return w.Send(ctx, c.rowTargets(ctx, g)) }
	if c.reg.Observer == nil {
		return send(ctx)
	}
	s, err := c.byHand(ctx, g)
	if err != nil || s.plan == nil || s.frame.MuteAll {
		return send(ctx)
	}
	_ = dispatch.Observe(ctx, c.reg.Observer, s.frame.Observation(dispatch.Sending, dispatch.InSend, s.rows[:]), &errorsOfReceivers, func(ctx context.Context) error {
		answers = send(ctx)
		return dispatch.FirstError(answers)
	})
	return answers
}

// rowTargets lists the calls for an event of a model that is sent by hand. If the event is not valid, the one call returns the error.
func (c *channel) rowTargets(ctx context.Context, g given) []dispatch.Target {
	s, err := c.byHand(ctx, g)
	if err != nil {
		return []dispatch.Target{{Entry: &c.nobody().Entry, Call: func(*dispatch.Entry) error { return err }}}
	}
	if s.plan == nil || s.frame.MuteAll {
		return nil
	}
	var targets []dispatch.Target
	r := &s.rows[0]
	for _, e := range s.plan.Entries[c.Kind] {
		if e.Wants(&s.frame, r) {
			targets = append(targets, dispatch.Target{Entry: e, Call: func(e *dispatch.Entry) error {
				if by := c.reg.Observer; by != nil {
					return e.CallObserved(by, &s.frame, s.rows[:], func(f *dispatch.Frame) error { return e.Send(f, r) })
				}
				return e.Send(&s.frame, r)
			}})
		}
	}
	return targets
}

// nobody is the receiver that an answer names if the send failed before it called a receiver.
func (c *channel) nobody() *receiver {
	return newReceiver(dispatch.Info{Signal: c.Name, Sender: c.Scope.Name, Location: "none"}, c.Kind)
}

// handSend is the send of an event by hand, without a write.
type handSend struct {
	plan  *dispatch.Plan // nil if no receiver is connected
	frame dispatch.Frame
	facts change.Facts
	rows  [1]change.Row
}

func (c *channel) byHand(ctx context.Context, g given) (*handSend, error) {
	g.instance = instanceIn(c.Scope, g.instance)
	model := modelOf(g.instance)
	if model == nil {
		return nil, fault.ErrNoInstance
	}
	sch, err := schemaOf(c.reg.DB, g.instance)
	if err != nil {
		return nil, err
	}
	s := &handSend{plan: c.reg.PlanFor(sch)}
	s.facts = change.Facts{
		Model: c.reg.Rows.Of(sch), DB: c.reg.DB, Table: sch.Table, Strategy: change.WholeRow{}, Result: g.result, Soft: g.soft, Cascade: g.cascade,
	}
	s.rows[0] = change.Row{Facts: &s.facts, Instance: g.instance, Created: g.created, Linked: g.linked}
	if s.plan != nil {
		s.frame.Open(ctx, c.reg.DB.WithContext(ctx), c.Kind, s.plan)
	}
	return s, nil
}

// background replaces a nil context, which callees would panic on.
func background(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
