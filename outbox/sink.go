package outbox

import (
	"context"
	"errors"
)

// Sink is an engine to which a [Relay] sends messages. Package sinktest tests implementations.
type Sink interface {
	// Send sends messages to the engine, and returns when the engine has stored or refused them. It returns nil if all were stored, and otherwise one
	// error for each message, in their order, with nil for stored ones. The messages of one call have different subjects, so Send may send them in
	// any order and at once. ctx ends after 30 seconds at the latest.
	//
	// An error that [Permanent] made parks the message at once. [Unavailable] says that the engine cannot be reached: this counts as no try, and the
	// relay pauses. Any other error is a failed try, and the relay tries again after Config.Backoff. A panic is a failed try of all messages.
	Send(ctx context.Context, messages []Message) []error
}

// Subscriber receives messages from an engine, such as that of package natsjs. [On] connects functions to it.
type Subscriber interface {
	// Handle connects a handler to message types that match a pattern of [path.Match]; "" means all types. Call it before Run. If all handlers of a
	// message return nil, the message is done. Otherwise the engine delivers it again. A message without handlers is done at once.
	Handle(pattern string, h Handler)

	// Run receives messages until ctx ends, and returns when the running handlers have. It handles messages of one subject one after the other.
	Run(ctx context.Context) error
}

// Handler handles a message. After an error the message comes again, later, unless [Permanent] made the error.
type Handler func(ctx context.Context, m Message) error

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

type unavailableError struct{ error }

func (e unavailableError) Unwrap() error { return e.error }

// Permanent marks an error that another try cannot mend, such as that of a message that is too large: the event is parked at once. Permanent(nil) is
// nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// Unavailable marks the error of an engine that cannot be reached now: it counts as no try. Unavailable(nil) is nil.
func Unavailable(err error) error {
	if err == nil {
		return nil
	}
	return unavailableError{err}
}

// IsPermanent reports whether Permanent made err or an error that err wraps.
func IsPermanent(err error) bool {
	var marked permanentError
	return errors.As(err, &marked)
}

// IsUnavailable reports whether Unavailable made err or an error that err wraps.
func IsUnavailable(err error) bool {
	var marked unavailableError
	return errors.As(err, &marked)
}
