package natsjs_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

func TestAHandlerThatEndsItsGoroutineHasFailedAndTheConsumerGoesOn(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	var begun, done, dead trace
	sub := subscriber(nc, natsjs.MaxTries(3), natsjs.OnDead(func(_ context.Context, m outbox.Message, err error) {
		dead.add(m)
		assert.ErrorContains(t, err, "runtime.Goexit")
		runtime.Goexit()
	}))
	outbox.On(sub, func(_ context.Context, e outbox.Event[struct{ N int }]) error {
		begun.add(e.Message)
		if e.Payload.N == 1 {
			runtime.Goexit()
		}
		done.add(e.Message)
		return nil
	})
	start(t, sub)
	send(t, sink, event("a", 1), event("a", 2), event("b", 2))
	assert.ElementsMatch(t, []string{"a-2", "b-2"}, done.waitFor(t, 2))
	settled(t, nc)
	assert.Equal(t, []string{"a-1"}, dead.seen())
	assert.Len(t, begun.seen(), 5, "three tries of the first one")
}
