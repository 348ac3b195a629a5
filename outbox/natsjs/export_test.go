package natsjs

import (
	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go"
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
