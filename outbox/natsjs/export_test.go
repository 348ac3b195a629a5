package natsjs

import (
	"context"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Internals for tests.
var (
	SubjectOf = subjectOf
	FiltersOf = filtersOf
	Matches   = matches
	Reason    = reason
)

// Decode reads a message.
func Decode(header nats.Header, data []byte) (outbox.Message, error) { return decode(header, data) }

// Encode writes a message.
func Encode(subject string, m outbox.Message) *nats.Msg { return encode(subject, m) }

// Holding starts a receiver that holds messages back. Each look asks the server once, and reports whether the receiver still holds.
func Holding(ctx context.Context, s *Sub, consumer jetstream.Consumer) (look func() bool) {
	r := &run{Sub: s, hand: newHand()}
	r.hold(1)
	return func() bool {
		r.tryRelease(ctx, ctx, consumer)
		return r.holding
	}
}

// KeepAlive sends the server signs of a subscriber's open messages, until ctx ends.
func KeepAlive(ctx context.Context, s *Sub, messages ...jetstream.Msg) {
	r := &run{Sub: s, hand: newHand()}
	for i, msg := range messages {
		r.take(msg, position{sequence: uint64(i)})
	}
	r.keepAlive(ctx)
}
