package dispatch

import (
	"context"
	"slices"

	"github.com/gorm-signals/signals/internal/fault"
)

// Target is one call that a send has to make.
type Target struct {
	Entry *Entry             // the receiver
	Call  func(*Entry) error // calls it with the event
}

// Answer is the result of one receiver.
type Answer struct {
	Entry *Entry // the receiver
	Err   error  // names the receiver; nil if it succeeded
}

// Way says how a send calls its receivers.
type Way uint8

// The ways.
const (
	UntilError Way = iota // one by one, up to the first error
	AllInTurn             // one by one, whatever they return
	AtOnce                // all at the same time
)

// Send makes the calls and returns an answer for each, in the order of the targets. It leaves out receivers that have had their only call. AtOnce
// stops to wait if the context ends: a receiver that still runs then answers with the cause. The other ways ignore the context.
func (w Way) Send(ctx context.Context, targets []Target) []Answer {
	if w == AtOnce {
		return together(ctx, targets)
	}
	return each(targets, w == UntilError)
}

// answer makes the call. It answers a panic, and the end of the goroutine, with an error.
func (t Target) answer(response *Answer) {
	*response = Answer{Entry: t.Entry, Err: t.Entry.Failure(fault.ErrGoexit)}
	defer func() {
		if v := recover(); v != nil {
			response.Err = t.Entry.Recover(v)
		}
	}()
	err := t.Call(t.Entry)
	if response.Err = nil; err != nil {
		response.Err = t.Entry.Failure(err)
	}
}

// each makes the calls one by one; if stop is true, until the first error.
func each(targets []Target, stop bool) []Answer {
	responses := make([]Answer, 0, len(targets))
	for _, t := range targets {
		if !t.Entry.Take() {
			continue
		}
		var response Answer
		t.answer(&response)
		responses = append(responses, response)
		if stop && response.Err != nil {
			break
		}
	}
	return responses
}

// together makes the calls at the same time and waits for them, or for the end of ctx.
func together(ctx context.Context, targets []Target) []Answer {
	targets = slices.DeleteFunc(targets, func(t Target) bool { return !t.Entry.Take() })
	done := make([]chan Answer, len(targets))
	for i, t := range targets {
		done[i] = make(chan Answer, 1)
		go func() {
			var response Answer
			defer func() { done[i] <- response }() // also if the receiver ends its goroutine
			t.answer(&response)
		}()
	}
	responses := make([]Answer, len(targets))
	for i, t := range targets {
		select {
		case responses[i] = <-done[i]:
			continue
		case <-ctx.Done():
		}
		select {
		case responses[i] = <-done[i]:
		default:
			responses[i] = Answer{Entry: t.Entry, Err: t.Entry.Failure(context.Cause(ctx))}
		}
	}
	return responses
}

// FirstError returns the error of the first answer that has one.
func FirstError(responses []Answer) error {
	for _, r := range responses {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}
