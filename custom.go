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
	observer  observer
}

func (c *channel) snapshot() *calls {
	entries := c.List.Items()
	s := &calls{receivers: make([]unsafe.Pointer, len(entries)), entries: entries, observer: c.observer}
	for i, e := range entries {
		r := receiverOf(e)
		if s.receivers[i] = r.function; r.several && c.single != nil {
			s.receivers[i] = c.single(r.function)
		}
	}
	return s
}

// callCustom calls a receiver of a custom signal with an event.
func callCustom[E any](ctx context.Context, r *receiver, event unsafe.Pointer) error {
	if r.several {
		return typed[BatchReceiver[E]](&r.function)(ctx, []E{*(*E)(event)})
	}
	return typed[Receiver[E]](&r.function)(ctx, *(*E)(event))
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
		if ctx = background(ctx); c.observer != nil || frameOf(ctx) != nil {
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
func (c *channel) respondCustom(ctx context.Context, event reflect.Value, w way) (answers []answer) {
	snapshot := c.calls.Load()
	if snapshot == nil {
		return []answer{}
	}
	call, by := c.caller(event), snapshot.observer
	if by == nil {
		return w.send(ctx, targets(ctx, snapshot.entries, func(e *entry) error { return call(ctx, receiverOf(e)) }))
	}
	seen := event.Elem().Interface()
	send := func(ctx context.Context) []answer {
		return w.send(ctx, targets(ctx, snapshot.entries, func(e *entry) error {
			o := observed{Step: callingStep, Signal: c.Name, Phase: e.info.Phase, Receiver: e, Events: 1, Event: seen}
			return observe(ctx, by, o, e.errors, func(ctx context.Context) error { return call(ctx, receiverOf(e)) })
		}))
	}
	if f := frameOf(ctx); f != nil && f.muteAll {
		return send(ctx)
	}
	o := observed{Step: sendingStep, Signal: c.Name, Phase: inSend.String(), Events: 1, Event: seen}
	_ = observe(ctx, by, o, &errorsOfReceivers, func(ctx context.Context) error {
		answers = send(ctx)
		return firstError(answers)
	})
	return answers
}

// caller returns a function that calls an entry with the event that a pointer points to. A signal that New did not make has no function for its
// type: reflect calls its receivers.
func (c *channel) caller(event reflect.Value) func(context.Context, *receiver) error {
	if c.call != nil {
		return func(ctx context.Context, r *receiver) error { return c.call(ctx, r, event.UnsafePointer()) }
	}
	return func(ctx context.Context, r *receiver) error {
		arg := event.Elem()
		if r.several {
			arg = reflect.Append(reflect.Zero(reflect.SliceOf(arg.Type())), arg)
		}
		typ := reflect.FuncOf([]reflect.Type{reflect.TypeFor[context.Context](), arg.Type()}, []reflect.Type{reflect.TypeFor[error]()}, false)
		err, _ := reflect.TypeAssert[error](reflected(typ, &r.function).Call([]reflect.Value{reflect.ValueOf(ctx), arg})[0])
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
