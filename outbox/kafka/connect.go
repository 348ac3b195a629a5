package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Options returns the options that a client for this package should have. All replicas in sync confirm a record, and the client cancels records that
// Send has given up. Otherwise the client would try them further, and could store an event after newer ones of its row that another relay has sent.
func Options() []kgo.Opt {
	return []kgo.Opt{kgo.RequiredAcks(kgo.AllISRAcks()), kgo.AllowIdempotentProduceCancellation()}
}

// Connect makes a client with [Options] and opts, which override them. It sends nothing to the brokers, so they may start later. The caller closes
// the client.
func Connect(brokers []string, opts ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append(append(Options(), kgo.SeedBrokers(brokers...)), opts...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: connect to %q: %w", brokers, err)
	}
	return client, nil
}
