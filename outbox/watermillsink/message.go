package watermillsink

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/gorm-signals/signals/outbox"
)

// contentType is the name of the header that has no prefix in any binding.
const contentType = "content-type"

// encode makes the message that is published.
func (o options) encode(ctx context.Context, m outbox.Message) *message.Message {
	out := message.NewMessageWithContext(ctx, m.ID, m.Data)
	out.Metadata = m.Headers(o.prefix)
	if m.ContentType != "" {
		out.Metadata[contentType] = m.ContentType
	}
	return out
}

// Message reads a message that arrived. It fails with a Permanent error for one that no outbox has sent.
func Message(received *message.Message, opts ...Option) (outbox.Message, error) {
	kind := ""
	for name, value := range received.Metadata {
		if strings.EqualFold(name, contentType) {
			kind = value
		}
	}
	m, err := outbox.FromHeaders(with(opts).prefix, received.Metadata, kind, received.Payload)
	if err != nil {
		return outbox.Message{}, fmt.Errorf("watermillsink: message %q: %w", received.UUID, err)
	}
	return m, nil
}

// Handler returns a handler for a router of Watermill, for its AddConsumerHandler. An error makes the message come again; one that
// is Permanent, or a message that no outbox has sent, goes to OnPermanent.
func Handler(h outbox.Handler, opts ...Option) message.NoPublishHandlerFunc {
	if h == nil {
		panic("watermillsink: Handler needs a handler")
	}
	o := with(opts)
	return func(received *message.Message) error {
		m, err := Message(received, opts...)
		if err == nil {
			returned := false
			defer func() {
				if !returned { // the router hears nothing of a handler that ends its goroutine, and would wait for ever
					received.Nack()
				}
			}()
			err = h(received.Context(), m)
			returned = true
		}
		if outbox.IsPermanent(err) {
			return o.onPermanent(received, err)
		}
		return err
	}
}

// errNoKey says that a message has no partitionkey.
var errNoKey = errors.New("watermillsink: no attribute partitionkey with the prefix ce_ or ce-: no outbox has sent the message")

// PartitionKey returns the key that keeps the events of a row in one partition of Kafka, for kafka.NewWithPartitioningMarshaler of
// watermill-kafka. It fails for messages of others, as one key for all of them would fill one partition.
func PartitionKey(_ string, m *message.Message) (string, error) {
	for _, prefix := range []string{"ce_", "ce-"} {
		if key := m.Metadata.Get(prefix + "partitionkey"); key != "" {
			return key, nil
		}
	}
	return "", errNoKey
}
