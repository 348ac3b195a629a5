package signals

import (
	"context"
	"sync/atomic"
)

// Signal is something that receivers can be connected to and events can be sent through. Make custom signals with New;
// the signals of models come from For and Implementing. All methods are safe from any goroutine. A send works on a
// snapshot: connecting or disconnecting while it runs changes the next send, not this one; no lock is held meanwhile.
//
// Only what needs the event's type stands here. Everything else is in channel, which is compiled once for all events.
type Signal[E any] struct {
	channel channel
	calls   atomic.Pointer[calls[E]] // of a custom signal: what Send loops over

	observer Observer // of a custom signal, guarded by the channel's lock

	event func(answers) E // of a model signal: the event of a row
	given func(E) given   // and what an event says that is sent by hand
}

// calls is a snapshot of a custom signal: the receivers, and their functions by themselves for a tight loop.
type calls[E any] struct {
	receivers []Receiver[E]
	entries   []*entry
	observer  Observer
}

// New returns a custom signal. Keep it in a variable that senders and receivers both see:
//
//	var Viewed = signals.New[View]("product_viewed")
func New[E any](name string) *Signal[E] {
	return &Signal[E]{channel: channel{name: name}}
}

// Name returns the name of the signal, as it appears in errors: what was given to New, or "pre_save" and so on.
func (s *Signal[E]) Name() string { return s.channel.name }

// Connect calls r with every event from the next send on. The function it returns disconnects r and reports whether r
// was still connected; it does nothing once r was replaced by another receiver with its UID.
//
// Connect panics when r is nil or an option is bad or has no meaning for the signal; the text names the cure.
func (s *Signal[E]) Connect(r Receiver[E], opts ...ConnectOption) (disconnect func() bool) {
	e := s.channel.entry(r == nil, location(), opts)
	e.receiver = r
	if event := s.event; event != nil {
		e.call = func(f *frame, row *row) error { return r(f, event(answers{row, f, e.info.Needs})) }
		s.channel.keep(e)
	}
	return s.channel.connect(e, s.changed)
}

// ConnectBatch is Connect for a receiver that wants the events of a batch in one call.
func (s *Signal[E]) ConnectBatch(r BatchReceiver[E], opts ...ConnectOption) (disconnect func() bool) {
	e := s.channel.entry(r == nil, location(), opts)
	e.receiver = Receiver[E](func(ctx context.Context, event E) error { return r(ctx, []E{event}) })
	if event := s.event; event != nil {
		e.batch = func(f *frame, rows []*row) error {
			events := make([]E, len(rows))
			for i, row := range rows {
				events[i] = event(answers{row, f, e.info.Needs})
			}
			return r(f, events)
		}
		s.channel.keep(e)
	}
	return s.channel.connect(e, s.changed)
}

// Disconnect removes the receiver with this UID and reports whether there was one.
func (s *Signal[E]) Disconnect(uid string) bool { return s.channel.disconnect(uid, s.changed) }

// changed makes a new snapshot of a custom signal.
func (s *Signal[E]) changed(entries []*entry) {
	c := &calls[E]{receivers: make([]Receiver[E], len(entries)), entries: entries, observer: s.observer}
	for i, e := range entries {
		c.receivers[i], _ = e.receiver.(Receiver[E])
	}
	s.calls.Store(c)
}

// HasReceivers reports whether a receiver is connected, so that an event that is dear to make can be spared.
func (s *Signal[E]) HasReceivers() bool { return len(s.channel.list.Items()) > 0 }

// Receivers describes the connected receivers in the order in which they run.
func (s *Signal[E]) Receivers() []ReceiverInfo { return s.channel.receivers() }

// Send calls the receivers in order and stops at the first error, which it returns as a *ReceiverError. A panic of a
// receiver is such an error too and holds a *PanicError. Sending a model signal by hand reaches the receivers that a
// write would reach.
func (s *Signal[E]) Send(ctx context.Context, event E) (err error) {
	c := s.calls.Load()
	if c == nil || s.event != nil {
		return s.sendRow(ctx, event)
	}
	if ctx = background(ctx); c.observer != nil || ctx.Value(frameKey{}) != nil {
		return firstError(s.each(ctx, event, true))
	}
	at := 0
	defer func() {
		if at < 0 { // returned: recover costs as much as a receiver
			return
		}
		if v := recover(); v != nil {
			err = c.entries[at].failure(recovered(v))
		}
	}()
	for i, call := range c.receivers {
		at = i
		if err := call(ctx, event); err != nil {
			at = -1
			return c.entries[i].failure(err)
		}
	}
	at = -1
	return nil
}

// sendRow sends an event of a model by hand. A custom signal without receivers has nothing to send.
func (s *Signal[E]) sendRow(ctx context.Context, event E) error {
	if s.event == nil {
		return nil
	}
	return s.channel.sendRow(ctx, s.given(event))
}

// SendRobust calls all receivers in order, whatever they return, and answers with one Response each. A panic is the
// Err of its Response.
func (s *Signal[E]) SendRobust(ctx context.Context, event E) []Response {
	return s.each(ctx, event, false)
}

func (s *Signal[E]) each(ctx context.Context, event E, stop bool) []Response {
	return s.observed(background(ctx), event, func(ctx context.Context) []Response { return each(s.targets(ctx, event), stop) })
}

// SendConcurrent calls all receivers at once, each on a goroutine of its own, waits for all, and answers in connection
// order as SendRobust does. When ctx ends first, receivers that have not returned by then answer with the context's
// error; they go on by themselves.
func (s *Signal[E]) SendConcurrent(ctx context.Context, event E) []Response {
	return s.observed(background(ctx), event, func(ctx context.Context) []Response { return together(ctx, s.targets(ctx, event)) })
}

// Observe lets an observer see the sends of a custom signal from now on; nil ends that. It panics for a signal of a model, which
// Plugin.Observer sees.
func (s *Signal[E]) Observe(by Observer) {
	if s.event != nil {
		panic("signals: Observe is for custom signals: set Plugin.Observer to see those of models")
	}
	s.channel.mu.Lock()
	defer s.channel.mu.Unlock()
	s.observer = by
	s.changed(s.channel.list.Items())
}

// observed sends so that the observer sees it.
func (s *Signal[E]) observed(ctx context.Context, event E, send func(context.Context) []Response) (responses []Response) {
	if s.event != nil {
		return s.channel.observed(ctx, s.given(event), send)
	}
	c := s.calls.Load()
	if f := frameOf(ctx); c == nil || c.observer == nil || (f != nil && f.muteAll) {
		return send(ctx)
	}
	o := Observed{Step: Sending, Signal: s.Name(), Phase: inSend.String(), Events: 1, Event: event}
	_ = observe(ctx, c.observer, o, func(ctx context.Context) error {
		responses = send(ctx)
		return firstError(responses)
	})
	return responses
}

// targets lists the calls that sending event under ctx makes, in order.
func (s *Signal[E]) targets(ctx context.Context, event E) []target {
	if s.event != nil {
		return s.channel.rowTargets(ctx, s.given(event))
	}
	c := s.calls.Load()
	return s.channel.targets(ctx, func(e *entry) error {
		call, _ := e.receiver.(Receiver[E])
		if c == nil || c.observer == nil {
			return call(ctx, event)
		}
		o := Observed{Step: Calling, Signal: s.Name(), Phase: e.info.Phase, Receiver: &e.info, Events: 1, Event: event}
		return observe(ctx, c.observer, o, func(ctx context.Context) error { return call(ctx, event) })
	})
}
