package natsjs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Error codes of the server, which nats.go names differently or not at all.
const (
	codeTooLarge    = jetstream.JSErrCodeStreamMessageExceedsMaximum
	codeWrongStream = jetstream.ErrorCode(10060)
)

// Sink stores events in a stream of JetStream. It is an [outbox.Sink], and safe for concurrent use.
type Sink struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	stream  string
	prefix  string
	timeout time.Duration
}

// SinkOption is an option of [NewSink].
type SinkOption func(*Sink)

// SubjectPrefix begins the subjects of events, instead of the name of the stream. Subscribers that name types then need [Filter].
func SubjectPrefix(prefix string) SinkOption { return func(s *Sink) { s.prefix = prefix } }

// Timeout sets how long Send waits for the server; the default is 5 seconds.
func Timeout(d time.Duration) SinkOption { return func(s *Sink) { s.timeout = d } }

// NewSink makes a sink for a stream, which [EnsureStream] creates. It sends nothing to the server. It fails if an argument or option is not valid.
func NewSink(nc *nats.Conn, stream string, opts ...SinkOption) (*Sink, error) {
	if err := checkStream(nc, stream); err != nil {
		return nil, err
	}
	s := &Sink{nc: nc, stream: stream, prefix: stream, timeout: 5 * time.Second}
	for _, opt := range opts {
		opt(s)
	}
	if s.prefix == "" || s.timeout <= 0 {
		return nil, fmt.Errorf("natsjs: NewSink: SubjectPrefix %q must not be empty, and Timeout %s must be positive", s.prefix, s.timeout)
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncTimeout(s.timeout+time.Second))
	if err != nil {
		return nil, fmt.Errorf("natsjs: NewSink: %w", err)
	}
	s.js = js
	return s, nil
}

// Send stores messages, all at once, and waits until the server has answered for each.
//
// A message that is too large for the server or the stream gives a Permanent error. If the server or the stream does not exist, does not answer or is
// full, the error is Unavailable. After [Timeout], messages without an answer have an Unavailable error.
func (s *Sink) Send(ctx context.Context, messages []outbox.Message) []error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("the server has not answered in %s: %w", s.timeout, nats.ErrTimeout))
	defer cancel()
	answers := make([]jetstream.PubAckFuture, len(messages))
	errs := make([]error, len(messages))
	for i, m := range messages {
		if ctx.Err() != nil {
			break
		}
		out := encode(s.prefix, m)
		var err error
		if answers[i], err = s.js.PublishMsgAsync(out, jetstream.WithExpectStream(s.stream)); err != nil {
			errs[i] = s.classify(m, out, err)
		}
	}
	failed := false
	for i, m := range messages {
		if errs[i] == nil {
			errs[i] = s.classify(m, nil, await(ctx, answers[i]))
		}
		failed = failed || errs[i] != nil
	}
	if !failed {
		return nil
	}
	return errs
}

// await waits for the answer to one message.
func await(ctx context.Context, answer jetstream.PubAckFuture) error {
	if answer == nil { // the context ended before the message was sent
		return context.Cause(ctx)
	}
	select {
	case <-answer.Ok():
		return nil
	case err := <-answer.Err():
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// classify marks an error for the relay as Permanent or Unavailable. out is the message as sent, or nil.
func (s *Sink) classify(m outbox.Message, out *nats.Msg, err error) error {
	if err == nil {
		return nil
	}
	var refused *jetstream.APIError
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		size := out.Size() - len(out.Subject)
		return outbox.Permanent(fmt.Errorf("natsjs: event %s has %d bytes with its headers, and the server takes %d: "+
			"publish less of the row, or raise max_payload of the server: %w", m.ID, size, s.nc.MaxPayload(), err))
	case errors.As(err, &refused) && refused.ErrorCode == codeTooLarge:
		return outbox.Permanent(fmt.Errorf("natsjs: event %s has %d bytes of data, and MaxMsgSize of stream %s is less: "+
			"publish less of the row, or raise it: %w", m.ID, len(m.Data), s.stream, err))
	case errors.As(err, &refused) && refused.ErrorCode == codeWrongStream:
		return outbox.Unavailable(fmt.Errorf("natsjs: subject %s belongs to a stream other than %s: change Subjects of one of them: %w",
			subjectOf(s.prefix, m.Type), s.stream, err))
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return outbox.Unavailable(fmt.Errorf("natsjs: no stream takes subject %s: does stream %s exist? EnsureStream makes it: %w",
			subjectOf(s.prefix, m.Type), s.stream, err))
	case unreachable(err), refused != nil && refused.Code >= 500:
		return outbox.Unavailable(fmt.Errorf("natsjs: stream %s: %w", s.stream, err))
	default:
		return fmt.Errorf("natsjs: event %s: %w", m.ID, err)
	}
}

// unreachable reports whether the connection caused the error, and not the message.
func unreachable(err error) bool {
	for _, known := range []error{
		nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrConnectionReconnecting, nats.ErrDisconnected,
		nats.ErrReconnectBufExceeded, nats.ErrNoServers, nats.ErrNoResponders, nats.ErrTimeout,
		nats.ErrHeadersNotSupported, // from a connection that never reached a server
		jetstream.ErrAsyncPublishTimeout, jetstream.ErrTooManyStalledMsgs, jetstream.ErrJetStreamNotEnabled,
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrClosedPipe, net.ErrClosed,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	var network net.Error
	return errors.As(err, &network)
}
