package sinktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gorm-signals/signals/outbox"
)

// prompt is how long Send may take after its context has ended. It is long because test machines can be slow.
const prompt = 5 * time.Second

// failurePromises are the cases about refused messages and engines that cannot be reached.
func failurePromises() []promise {
	return []promise{
		{
			name: "a message that is too large is refused for good and harms no other of the call",
			why: "no further try makes it smaller: an error that is not Permanent is tried for hours, and one that is Unavailable keeps all " +
				"other events waiting",
			needs: needsLimit,
			check: tooLarge,
		},
		{
			name: "a cancelled context ends Send at once, and nothing is parked or taken for stored",
			why: "a relay that is told to stop must stop, and must not take for stored what may not be; the message is as good as before " +
				"and must not be parked",
			check: cancelled,
		},
		{
			name: "an engine that is away is Unavailable, and is used again when it is back",
			why: "a restart of the engine must not use up the tries of any message, or the events of that minute would be parked; and " +
				"the relay must go on without a restart of its own",
			needs: needsStop,
			check: away,
		},
		{
			name:  "what Send has answered for survives that the engine goes away",
			why:   "a relay never sends again what Send has answered for, so an answer that came too early is a lost event",
			needs: needsStop,
			check: survives,
		},
	}
}

func tooLarge(ctx context.Context, e Engine) error {
	messages := rows(3, 1)
	messages[0].Data = bytes.Repeat([]byte("x"), e.MaxPayload/2)
	messages[1].Data = bytes.Repeat([]byte("x"), e.MaxPayload+1)
	errs, err := send(ctx, e, messages...)
	if err != nil {
		return err
	}
	if err = errors.Join(errs[0], errs[2]); err != nil {
		return fmt.Errorf("a message that is not too large was refused beside one that is: %w", err)
	}
	switch err = errs[1]; {
	case err == nil:
		return fmt.Errorf("a message of %d bytes was taken, and MaxPayload is %d", len(messages[1].Data), e.MaxPayload)
	case !outbox.IsPermanent(err), outbox.IsUnavailable(err):
		return fmt.Errorf("the error of a message of %d bytes must be Permanent and not Unavailable: %w", len(messages[1].Data), err)
	}
	after := message(4, 1)
	if err = mustSend(ctx, e, after); err != nil {
		return fmt.Errorf("after a message that was too large: %w", err)
	}
	taken := []outbox.Message{messages[0], messages[2], after}
	came, err := collect(ctx, e, taken, nil)
	if err != nil {
		return err
	}
	return whole(taken, came)
}

func cancelled(ctx context.Context, e Engine) error {
	dead, cancel := context.WithCancel(ctx)
	cancel()
	messages := rows(100, 1)
	began := time.Now()
	errs, err := send(dead, e, messages...)
	if took := time.Since(began); took > prompt {
		return fmt.Errorf("a call of Send with a cancelled context took %v", took)
	}
	if err != nil {
		return err
	}
	var stored, unsure []outbox.Message
	for i, err := range errs {
		switch {
		case err == nil:
			stored = append(stored, messages[i])
		case outbox.IsPermanent(err):
			return fmt.Errorf("the error of message %d sent with a cancelled context must not be Permanent: %w", i, err)
		default:
			unsure = append(unsure, messages[i])
		}
	}
	live := rows(100, 2)
	if err = mustSend(ctx, e, live...); err != nil {
		return fmt.Errorf("after a call with a cancelled context: %w", err)
	}
	stored = append(stored, live...)
	came, err := collect(ctx, e, stored, unsure)
	if err != nil {
		return err
	}
	return whole(append(stored, unsure...), came)
}

