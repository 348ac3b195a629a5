package kafka_test

import (
	"context"
	"testing"

	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/sinktest"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gorm-signals/signals/outbox/kafka"
)

func TestTheSinkConforms(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t *testing.T) sinktest.Engine {
		t.Helper()
		b := newBroker(t)
		return sinktest.Engine{
			Sink:       b.sink(t),
			Receive:    func(ctx context.Context) (<-chan outbox.Message, error) { return b.receive(ctx) },
			Ordered:    true,
			MaxPayload: largest,
			Stop:       b.stop,
			Start:      b.start,
		}
	})
}

// receive returns all messages of all partitions.
func (b *broker) receive(ctx context.Context) (<-chan outbox.Message, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ConsumeTopics(topic))
	if err != nil {
		return nil, err
	}
	arriving := make(chan outbox.Message)
	go func() {
		defer client.Close()
		for ctx.Err() == nil {
			for _, record := range client.PollFetches(ctx).Records() {
				m, err := kafka.Message(record)
				if err != nil {
					m.ID = err.Error() // no sent message has this id, so the suite shows the error
				}
				select {
				case arriving <- m:
				case <-ctx.Done():
				}
			}
		}
	}()
	return arriving, nil
}

func TestTheInterfaceIsThere(t *testing.T) {
	t.Parallel()
	require.Implements(t, (*outbox.Sink)(nil), newBroker(t).sink(t))
}
