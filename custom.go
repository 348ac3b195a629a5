package signals

import (
	"context"
	"unsafe"
)

// calls is a snapshot of a custom signal: the receivers, and their functions by themselves for a tight loop.
type calls struct {
	receivers []unsafe.Pointer // each a Receiver[E]
	entries   []*entry
	observer  Observer
}

func callsOf(entries []*entry, by Observer) *calls {
	c := &calls{receivers: make([]unsafe.Pointer, len(entries)), entries: entries, observer: by}
	for i, e := range entries {
		c.receivers[i] = e.receiver
	}
	return c
}

// respond sends an event of a custom signal so that the observer sees it.
func respond[E any](ctx context.Context, ch *channel, event E, w way) (responses []Response) {
	c := ch.calls.Load()
	if c == nil {
		return []Response{}
	}
	send := func(ctx context.Context) []Response {
		return w.send(ctx, targets(ctx, c.entries, func(e *entry) error {
			call := *(*Receiver[E])(unsafe.Pointer(&e.receiver))
			if c.observer == nil {
				return call(ctx, event)
			}
			o := Observed{Step: Calling, Signal: ch.name, Phase: e.info.Phase, Receiver: &e.info, Events: 1, Event: event}
			return observe(ctx, c.observer, o, func(ctx context.Context) error { return call(ctx, event) })
		}))
	}
	if f := frameOf(ctx); c.observer == nil || (f != nil && f.muteAll) {
		return send(ctx)
	}
	o := Observed{Step: Sending, Signal: ch.name, Phase: inSend.String(), Events: 1, Event: event}
	_ = observe(ctx, c.observer, o, func(ctx context.Context) error {
		responses = send(ctx)
		return firstError(responses)
	})
	return responses
}
