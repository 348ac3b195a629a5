package watermillsink

import (
	"context"
	"log/slog"

	"github.com/ThreeDotsLabs/watermill/message"
)

// Option is an option of [New], [Message] and [Handler]. Each of them ignores options that do not concern it.
type Option func(o *options)

type options struct {
	prefix      string
	concurrency int
	classify    []func(err error) error
	onPermanent func(received *message.Message, err error) error
}

// Prefix sets how the names of attributes begin in the metadata, in lower case. The default is "ce_", which CloudEvents uses on Kafka; on HTTP and
// NATS it uses "ce-". Give sender and receivers the same prefix.
func Prefix(prefix string) Option { return func(o *options) { o.prefix = prefix } }

// Concurrency sets how many messages of a Send are published at once; the default is 64. More pays for engines that combine concurrent messages into
// one request, as Kafka's producer does. With Redis, use at most the number of connections that its client has.
func Concurrency(n int) Option {
	if n < 1 {
		panic("watermillsink: Concurrency needs at least 1")
	}
	return func(o *options) { o.concurrency = n }
}

// Classify adds a function that marks errors of a publisher with [outbox.Permanent] or [outbox.Unavailable]. For other errors it returns err or nil,
// and then the Sink marks the errors that it knows.
func Classify(mark func(err error) error) Option {
	return func(o *options) { o.classify = append(o.classify, mark) }
}

// OnPermanent sets the function that a [Handler] calls with a message after a Permanent error. If fn returns nil, the message is done. Otherwise the
// router gets the error of fn: return err to send the message to the router's PoisonQueue. The default logs the error to [slog.Default] and returns
// nil.
func OnPermanent(fn func(received *message.Message, err error) error) Option {
	return func(o *options) { o.onPermanent = fn }
}

func with(opts []Option) options {
	o := options{prefix: "ce_", concurrency: 64, onPermanent: logPermanent}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

func logPermanent(received *message.Message, err error) error {
	ctx := context.WithoutCancel(received.Context())
	slog.ErrorContext(ctx, "watermillsink: a message is given up", slog.String("id", received.UUID), slog.Any("error", err))
	return nil
}
