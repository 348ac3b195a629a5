package outbox

import (
	"context"
	"errors"
)

// Sink is an engine that takes messages: what a Relay drains the outbox into.
type Sink interface {
	// Send hands messages to the engine and returns when the engine has stored them or refused them. It answers with one error per
	// message, in their order, or with nil when all were stored. The messages of one call are of different rows and may be sent at
	// once, in any order. The context ends after half a minute at the latest.
	//
	// An error that Permanent made parks the message at once. One that Unavailable made says that the engine cannot be reached: it
	// counts as no try of the message, and the relay waits before it goes on. Any other error is a failed try.
	Send(ctx context.Context, messages []Message) []error
}

// Subscriber receives messages from an engine. On connects functions to it.
type Subscriber interface {
	// Handle connects a handler to the types that a pattern of [path.Match] names; "" means all. Call it before Run. A message is
	// done when all its handlers have returned nil, and comes again otherwise; one that nobody handles is done at once.
	Handle(pattern string, h Handler)

	// Run receives until ctx ends, and then lets the handlers that are running return. Messages of one row come one after the other.
	Run(ctx context.Context) error
}

// Handler is called with a message. An error makes it come again, later; an error that Permanent made does not.
type Handler func(ctx context.Context, m Message) error

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

type unavailableError struct{ error }

func (e unavailableError) Unwrap() error { return e.error }

// Permanent marks an error that trying again will not mend, such as a message that is too large. It is nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanentError{err}
}

// Unavailable marks the error of an engine that cannot be reached now. It is nil for nil.
func Unavailable(err error) error {
	if err == nil {
		return nil
	}
	return unavailableError{err}
}

// IsPermanent reports whether an error was marked by Permanent.
func IsPermanent(err error) bool {
	var marked permanentError
	return errors.As(err, &marked)
}

// IsUnavailable reports whether an error was marked by Unavailable.
func IsUnavailable(err error) bool {
	var marked unavailableError
	return errors.As(err, &marked)
}
