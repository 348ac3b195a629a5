package sinktest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorm-signals/signals/outbox"
)

// quiet is how long a case receives nothing before it takes the end as reached.
const quiet = 300 * time.Millisecond

// looks is how often a case looks during this time, or during its patience. If the test process itself was stopped for a while, that counts as one
// look, and not as time without a message.
const looks = 20

// send sends messages and returns the error of each. It fails if the sink returns a wrong number of errors.
func send(ctx context.Context, e Engine, messages ...outbox.Message) ([]error, error) {
	errs := e.Sink.Send(ctx, messages)
	if len(errs) == 0 {
		return make([]error, len(messages)), nil
	}
	if len(errs) != len(messages) {
		return nil, fmt.Errorf("a call of Send with %d messages answered with %d errors, and must answer with one each, or nil: %w",
			len(messages), len(errs), errors.Join(errs...))
	}
	return errs, nil
}

// mustSend sends messages, and fails if one is refused.
func mustSend(ctx context.Context, e Engine, messages ...outbox.Message) error {
	errs, err := send(ctx, e, messages...)
	if err != nil {
		return err
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("messages were refused: %w", err)
	}
	return nil
}

// collect receives until all messages of want have come and no further ones come. It returns all received messages, with copies, in that order.
// Messages that are neither in want nor in maybe are an error.
func collect(ctx context.Context, e Engine, want, maybe []outbox.Message) ([]outbox.Message, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	arriving, err := e.Receive(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot receive: %w", err)
	}
	missing, known := ids(want), ids(want)
	for _, m := range maybe {
		known[m.ID] = true
	}
	var came []outbox.Message
	look := time.NewTicker(e.patience() / looks)
	defer look.Stop()
	if len(missing) == 0 {
		look.Reset(quiet / looks)
	}
	for left := looks; ; {
		select {
		case m, open := <-arriving:
			if !open {
				return nil, fmt.Errorf("receiving ended by itself, and %s", lost(want, missing))
			}
			if !known[m.ID] {
				return nil, fmt.Errorf("a message came that was not sent, or that was refused: %s", text(m))
			}
			came, left = append(came, m), looks
			if delete(missing, m.ID); len(missing) == 0 {
				look.Reset(quiet / looks)
			}
		case <-look.C:
			left--
			switch {
			case left > 0:
			case len(missing) > 0:
				return nil, fmt.Errorf("nothing came for %v, and %s", e.patience(), lost(want, missing))
			default:
				return came, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func ids(messages []outbox.Message) map[string]bool {
	set := make(map[string]bool, len(messages))
	for _, m := range messages {
		set[m.ID] = true
	}
	return set
}

// lost names messages that did not come.
func lost(want []outbox.Message, missing map[string]bool) string {
	var some []string
	for _, m := range want {
		if missing[m.ID] && len(some) < 5 {
			some = append(some, text(m))
		}
	}
	return fmt.Sprintf("%d of %d messages did not arrive, such as %s", len(missing), len(want), strings.Join(some, ", "))
}

// text names a message in an error.
func text(m outbox.Message) string {
	return fmt.Sprintf("%s (%s, sequence %d)", m.ID, m.Subject, m.Sequence)
}

// arrives sends messages in one call, and checks that exactly these arrive, unchanged.
func arrives(ctx context.Context, e Engine, messages []outbox.Message) error {
	if err := mustSend(ctx, e, messages...); err != nil {
		return err
	}
	came, err := collect(ctx, e, messages, nil)
	if err != nil {
		return err
	}
	return whole(messages, came)
}
