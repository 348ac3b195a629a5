package watermillsink_test

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/gorm-signals/signals/outbox/sinktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/gorm-signals/signals/outbox/watermillsink"
)

const (
	topic      = "shop"
	partitions = 4
	largest    = 1 << 20
)

// broker is a Kafka in this process that can go away and come back, at the same address and with its records.
type broker struct {
	addr, dir string
	cluster   *kfake.Cluster
}

func newBroker(tb testing.TB) *broker {
	tb.Helper()
	b := &broker{addr: "127.0.0.1:0", dir: tb.TempDir()}
	require.NoError(tb, b.start())
	tb.Cleanup(func() { assert.NoError(tb, b.stop()) })
	return b
}

func (b *broker) start() error {
	_, port, err := net.SplitHostPort(b.addr)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	b.cluster, err = kfake.NewCluster(
		kfake.Ports(number), kfake.SeedTopics(partitions, topic), kfake.DataDir(b.dir),
		kfake.BrokerConfigs(map[string]string{"message.max.bytes": strconv.Itoa(largest)}),
	)
	if err != nil {
		return err
	}
	b.addr = b.cluster.ListenAddrs()[0]
	return nil
}

func (b *broker) stop() error {
	b.cluster.Close()
	return nil
}

// settings are those that the package's doc advises, and less patience.
func settings() *sarama.Config {
	c := kafka.DefaultSaramaSyncPublisherConfig()
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Retry.Max = 3
	c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = 1, 50*time.Millisecond
	return c
}

func kafkaPublisher(tb testing.TB, b *broker, c *sarama.Config) *kafka.Publisher {
	tb.Helper()
	publisher, err := kafka.NewPublisher(kafka.PublisherConfig{
		Brokers:               []string{b.addr},
		Marshaler:             kafka.NewWithPartitioningMarshaler(watermillsink.PartitionKey),
		OverwriteSaramaConfig: c,
	}, watermill.NopLogger{})
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, publisher.Close()) })
	return publisher
}

// kafkaReceiver gives all messages of all partitions.
func kafkaReceiver(tb testing.TB, b *broker) func(ctx context.Context) (<-chan message, error) {
	tb.Helper()
	return func(ctx context.Context) (<-chan message, error) {
		c := kafka.DefaultSaramaSubscriberConfig()
		c.Consumer.Offsets.Initial = sarama.OffsetOldest
		subscriber, err := kafka.NewSubscriber(kafka.SubscriberConfig{
			Brokers: []string{b.addr}, Unmarshaler: kafka.DefaultMarshaler{}, OverwriteSaramaConfig: c,
		}, watermill.NopLogger{})
		if err != nil {
			return nil, err
		}
		tb.Cleanup(func() { assert.NoError(tb, subscriber.Close()) })
		return receive(ctx, subscriber, topic)
	}
}

func TestKafkaKeepsThePromisesOfASink(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t *testing.T) sinktest.Engine {
		t.Helper()
		b := newBroker(t)
		return sinktest.Engine{
			Sink:       watermillsink.New(kafkaPublisher(t, b, settings()), watermillsink.Topic(topic)),
			Receive:    kafkaReceiver(t, b),
			Ordered:    true,
			MaxPayload: largest,
			Stop:       b.stop,
			Start:      b.start,
		}
	})
}
