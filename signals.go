package signals

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"github.com/gorm-signals/signals/internal/receivers"
)

// Signal is something that receivers can be connected to and events can be sent through. Make custom signals with New;
// the signals of models come from For and Implementing. All methods are safe from any goroutine. A send works on a
// snapshot: connecting or disconnecting while it runs changes the next send, not this one; no lock is held meanwhile.
type Signal[E any] struct {
	name  string
	list  receivers.List[*receiver[E]]
	seq   atomic.Uint64
	snap  atomic.Pointer[snapshot[E]] // what Send loops over
	model *binding[E]                 // nil for a custom signal
}

// snapshot is the state of a custom signal's list. The functions stand by themselves for a tight loop.
type snapshot[E any] struct {
	calls []Receiver[E]
	items []*receivers.Item[*receiver[E]]
}

// receiver is a connected receiver of a signal.
type receiver[E any] struct {
	info ReceiverInfo
	call Receiver[E]
	on   *entry // how the receiver is called for a model; nil for a custom signal
}

// New returns a custom signal. Keep it in a variable that senders and receivers both see:
//
//	var Viewed = signals.New[View]("product_viewed")
func New[E any](name string) *Signal[E] {
	return &Signal[E]{name: name}
}

// Name returns the name of the signal, as it appears in errors: what was given to New, or "pre_save" and so on.
func (s *Signal[E]) Name() string { return s.name }

// Connect calls r with every event from the next send on. The function it returns disconnects r and reports whether r
// was still connected; it does nothing once r was replaced by another receiver with its UID.
//
// Connect panics when r is nil or an option is bad or has no meaning for the signal; the text names the cure.
func (s *Signal[E]) Connect(r Receiver[E], opts ...ConnectOption) (disconnect func() bool) {
	if r == nil {
		panic(fmt.Sprintf("signals: Connect to %s got a nil receiver: pass a function", s.name))
	}
	return s.connect(r, nil, location(), opts)
}

// ConnectBatch is Connect for a receiver that wants the events of a batch in one call.
func (s *Signal[E]) ConnectBatch(r BatchReceiver[E], opts ...ConnectOption) (disconnect func() bool) {
	if r == nil {
		panic(fmt.Sprintf("signals: ConnectBatch to %s got a nil receiver: pass a function", s.name))
	}
	single := func(ctx context.Context, event E) error { return r(ctx, []E{event}) }
	return s.connect(single, r, location(), opts)
}

func (s *Signal[E]) connect(r Receiver[E], batch BatchReceiver[E], loc string, opts []ConnectOption) func() bool {
	var o connectOptions
	for _, opt := range opts {
		if opt == nil {
			o.refuse("an option is nil")
			continue
		}
		opt.apply(&o)
	}
	rec := &receiver[E]{call: r, info: ReceiverInfo{
		Signal: s.name, UID: o.uid, Phase: "send", Location: loc, Priority: o.priority,
	}}
	item := receivers.Item[*receiver[E]]{UID: o.uid, Priority: o.priority, Value: rec}
	if s.model != nil {
		s.model.bind(rec, batch, &o)
		item.Seq = s.model.reg.seq.Add(1)
	} else {
		item.Seq = s.seq.Add(1)
		if len(o.fields) > 0 || o.needs != 0 || o.phase != inSend || o.net {
			o.refuse("Fields, Needs, Net and the phases belong to model signals, and this one is custom")
		}
	}
	if o.problem != "" {
		panic(fmt.Sprintf("signals: Connect to %s at %s: %s", s.name, loc, o.problem))
	}
	return s.list.Add(item, s.changed)
}

// Disconnect removes the receiver with this UID and reports whether there was one.
func (s *Signal[E]) Disconnect(uid string) bool { return s.list.Remove(uid, s.changed) }

func (s *Signal[E]) changed(items []*receivers.Item[*receiver[E]]) {
	if s.model != nil {
		s.model.reg.invalidate()
		return
	}
	snap := &snapshot[E]{calls: make([]Receiver[E], len(items)), items: items}
	for i, it := range items {
		snap.calls[i] = it.Value.call
	}
	s.snap.Store(snap)
}

// HasReceivers reports whether a receiver is connected, so that an event that is dear to make can be spared.
func (s *Signal[E]) HasReceivers() bool { return len(s.list.Items()) > 0 }

