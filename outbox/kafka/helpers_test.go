package kafka_test

import (
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gorm-signals/signals/outbox/kafka"
)

const (
	topic      = "shop"
	partitions = 4
	largest    = 1 << 20 // the largest batch that the broker accepts
	patience   = 30 * time.Second
)

// broker is a Kafka in this process that can stop, and start again at the same address with its records.
type broker struct {
	addr, dir string
	cluster   *kfake.Cluster
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{addr: "127.0.0.1:0", dir: t.TempDir()}
	require.NoError(t, b.start())
	t.Cleanup(func() { assert.NoError(t, b.stop()) })
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

// sink returns a sink to the topic.
func (b *broker) sink(t *testing.T, opts ...kgo.Opt) *kafka.Sink {
	t.Helper()
	client, err := kafka.Connect([]string{b.addr}, opts...)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	sink, err := kafka.NewSink(client, kafka.Topic(topic))
	require.NoError(t, err)
	return sink
}

// records returns the first n records of the topic.
func (b *broker) records(t *testing.T, n int) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addr), kgo.ConsumeTopics(topic))
	require.NoError(t, err)
	defer client.Close()
	var all []*kgo.Record
	for len(all) < n {
		fetches := client.PollFetches(t.Context())
		require.NoError(t, fetches.Err())
		all = append(all, fetches.Records()...)
	}
	return all
}

// row returns an event of a row.
func row(key int, sequence uint64) outbox.Message {
	return outbox.Message{
		ID:          fmt.Sprintf("01890000-0000-7000-8%03x-%012x", key&0xfff, sequence),
		Source:      "/shop",
		Type:        "com.acme.products.updated.v1",
		Subject:     outbox.Subject("products", key),
		Time:        time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC),
		ContentType: "application/json",
		Sequence:    sequence,
		Extensions:  map[string]string{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		Data:        fmt.Appendf(nil, `{"id":%d}`, key),
	}
}
