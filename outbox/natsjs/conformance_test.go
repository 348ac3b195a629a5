package natsjs_test

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/sinktest"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

func TestTheSinkConforms(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t *testing.T) sinktest.Engine {
		t.Helper()
		b := newBroker(t)
		nc, _ := b.stream()
		sink, err := natsjs.NewSink(nc, "SIGNALS", natsjs.Timeout(patience)) // a slow machine needs more than 5 seconds to store large calls
		require.NoError(t, err)
		var receivers atomic.Int32
		return sinktest.Engine{
			Sink: sink,
			Receive: func(ctx context.Context) (<-chan outbox.Message, error) {
				arriving := make(chan outbox.Message)
				sub := natsjs.Subscriber(b.connect(), "SIGNALS", natsjs.Durable("receiver"+strconv.Itoa(int(receivers.Add(1)))),
					natsjs.Logger(slog.New(slog.DiscardHandler)))
				sub.Handle("", func(handling context.Context, m outbox.Message) error {
					select {
					case arriving <- m:
						return nil
					case <-ctx.Done():
						return ctx.Err()
					case <-handling.Done():
						return handling.Err()
					}
				})
				go func() { _ = sub.Run(ctx) }()
				return arriving, nil
			},
			Dedup:      true,
			Ordered:    true,
			MaxPayload: 1 << 20,
			Stop:       func() error { return b.srv.Close() },
			Start:      func() error { b.start(); return nil },
		}
	})
}

func TestTheInterfacesAreThere(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	require.Implements(t, (*outbox.Sink)(nil), sink)
	require.Implements(t, (*outbox.Subscriber)(nil), subscriber(nc))
}
