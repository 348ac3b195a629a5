package watermillsink

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/gorm-signals/signals/outbox"
)

// contentType is the header without prefix for the media type of the data.
const contentType = "content-type"

// encode returns the Watermill message of an event.
func (o options) encode(ctx context.Context, m outbox.Message) *message.Message {
	out := message.NewMessageWithContext(ctx, m.ID, m.Data)
	out.Metadata = m.Headers(o.prefix)
	if m.ContentType != "" {
		out.Metadata[contentType] = m.ContentType
	}
	return out
}

// Message returns the event of a received message. It fails with a Permanent error for messages that are not events.
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

// Handler returns a handler for AddConsumerHandler of a Watermill router. After an error of h the message comes again. After a Permanent error, or if
// the message is not an event, it calls the function of [OnPermanent]. Handler panics if h is nil.
func Handler(h outbox.Handler, opts ...Option) message.NoPublishHandlerFunc {
	if h == nil {
		panic("watermillsink: Handler needs a handler")
	}
	o := with(opts)
	return func(received *message.Message) (err error) {
		returned := false
		defer func() {
			if !returned { // otherwise the router would wait for ever, if h or the function of OnPermanent has ended its goroutine
				received.Nack()
			}
		}()
		m, err := Message(received, opts...)
		if err == nil {
			err = h(received.Context(), m)
		}
		if outbox.IsPermanent(err) {
			err = o.onPermanent(received, err)
		}
		returned = true
		return err
	}
}

// errNoKey says that a message has no partitionkey.
var errNoKey = errors.New("watermillsink: no attribute partitionkey with the prefix ce_ or ce-: no outbox has sent the message")

// PartitionKey returns the key that keeps the events of a row in one partition of Kafka: pass it to kafka.NewWithPartitioningMarshaler of
// watermill-kafka. It fails for messages that are not events, because one key for all of them would fill one partition.
func PartitionKey(_ string, m *message.Message) (string, error) {
	for _, prefix := range []string{"ce_", "ce-"} {
		if key := m.Metadata.Get(prefix + "partitionkey"); key != "" {
			return key, nil
		}
	}
	return "", errNoKey
}
