package watermillsink

import (
	"context"
	"log/slog"

	"github.com/ThreeDotsLabs/watermill/message"
)

// Option is an option of New, Message and Handler; each heeds those that concern it.
type Option func(o *options)

type options struct {
	prefix      string
	concurrency int
	classify    []func(err error) error
	onPermanent func(received *message.Message, err error) error
}

// Prefix sets what the names of attributes begin with in the metadata, in lower case. The default "ce_" is what CloudEvents asks
// for on Kafka; "ce-" is it for HTTP and NATS.
func Prefix(prefix string) Option { return func(o *options) { o.prefix = prefix } }

// Concurrency sets how many messages of a Send are published at once. The default is 64. More pays on engines that gather
// concurrent messages into one request, as Kafka's producer does; Redis wants no more than its client has connections.
func Concurrency(n int) Option {
	if n < 1 {
		panic("watermillsink: Concurrency needs at least 1")
	}
	return func(o *options) { o.concurrency = n }
}

// Classify adds a function that marks the errors of a publisher with [outbox.Permanent] or [outbox.Unavailable]; it returns any
// other error, or nil, for those that it does not know. It is asked before the Sink looks at an error itself.
func Classify(mark func(err error) error) Option {
	return func(o *options) { o.classify = append(o.classify, mark) }
}

// OnPermanent sets what a Handler does with a message that fails for good. When fn returns nil the message is done, and when it
// returns an error that is what the router gets: returning err lets the router's PoisonQueue have the message. The default writes
// the error to [slog.Default], and the message is done.
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