// orNone returns an error that says "no error" for nil, for use in another error.
func orNone(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

func away(ctx context.Context, e Engine) error {
	first, second := rows(5, 1), rows(5, 2)
	if err := mustSend(ctx, e, first...); err != nil {
		return err
	}
	if err := e.Stop(); err != nil {
		return fmt.Errorf("cannot stop: %w", err)
	}
	if err := sendAway(ctx, e, second); err != nil {
		return err
	}
	if err := e.Start(); err != nil {
		return fmt.Errorf("cannot start: %w", err)
	}
	if err := untilBack(ctx, e, second); err != nil {
		return err
	}
	both := slices.Concat(first, second)
	came, err := collect(ctx, e, both, nil)
	if err != nil {
		return err
	}
	return whole(both, came)
}

// sendAway sends to a stopped engine, and checks the errors.
func sendAway(ctx context.Context, e Engine, messages []outbox.Message) error {
	short, cancel := context.WithTimeout(ctx, prompt)
	defer cancel()
	began := time.Now()
	errs, err := send(short, e, messages...)
	if took := time.Since(began); took > 2*prompt {
		return fmt.Errorf("a call of Send to an engine that is away took %v, and its context ended after %v", took, prompt)
	}
	if err != nil {
		return err
	}
	for i, err := range errs {
		if !outbox.IsUnavailable(err) || outbox.IsPermanent(err) {
			return fmt.Errorf("the error of message %d sent to an engine that is away must be Unavailable and not Permanent: %w", i, orNone(err))
		}
	}
	return nil
}

// untilBack sends messages until the engine has stored all of them, as a relay does.
func untilBack(ctx context.Context, e Engine, messages []outbox.Message) error {
	ctx, cancel := context.WithTimeout(ctx, e.patience())
	defer cancel()
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for {
		errs, err := send(ctx, e, messages...)
		if err != nil {
			return err
		}
		var left []outbox.Message
		for i, err := range errs {
			if err == nil {
				continue
			}
			if ctx.Err() == nil && !outbox.IsUnavailable(err) {
				return fmt.Errorf("the error of a message while the engine comes back must be Unavailable: %w", err)
			}
			left = append(left, messages[i])
		}
		if messages = left; len(messages) == 0 {
			return nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return fmt.Errorf("%v after the engine came back it took no message: %w", e.patience(), errors.Join(errs...))
		}
	}
}

// survives stops the engine during calls of Send, and checks that every message arrives for which Send returned nil.
func survives(ctx context.Context, e Engine) error {
	stored, unsure, err := sendUntilAway(ctx, e)
	if err != nil {
		return err
	}
	if err = e.Start(); err != nil {
		return fmt.Errorf("cannot start: %w", err)
	}
	came, err := collect(ctx, e, stored, unsure)
	if err != nil {
		return err
	}
	return whole(append(stored, unsure...), came)
}

// sendUntilAway sends batches, stops the engine meanwhile, and ends with the first batch that has an error. stored are messages without an error,
// unsure the others.
func sendUntilAway(ctx context.Context, e Engine) (stored, unsure []outbox.Message, err error) {
	const stopAt = 10
	stopped, limit := make(chan error, 1), e.patience()
	var end time.Time // set after Stop has returned
	for call := 0; len(unsure) == 0; call++ {
		if !end.IsZero() && time.Now().After(end) {
			return nil, nil, fmt.Errorf("%v after Stop the engine still took messages", e.patience())
		}
		if call == stopAt {
			limit = prompt
			go func() { stopped <- e.Stop() }()
		}
		batch := rows(20, uint64(call)+1)
		short, cancel := context.WithTimeout(ctx, limit)
		errs, failure := send(short, e, batch...)
		cancel()
		if failure != nil {
			return nil, nil, failure
		}
		for i, err := range errs {
			switch {
			case err == nil:
				stored = append(stored, batch[i])
			case call < stopAt:
				return nil, nil, fmt.Errorf("before Stop: %w", err)
			default:
				unsure = append(unsure, batch[i])
			}
		}
		select {
		case err = <-stopped:
			if end = time.Now().Add(e.patience()); err != nil {
				return nil, nil, fmt.Errorf("cannot stop: %w", err)
			}
		default:
		}
	}
	if end.IsZero() {
		if err = <-stopped; err != nil {
			return nil, nil, fmt.Errorf("cannot stop: %w", err)
		}
	}
	return stored, unsure, nil
}
