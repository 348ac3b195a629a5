package sinktest

import (
	"context"
	"fmt"

	"github.com/gorm-signals/signals/outbox"
)

// contentPromises are the cases about the content of messages.
func contentPromises() []promise {
	return []promise{
		{
			name: "every attribute, extension and byte of data arrives",
			why: "the consumer knows nothing of an event but its message; and a header that an engine trims, folds or decodes is a wrong " +
				"row or a lost trace there",
			check: func(ctx context.Context, e Engine) error { return arrives(ctx, e, varied()) },
		},
		{
			name:  "messages are left as they were",
			why:   "a relay sends them again when a try fails, and must not send something else then",
			check: leftAlone,
		},
		{
			name: "an empty call is answered without errors",
			why:  "a relay that finds nothing to do is no failure",
			check: func(ctx context.Context, e Engine) error {
				if errs := e.Sink.Send(ctx, nil); len(errs) != 0 {
					return fmt.Errorf("a call of Send without messages answered with %v", errs)
				}
				return nil
			},
		},
		{
			name:  "1,000 messages of one call all arrive",
			why:   "a relay that comes back after a stop finds many events, and sends them in large batches",
			check: func(ctx context.Context, e Engine) error { return arrives(ctx, e, rows(1000, 1)) },
		},
		{
			name: "a message that is sent twice arrives, and every copy is the same",
			why: "a relay that died after Send, or did not hear the answer, sends again: the inbox knows the copy by its id, so the id " +
				"must be the event's own and not the engine's",
			check: func(ctx context.Context, e Engine) error {
				_, err := sentTwice(ctx, e)
				return err
			},
		},
		{
			name:  "a message that is sent twice arrives once",
			why:   "consumers without an inbox rely on the engine's window of duplicates",
			needs: needsDedup,
			check: func(ctx context.Context, e Engine) error {
				came, err := sentTwice(ctx, e)
				if err != nil {
					return err
				}
				seen := map[string]bool{}
				for _, m := range came {
					if seen[m.ID] {
						return fmt.Errorf("message %s was sent twice and came more than once", text(m))
					}
					seen[m.ID] = true
				}
				return nil
			},
		},
	}
}

// sentTwice sends messages twice, as another relay may, and returns all received messages.
func sentTwice(ctx context.Context, e Engine) ([]outbox.Message, error) {
	messages := varied()
	if err := mustSend(ctx, e, messages...); err != nil {
		return nil, err
	}
	if err := mustSend(ctx, e, copied(messages)...); err != nil {
		return nil, fmt.Errorf("the second time: %w", err)
	}
	came, err := collect(ctx, e, messages, nil)
	if err != nil {
		return nil, err
	}
	return came, whole(messages, came)
}

// leftAlone checks that Send does not change its messages.
func leftAlone(ctx context.Context, e Engine) error {
	messages := varied()
	before := copied(messages)
	if err := mustSend(ctx, e, messages...); err != nil {
		return err
	}
	for i := range messages {
		if diff := differ(before[i], messages[i]); diff != "" {
			return fmt.Errorf("after Send, message %s has another %s", text(messages[i]), diff)
		}
	}
	return nil
}
