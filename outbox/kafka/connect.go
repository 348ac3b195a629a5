package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Options returns the options that a client of this package should have: all replicas in sync confirm a record, and a record that
// Send has given up on is cancelled. Otherwise the client would go on trying, and might store an event after newer ones of its row
// that another relay has sent meanwhile.
func Options() []kgo.Opt {
	return []kgo.Opt{kgo.RequiredAcks(kgo.AllISRAcks()), kgo.AllowIdempotentProduceCancellation()}
}

// Connect returns a client with Options, which opts may change. It asks the brokers nothing, so they may come later. Closing the
// client is left to the caller.
func Connect(brokers []string, opts ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append(append(Options(), kgo.SeedBrokers(brokers...)), opts...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: connect to %q: %w", brokers, err)
	}
	return client, nil
}
