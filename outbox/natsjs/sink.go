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

// Error codes of the server that nats.go has no name for.
const (
	codeTooLarge    = jetstream.JSErrCodeStreamMessageExceedsMaximum
	codeWrongStream = jetstream.ErrorCode(10060)
)

// Sink stores events in a stream of JetStream. It is an outbox.Sink, and safe for many goroutines.
type Sink struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	stream  string
	prefix  string
	timeout time.Duration
}

// SinkOption is an option of NewSink.
type SinkOption func(*Sink)

// SubjectPrefix sets what stands before the type in subjects, instead of the name of the stream. Subscribers that name types then
// need Filter.
func SubjectPrefix(prefix string) SinkOption { return func(s *Sink) { s.prefix = prefix } }

// Timeout sets how long Send waits for the server; the default is 5 seconds.
func Timeout(d time.Duration) SinkOption { return func(s *Sink) { s.timeout = d } }

// NewSink returns a sink into a stream, which EnsureStream makes. It asks the server nothing, so the server may come later.
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
// A message that is larger than the server or the stream takes is a Permanent error. That the server or the stream is not there,
// does not answer or is full is Unavailable.
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
	if answer == nil { // the context ended before it was sent
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

// classify tells a relay what an error means for the message. out is the message as it was to be sent, and may be nil.
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

// unreachable reports errors of a connection rather than of a message.
func unreachable(err error) bool {
	for _, known := range []error{
		nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrConnectionReconnecting, nats.ErrDisconnected,
		nats.ErrReconnectBufExceeded, nats.ErrNoServers, nats.ErrNoResponders, nats.ErrTimeout,
		nats.ErrHeadersNotSupported, // what a connection says that never was there
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
