package watermillsink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/gorm-signals/signals/outbox"
)

// Sink sends events through a publisher of Watermill. It is an [outbox.Sink], safe for concurrent use if the publisher is. [New] makes it.
type Sink struct {
	publisher message.Publisher
	topic     func(m outbox.Message) string
	options   options
	rows      claims
}

// New makes a Sink that publishes each message to the topic that a function returns for it, such as [Topic]. The caller closes the publisher. New
// panics if publisher or topic is nil.
func New(publisher message.Publisher, topic func(m outbox.Message) string, opts ...Option) *Sink {
	if publisher == nil || topic == nil {
		panic("watermillsink: New needs a publisher and a function that names the topic, and one of them is nil")
	}
	return &Sink{publisher: publisher, topic: topic, options: with(opts), rows: claims{busy: map[string]chan struct{}{}}}
}

// Topic returns a function for [New] that publishes all messages to one topic.
func Topic(name string) func(m outbox.Message) string {
	return func(outbox.Message) string { return name }
}

// TopicPerTable returns a function for [New] that publishes the messages of each table to a topic of its own: prefix and the table's name.
func TopicPerTable(prefix string) func(m outbox.Message) string {
	return func(m outbox.Message) string { return prefix + m.Table() }
}

// Send publishes messages, several at a time. If ctx ends, Send does not wait for a publisher that ignores contexts. If such a publisher still stores
// a message, the next try stores it a second time.
//
// An empty topic, or a message that is too large for the engine, gives a Permanent error. If the engine cannot be reached, the error is Unavailable.
// Send knows such errors of Redis and Kafka clients; add those of other clients with [Classify]. If the publisher or the function of the topic panics,
// or ends its goroutine with [runtime.Goexit], this is an error of its message alone.
func (s *Sink) Send(ctx context.Context, messages []outbox.Message) []error {
	errs := make([]error, len(messages))
	var next, failed atomic.Int64
	var working sync.WaitGroup
	for range min(s.options.concurrency, len(messages)) {
		working.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(messages) {
					return
				}
				if errs[i] = s.publish(ctx, messages[i]); errs[i] != nil {
					failed.Add(1)
				}
			}
		})
	}
	working.Wait()
	if failed.Load() == 0 {
		return nil
	}
	return errs
}

// publish publishes one message, and marks its error.
func (s *Sink) publish(ctx context.Context, m outbox.Message) error {
	topic, err := s.topicOf(m)
	if err != nil {
		return err
	}
	if topic == "" {
		return outbox.Permanent(fmt.Errorf("watermillsink: no topic is named for message %s of type %s", m.ID, m.Type))
	}
	release, err := s.rows.take(ctx, m.Subject)
	if err != nil {
		return outbox.Unavailable(fmt.Errorf("watermillsink: message %s: waiting to publish: %w", m.ID, err))
	}
	published := begin("Publish", func() error {
		defer release()
		return s.publisher.Publish(topic, s.options.encode(ctx, m))
	})
	select {
	case err = <-published:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("watermillsink: message %s to %s: %w", m.ID, topic, err)
	if _, broken := errors.AsType[*brokenError](err); broken { // a failed try, whatever its text says
		return err
	}
	return s.options.mark(err)
}

// topicOf calls the program's function that names the topic of a message.
func (s *Sink) topicOf(m outbox.Message) (topic string, err error) {
	err = <-begin("the function that names the topic", func() error {
		topic = s.topic(m)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("watermillsink: message %s: %w", m.ID, err)
	}
	return topic, nil
}
