package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/gorm-signals/signals/outbox"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var errNoTopic = errors.New("the function of NewSink names no topic")

// classify marks an error of a message for the relay as Permanent or Unavailable.
func classify(m outbox.Message, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNoTopic):
		return outbox.Permanent(fmt.Errorf("kafka: event %s of type %s: %w", m.ID, m.Type, err))
	case tooLarge(err):
		return outbox.Permanent(fmt.Errorf("kafka: event %s has %d bytes of data: publish less of the row, or raise "+
			"ProducerBatchMaxBytes of the client and max.message.bytes of the topic: %w", m.ID, len(m.Data), err))
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return outbox.Unavailable(fmt.Errorf("kafka: the topic of event %s does not exist: create it: %w", m.ID, err))
	case away(err):
		return outbox.Unavailable(fmt.Errorf("kafka: %w", err))
	default:
		return fmt.Errorf("kafka: event %s: %w", m.ID, err)
	}
}

// tooLarge reports whether the client or the broker refused a record, or its batch, as too large.
func tooLarge(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge)
}

// away reports whether the connection, the login or the brokers caused an error, and not the message.
func away(err error) bool {
	if kerr.IsRetriable(err) {
		return true
	}
	for _, known := range []error{
		kgo.ErrRecordTimeout, kgo.ErrRecordRetries, kgo.ErrMaxBuffered, kgo.ErrAborting, kgo.ErrClientClosed,
		kerr.SaslAuthenticationFailed, kerr.ClusterAuthorizationFailed, kerr.TopicAuthorizationFailed,
		// The client begins a new session after these.
		kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping,
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	_, network := errors.AsType[net.Error](err)
	return network
}
