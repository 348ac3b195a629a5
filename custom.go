package signals

import (
	"context"
	"reflect"
	"unsafe"
)

// calls is a snapshot of a custom signal: the receivers, and their functions by themselves for a tight loop.
type calls struct {
	receivers []unsafe.Pointer // each a Receiver[E]
	entries   []*entry
	observer  Observer
}

func (c *channel) snapshot() *calls {
	entries := c.list.Items()
	s := &calls{receivers: make([]unsafe.Pointer, len(entries)), entries: entries, observer: c.observer}
	for i, e := range entries {
		if s.receivers[i] = e.receiver; e.several && c.single != nil {
			s.receivers[i] = c.single(e.receiver)
		}
	}
	return s
}

// callCustom calls an entry of a custom signal with an event.
func callCustom[E any](ctx context.Context, e *entry, event unsafe.Pointer) error {
	if e.several {
		return typed[BatchReceiver[E]](&e.receiver)(ctx, []E{*(*E)(event)})
	}
	return typed[Receiver[E]](&e.receiver)(ctx, *(*E)(event))
}

// single makes a Receiver[E] of a BatchReceiver[E].
func single[E any](batch unsafe.Pointer) unsafe.Pointer {
	r := typed[BatchReceiver[E]](&batch)
	one := Receiver[E](func(ctx context.Context, event E) error { return r(ctx, []E{event}) })
	return function(unsafe.Pointer(&one))
}

// sender returns what Send does with a custom signal that New made. Signals of models do without: it would be compiled for each model. It is a
// closure and not a method value or a generic function, which would be one call more.
func sender[E any](ch *channel) func(ctx context.Context, event E) error {
	return func(ctx context.Context, event E) (err error) {
		c := ch.calls.Load()
		if c == nil {
			return nil
		}
		if ctx = background(ctx); c.observer != nil || ctx.Value(frameKey{}) != nil {
			given := event // of its own: the event of the loop stays off the heap
			return ch.send(ctx, &given)
		}
		at := 0
		defer func() {
			if at >= 0 { // recover costs as much as a receiver
				err = c.entries[at].recover(recover())
			}
		}()
		for i := range c.receivers {
			at = i
			// typed by hand: inlined, it costs the loop a nanosecond a receiver
			if err := (*(*Receiver[E])(unsafe.Pointer(&c.receivers[i])))(ctx, event); err != nil {
				at = -1
				return c.entries[i].failure(err)
			}
		}
		at = -1
		return nil
	}
}

// respondCustom sends an event of a custom signal so that the observer sees it.
func (c *channel) respondCustom(ctx context.Context, event reflect.Value, w way) (responses []Response) {
	snapshot := c.calls.Load()
	if snapshot == nil {
		return []Response{}
	}
	call, by := c.caller(event), snapshot.observer
	if by == nil {
		return w.send(ctx, targets(ctx, snapshot.entries, func(e *entry) error { return call(ctx, e) }))
	}
	seen := event.Elem().Interface()
	send := func(ctx context.Context) []Response {
		return w.send(ctx, targets(ctx, snapshot.entries, func(e *entry) error {
			o := Observed{Step: Calling, Signal: c.name, Phase: e.info.Phase, Receiver: &e.info, Events: 1, Event: seen}
			return observe(ctx, by, o, func(ctx context.Context) error { return call(ctx, e) })
		}))
	}
	if f := frameOf(ctx); f != nil && f.muteAll {
		return send(ctx)
	}
	o := Observed{Step: Sending, Signal: c.name, Phase: inSend.String(), Events: 1, Event: seen}
	_ = observe(ctx, by, o, func(ctx context.Context) error {
		responses = send(ctx)
		return firstError(responses)
	})
	return responses
}

// caller returns a function that calls an entry with the event that a pointer points to. A signal that New did not make has no function for its
// type: reflect calls its receivers.
func (c *channel) caller(event reflect.Value) func(context.Context, *entry) error {
	if c.call != nil {
		return func(ctx context.Context, e *entry) error { return c.call(ctx, e, event.UnsafePointer()) }
	}
	return func(ctx context.Context, e *entry) error {
		arg := event.Elem()
		if e.several {
			arg = reflect.Append(reflect.Zero(reflect.SliceOf(arg.Type())), arg)
		}
		typ := reflect.FuncOf([]reflect.Type{reflect.TypeFor[context.Context](), arg.Type()}, []reflect.Type{reflect.TypeFor[error]()}, false)
		err, _ := reflect.TypeAssert[error](reflected(typ, &e.receiver).Call([]reflect.Value{reflect.ValueOf(ctx), arg})[0])
		return err
	}
}

// targets lists those of the receivers of a custom signal that are not muted.
func targets(ctx context.Context, entries []*entry, call func(*entry) error) []target {
	f := frameOf(ctx)
	if f != nil && f.muteAll {
		return nil
	}
	targets := make([]target, 0, len(entries))
	for _, e := range entries {
		if f == nil || f.unmuted(e.UID) {
			targets = append(targets, target{entry: e, call: call})
		}
	}
	return targets
}
