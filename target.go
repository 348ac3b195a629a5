package signals

import (
	"context"

	"github.com/gorm-signals/signals/internal/fault"
)

// target is one call that a send has to make.
type target struct {
	entry *entry
	call  func(*entry) error
}

// answer is what one receiver has answered.
type answer struct {
	Entry *entry
	Err   error
}

// way is how a send calls its receivers.
type way uint8

const (
	untilError way = iota
	allInTurn
	atOnce
)

// send makes the calls.
func (w way) send(ctx context.Context, targets []target) []answer {
	if w == atOnce {
		return together(ctx, targets)
	}
	return each(targets, w == untilError)
}

// answer makes the call. A panic, and a call that ends its goroutine, are errors.
func (t target) answer(response *answer) {
	*response = answer{Entry: t.entry, Err: t.entry.failure(fault.ErrGoexit)}
	defer func() {
		if v := recover(); v != nil {
			response.Err = t.entry.recover(v)
		}
	}()
	err := t.call(t.entry)
	if response.Err = nil; err != nil {
		response.Err = t.entry.failure(err)
	}
}

// each makes the calls one by one, until the first error if stop says so.
func each(targets []target, stop bool) []answer {
	responses := make([]answer, 0, len(targets))
	for _, t := range targets {
		var response answer
		t.answer(&response)
		responses = append(responses, response)
		if stop && response.Err != nil {
			break
		}
	}
	return responses
}

// together makes the calls at once and waits for them, or for the end of ctx.
func together(ctx context.Context, targets []target) []answer {
	done := make([]chan answer, len(targets))
	for i, t := range targets {
		done[i] = make(chan answer, 1)
		go func() {
			var response answer
			defer func() { done[i] <- response }() // also when the receiver ends its goroutine
			t.answer(&response)
		}()
	}
	responses := make([]answer, len(targets))
	for i, t := range targets {
		select {
		case responses[i] = <-done[i]:
			continue
		case <-ctx.Done():
		}
		select {
		case responses[i] = <-done[i]:
		default:
			responses[i] = answer{Entry: t.entry, Err: t.entry.failure(context.Cause(ctx))}
		}
	}
	return responses
}

func firstError(responses []answer) error {
	for _, r := range responses {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}
