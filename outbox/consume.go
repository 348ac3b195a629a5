package outbox

import (
	"context"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"
)

// Event is a received Message with its data in a form of the receiver's own.
type Event[T any] struct {
	Message

	Payload T

	tx *gorm.DB
}

// DB returns a session in the transaction of the Inbox, in which the effect of the event belongs, and nil without an Inbox.
func (e Event[T]) DB() *gorm.DB { return e.tx }

// On calls fn with every event of the named types that a subscriber receives, or with all events when none is named. Types are
// patterns of [path.Match]: "com.acme.products.*.v1". The data is read as JSON; data that does not fit T is a Permanent error.
// signals.Actor of the context is the text of who has written, if the sender has named somebody.
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
	for _, pattern := range types {
		sub.Handle(pattern, handle)
	}
}
