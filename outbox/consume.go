package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"

	"gorm.io/gorm"
)

// Event is a received Message with its data decoded as a T.
type Event[T any] struct {
	Message

	// Payload is the decoded Data.
	Payload T

	tx *gorm.DB
}

// DB returns a session in the transaction of the [Inbox], for what must happen once per event. It is nil without an Inbox.
func (e Event[T]) DB() *gorm.DB { return e.tx }

// On calls fn with the events of a subscriber: with those of the given types, or with all if none is given. Types are patterns of [path.Match] such
// as "com.acme.products.*.v1"; if several match an event, fn is called once. Two calls of On are two calls of their functions. Call On before the
// subscriber runs. On panics if sub or fn is nil.
//
// On decodes the data as JSON; data that does not fit T is a Permanent error, without a call of fn. After an error of fn the event comes again, unless
// [Permanent] made the error. signals.Actor(ctx) is the text of the actor, if the sender has named one.
func On[T any](sub Subscriber, fn func(ctx context.Context, e Event[T]) error, types ...string) {
	if sub == nil || fn == nil {
		panic("outbox: On needs a subscriber and a function, and one of them is nil")
	}
	handle := func(ctx context.Context, m Message) error {
		e := Event[T]{Message: m, tx: InboxTx(ctx)}
		if err := json.Unmarshal(m.Data, &e.Payload); err != nil {
			return Permanent(fmt.Errorf("outbox: event %s of type %s does not fit %T: %w", m.ID, m.Type, e.Payload, err))
		}
		return fn(actorOf(ctx, m.Extensions), e)
	}
	if len(types) == 0 {
		types = []string{""}
	}
	types = slices.Clone(types) // the caller may change its list
	for i, pattern := range types {
		sub.Handle(pattern, func(ctx context.Context, m Message) error {
			if matchesAny(types[:i], m.Type) { // the handler of that pattern calls fn
				return nil
			}
			return handle(ctx, m)
		})
	}
}

// matchesAny reports whether one of the patterns of [Subscriber.Handle] matches a type.
func matchesAny(patterns []string, eventType string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, eventType)
		return ok || pattern == ""
	})
}
