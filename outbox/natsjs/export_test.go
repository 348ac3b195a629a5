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
)

// Decode reads a message.
func Decode(header nats.Header, data []byte) (outbox.Message, error) { return decode(header, data) }

// Encode writes a message.
func Encode(subject string, m outbox.Message) *nats.Msg { return encode(subject, m) }

// KeepAlive tells the server of messages of a subscriber that are not done, until ctx ends.
func KeepAlive(ctx context.Context, s *Sub, messages ...jetstream.Msg) {
	r := &run{Sub: s, hand: newHand()}
	for i, msg := range messages {
		r.take(msg, position{sequence: uint64(i)})
	}
	r.keepAlive(ctx)
}