// Receivers describes the connected receivers in the order in which they run.
func (s *Signal[E]) Receivers() []ReceiverInfo {
	items := s.list.Items()
	infos := make([]ReceiverInfo, len(items))
	for i, it := range items {
		infos[i] = it.Value.info
	}
	return infos
}

// Send calls the receivers in order and stops at the first error, which it returns as a *ReceiverError. A panic of a
// receiver is such an error too and holds a *PanicError. Sending a model signal by hand reaches the receivers that a
// write would reach.
func (s *Signal[E]) Send(ctx context.Context, event E) (err error) {
	if s.model != nil {
		return s.model.send(background(ctx), event)
	}
	snap := s.snap.Load()
	if snap == nil {
		return nil
	}
	if ctx != context.Background() {
		if ctx = background(ctx); frameOf(ctx) != nil {
			return firstError(s.each(ctx, event, true))
		}
	}
	at := 0
	defer func() {
		if v := recover(); v != nil {
			err = failure(snap.items[at].Value.info, recovered(v))
		}
	}()
	for i, call := range snap.calls {
		at = i
		if err := call(ctx, event); err != nil {
			return failure(snap.items[i].Value.info, err)
		}
	}
	return nil
}

// SendRobust calls all receivers in order, whatever they return, and answers with one Response each. A panic is the
// Err of its Response.
func (s *Signal[E]) SendRobust(ctx context.Context, event E) []Response {
	return s.each(background(ctx), event, false)
}

// each calls the receivers that are not muted one by one.
func (s *Signal[E]) each(ctx context.Context, event E, stop bool) []Response {
	targets := s.targets(ctx, event)
	responses := make([]Response, 0, len(targets))
	for _, t := range targets {
		var response Response
		t.answer(&response)
		responses = append(responses, response)
		if stop && response.Err != nil {
			break
		}
	}
	return responses
}

// SendConcurrent calls all receivers at once, each on a goroutine of its own, waits for all, and answers in connection
// order as SendRobust does. When ctx ends first, receivers that have not returned by then answer with the context's
// error; they go on by themselves.
func (s *Signal[E]) SendConcurrent(ctx context.Context, event E) []Response {
	ctx = background(ctx)
	targets := s.targets(ctx, event)
	done := make([]chan Response, len(targets))
	for i, t := range targets {
		done[i] = make(chan Response, 1)
		go func() {
			var response Response
			defer func() { done[i] <- response }() // also when the receiver ends its goroutine
			t.answer(&response)
		}()
	}
	responses := make([]Response, len(targets))
	for i, t := range targets {
		select {
		case responses[i] = <-done[i]:
			continue
		case <-ctx.Done():
		}
		select {
		case responses[i] = <-done[i]:
		default:
			responses[i] = Response{Receiver: t.info, Err: failure(t.info, context.Cause(ctx))}
		}
	}
	return responses
}

// targets lists the receivers that hear event under ctx, in order.
func (s *Signal[E]) targets(ctx context.Context, event E) []target {
	if s.model != nil {
		return s.model.targets(ctx, event)
	}
	f := frameOf(ctx)
	if f != nil && f.muteAll {
		return nil
	}
	items := s.list.Items()
	targets := make([]target, 0, len(items))
	for _, it := range items {
		if r := it.Value; f == nil || f.hears(r.info.UID) {
			targets = append(targets, target{info: r.info, call: func() error { return r.call(ctx, event) }})
		}
	}
	return targets
}

// target is one call that a send has to make.
type target struct {
	info ReceiverInfo
	call func() error
}

// answer makes the call. A panic, and a call that ends its goroutine, are errors.
func (t target) answer(response *Response) {
	*response = Response{Receiver: t.info, Err: failure(t.info, errGoexit)}
	defer func() {
		if v := recover(); v != nil {
			response.Err = failure(t.info, recovered(v))
		}
	}()
	err := t.call()
	if response.Err = nil; err != nil {
		response.Err = failure(t.info, err)
	}
}

// failure wraps what a receiver answered.
func failure(info ReceiverInfo, err error) error {
	return &ReceiverError{Signal: info.Signal, Sender: info.Sender, Receiver: info.name(), Err: err}
}

func recovered(v any) error { return &PanicError{Value: v, Stack: debug.Stack()} }

func firstError(responses []Response) error {
	for _, r := range responses {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

// background spares callers a panic for a nil context.
func background(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
