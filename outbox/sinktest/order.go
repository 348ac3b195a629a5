package sinktest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gorm-signals/signals/outbox"
)

// orderPromises are the cases about the order of a row, and about concurrent calls.
func orderPromises() []promise {
	return []promise{
		{
			name: "messages of one row arrive in the order of the calls of Send",
			why: "a consumer that hears of an old price after the new one shows the old price; a relay sends the next message of a row " +
				"when Send has answered for the one before",
			needs: needsOrder,
			check: func(ctx context.Context, e Engine) error { return sendRows(ctx, e, 1, 10, 40) },
		},
		{
			name:  "calls of 8 goroutines do not harm each other",
			why:   "relays run in many processes and goroutines at once",
			check: func(ctx context.Context, e Engine) error { return sendRows(ctx, e, 8, 5, 20) },
		},
	}
}

// sendRows sends from several goroutines. Each call has one message of each row of its goroutine.
func sendRows(ctx context.Context, e Engine, goroutines, rowsEach, calls int) error {
	var all []outbox.Message
	batches := make([][][]outbox.Message, goroutines)
	for g := range batches {
		for c := range calls {
			var batch []outbox.Message
			for r := range rowsEach {
				batch = append(batch, message(g*rowsEach+r, uint64(c)+1))
			}
			batches[g] = append(batches[g], batch)
			all = append(all, batch...)
		}
	}
	failed := make([]error, goroutines)
	var running sync.WaitGroup
	for g := range batches {
		running.Go(func() {
			for _, batch := range batches[g] {
				if failed[g] = mustSend(ctx, e, batch...); failed[g] != nil {
					return
				}
			}
		})
	}
	running.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	came, err := collect(ctx, e, all, nil)
	if err != nil {
		return err
	}
	if err := whole(all, came); err != nil || !e.Ordered {
		return err
	}
	return inOrder(came)
}

// inOrder checks that the first copies of each row's messages came in the order of their sequences.
func inOrder(came []outbox.Message) error {
	seen, last := map[string]bool{}, map[string]outbox.Message{}
	for _, m := range came {
		if seen[m.ID] {
			continue
		}
		seen[m.ID] = true
		if before, ok := last[m.Subject]; ok && m.Sequence < before.Sequence {
			return fmt.Errorf("message %s came after message %s, and was sent before it", text(m), text(before))
		}
		last[m.Subject] = m
	}
	return nil
}
