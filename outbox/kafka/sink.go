package kafka

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Sink sends events to Kafka. It is an [outbox.Sink], safe for concurrent use. [NewSink] makes it.
type Sink struct {
	client  *kgo.Client
	topic   func(m outbox.Message) string
	timeout time.Duration
}

// SinkOption is an option of [NewSink].
type SinkOption func(*Sink)

// Timeout sets how long Send waits for the brokers; the default is 10 seconds.
func Timeout(d time.Duration) SinkOption { return func(s *Sink) { s.timeout = d } }

// NewSink makes a Sink that sends each message to the topic that a function returns for it, such as [Topic]. Make the client with [Connect], or give
// it [Options]. The topics must exist, or the client must have kgo.AllowAutoTopicCreation. NewSink fails if an argument or option is not valid.
func NewSink(client *kgo.Client, topic func(m outbox.Message) string, opts ...SinkOption) (*Sink, error) {
	s := &Sink{client: client, topic: topic, timeout: 10 * time.Second}
	for _, opt := range opts {
		opt(s)
	}
	switch {
	case client == nil:
		return nil, errors.New("kafka: the client is nil: make one with kafka.Connect")
	case topic == nil:
		return nil, errors.New("kafka: the function that names the topic is nil: use kafka.Topic")
	case s.timeout <= 0:
		return nil, fmt.Errorf("kafka: Timeout %s must be positive", s.timeout)
	}
	return s, nil
}

// Topic returns a function for [NewSink] that sends all messages to one topic.
func Topic(name string) func(m outbox.Message) string {
	return func(outbox.Message) string { return name }
}

// TopicPerTable returns a function for [NewSink] that sends the messages of each table to a topic of its own: prefix and the table's name.
func TopicPerTable(prefix string) func(m outbox.Message) string {
	return func(m outbox.Message) string { return prefix + m.Table() }
}

// Send stores messages, and waits until the brokers have answered for each.
//
// A message that is too large for the client or the topic, or has no topic, gives a Permanent error. If the brokers cannot be reached, refuse the
// login, do not have the topic or cannot store now, the error is Unavailable. After [Timeout], messages without an answer have an Unavailable error.
// If the function of the topic panics, or ends its goroutine with [runtime.Goexit], this is an error of its message alone.
func (s *Sink) Send(ctx context.Context, messages []outbox.Message) []error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("the brokers have not answered in %s: %w", s.timeout, kerr.RequestTimedOut))
	defer cancel()
	errs := s.produce(ctx, messages)
	if len(messages) > 1 {
		for i, err := range errs {
			if tooLarge(err) { // perhaps only another message of its batch was
				errs[i] = s.produce(ctx, messages[i:i+1])[0]
			}
		}
	}
	failed := false
	for i, err := range errs {
		errs[i] = classify(messages[i], err)
		failed = failed || err != nil
	}
	if !failed {
		return nil
	}
	return errs
}

// answer is the result of one message of a call.
type answer struct {
	message int
	err     error
}

// produce gives messages to the client, and waits for its answers or the end of ctx. It returns an error or nil for each message.
func (s *Sink) produce(ctx context.Context, messages []outbox.Message) []error {
	errs := make([]error, len(messages))
	answers := make(chan answer, len(messages)) // never blocks the client, which answers also after ctx has ended
	waiting := map[int]bool{}
	for i, m := range messages {
		if ctx.Err() != nil { // otherwise the client would also cancel records of other calls in the partition
			errs[i] = context.Cause(ctx)
			continue
		}
		topic, err := s.topicOf(m)
		if err != nil {
			errs[i] = err
			continue
		}
		waiting[i] = true
		s.client.Produce(ctx, encode(topic, m), func(_ *kgo.Record, err error) { answers <- answer{i, err} })
	}
	for len(waiting) > 0 {
		select {
		case a := <-answers:
			errs[a.message] = a.err
			delete(waiting, a.message)
		case <-ctx.Done():
			for i := range waiting {
				errs[i] = context.Cause(ctx)
			}
			return errs
		}
	}
	return errs
}

// topicOf calls the program's function that names the topic of a message, on a goroutine of its own. If the function does not return, topicOf returns
// an error: a panic in Send would be a failed try of all messages, although the client has taken some of them already.
func (s *Sink) topicOf(m outbox.Message) (topic string, err error) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = errors.New("the function of NewSink has ended its goroutine with runtime.Goexit, as FailNow of a test does")
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("the function of NewSink panicked: %v\n%s", v, debug.Stack())
			}
		}()
		topic, err = s.topic(m), nil
	}()
	<-ended
	if err == nil && topic == "" {
		err = errNoTopic
	}
	return topic, err
}
