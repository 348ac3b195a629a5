package signals

import (
	"context"
	"reflect"
	"unsafe"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// calls is a snapshot of the receivers of a custom signal. Their functions have a slice of their own, for a tight loop.
type calls struct {
	receivers []unsafe.Pointer // each a Receiver[E]
	entries   []*dispatch.Entry
	waiting   []*dispatch.Entry // receivers that wait for the end of a transaction
	observer  dispatch.Observer
	rare      bool // the loop of Send is not enough: there is an observer, or a receiver that waits or has Once
}

func (c *channel) snapshot() *calls {
	s := &calls{observer: c.observer, rare: c.observer != nil}
	for _, e := range durableLast(c.List.Items()) {
		r := receiverOf(e)
		s.rare = s.rare || e.Once != nil || e.Phase != dispatch.InSend
		if e.Phase != dispatch.InSend {
			s.waiting = append(s.waiting, e)
			continue
		}
		one := r.function
		if r.several && c.single != nil {
			one = c.single(r.function)
		}
		s.receivers, s.entries = append(s.receivers, one), append(s.entries, e)
	}
	return s
}

// durableLast moves durable receivers behind the others. So no event is kept if another receiver fails the send.
func durableLast(entries []*dispatch.Entry) []*dispatch.Entry {
	var others, durable []*dispatch.Entry
	for _, e := range entries {
		if e.Info.Phase == dispatch.DurablePhase {
			durable = append(durable, e)
		} else {
			others = append(others, e)
		}
	}
	return append(others, durable...)
}

// callCustom calls a receiver of a custom signal with an event.
func callCustom[E any](ctx context.Context, r *receiver, event unsafe.Pointer) error {
	if r.several {
		return typed[BatchReceiver[E]](&r.function)(ctx, []E{*(*E)(event)})
	}
	return typed[Receiver[E]](&r.function)(ctx, *(*E)(event))
}

// callBatch calls a batch receiver of a custom signal with events.
func callBatch[E any](ctx context.Context, r *receiver, events []unsafe.Pointer) error {
	all := make([]E, len(events))
	for i, event := range events {
		all[i] = *(*E)(event)
	}
	return typed[BatchReceiver[E]](&r.function)(ctx, all)
}

// single makes a Receiver[E] that calls a BatchReceiver[E] with one event.
func single[E any](batch unsafe.Pointer) unsafe.Pointer {
	r := typed[BatchReceiver[E]](&batch)
	one := Receiver[E](func(ctx context.Context, event E) error { return r(ctx, []E{event}) })
	return function(unsafe.Pointer(&one))
}

// sender returns the Send of a custom signal that New made. Signals of models have none, because it would be compiled for each model. It is a
// closure: a method value or a generic function would cost one call more.
func sender[E any](ch *channel) func(ctx context.Context, event E) error {
	return func(ctx context.Context, event E) (err error) {
		c := ch.calls.Load()
		if c == nil {
			return nil
		}
		if ctx = background(ctx); c.rare || dispatch.Mutes(ctx) {
			given := event // a copy, so that the event of the loop does not escape to the heap
			return ch.send(ctx, &given)
		}
		at := 0
		defer func() {
			if at >= 0 { // only after a panic: recover costs as much as a receiver
				err = c.entries[at].Recover(recover())
			}
		}()
		for i := range c.receivers {
			at = i
			// A call of typed would cost the loop a nanosecond per receiver, even inlined.
			if err := (*(*Receiver[E])(unsafe.Pointer(&c.receivers[i])))(ctx, event); err != nil {
				at = -1
				return c.entries[i].Failure(err)
			}
		}
		at = -1
		return nil
	}
}

// respondNow calls the receivers of a custom signal that do not wait, and tells the observer.
func (c *channel) respondNow(ctx context.Context, snapshot *calls, event reflect.Value, w dispatch.Way) (answers []dispatch.Answer) {
	call, by := c.caller(event), snapshot.observer
	if by == nil {
		return w.Send(ctx, targets(ctx, snapshot.entries, func(e *dispatch.Entry) error { return call(ctx, receiverOf(e)) }))
	}
	seen := event.Elem().Interface()
	send := func(ctx context.Context) []dispatch.Answer {
		return w.Send(ctx, targets(ctx, snapshot.entries, func(e *dispatch.Entry) error {
			o := dispatch.Observed{Step: dispatch.Calling, Signal: c.Name, Phase: e.Info.Phase, Receiver: e, Events: 1, Event: seen}
			return dispatch.Observe(ctx, by, o, e.Errors, func(ctx context.Context) error { return call(ctx, receiverOf(e)) })
		}))
	}
	if f := dispatch.FrameOf(ctx); f != nil && f.MuteAll {
		return send(ctx)
	}
	o := dispatch.Observed{Step: dispatch.Sending, Signal: c.Name, Phase: dispatch.InSend.String(), Events: 1, Event: seen}
	_ = dispatch.Observe(ctx, by, o, &errorsOfReceivers, func(ctx context.Context) error {
		answers = send(ctx)
		return dispatch.FirstError(answers)
	})
	return answers
}

// caller returns a function that calls a receiver with an event. event is a pointer to it. A signal that New did not make has no function for the
// type of its events: reflect calls its receivers.
func (c *channel) caller(event reflect.Value) func(context.Context, *receiver) error {
	if c.call != nil {
		return func(ctx context.Context, r *receiver) error { return c.call(ctx, r, event.UnsafePointer()) }
	}
	return func(ctx context.Context, r *receiver) error {
		arg := event.Elem()
		if r.several {
			arg = reflect.Append(reflect.Zero(reflect.SliceOf(arg.Type())), arg)
		}
		return callReflected(ctx, r, arg)
	}
}

// callReflected calls a receiver of a signal that New did not make.
func callReflected(ctx context.Context, r *receiver, arg reflect.Value) error {
	typ := reflect.FuncOf([]reflect.Type{reflect.TypeFor[context.Context](), arg.Type()}, []reflect.Type{reflect.TypeFor[error]()}, false)
	err, _ := reflect.TypeAssert[error](reflected(typ, &r.function).Call([]reflect.Value{reflect.ValueOf(ctx), arg})[0])
	return err
}

// targets lists the calls of receivers that are not muted and have not had their only call.
func targets(ctx context.Context, entries []*dispatch.Entry, call func(*dispatch.Entry) error) []dispatch.Target {
	f := dispatch.FrameOf(ctx)
	if f != nil && f.MuteAll {
		return nil
	}
	targets := make([]dispatch.Target, 0, len(entries))
	for _, e := range entries {
		if (f == nil || f.Unmuted(e.UID)) && !e.Once.Spent() {
			targets = append(targets, dispatch.Target{Entry: e, Call: call})
		}
	}
	return targets
}
