package natsjs_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

// wrapped is an error whose methods panic for a nil pointer, which is an error that is not nil.
type wrapped struct{ cause error }

func (e *wrapped) Error() string { return e.cause.Error() }
func (e *wrapped) Unwrap() error { return e.cause }

func TestABackoffThatDoesNotReturnHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, breaking := range map[string]func(){
		"panics":             func() { panic("broken") },
		"ends its goroutine": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nc, sink := newBroker(t).stream()
			var begun, done trace
			sub := subscriber(nc, natsjs.Backoff(func(int) time.Duration {
				breaking()
				return 0
			}))
			sub.Handle("", func(_ context.Context, m outbox.Message) error {
				if begun.add(m); len(begun.seen()) == 1 {
					return errTest
				}
				done.add(m)
				return nil
			})
			start(t, sub)
			send(t, sink, event("a", 1), event("a", 2))
			assert.Equal(t, []string{"a-1", "a-2"}, done.waitFor(t, 2))
			settled(t, nc)
		})
	}
}

func TestANilPointerAsAnErrorIsAFailedTry(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	var done, dead trace
	sub := subscriber(nc, natsjs.MaxTries(2), natsjs.OnDead(func(_ context.Context, m outbox.Message, err error) {
		dead.add(m)
		assert.ErrorContains(t, err, "panicked")
	}))
	sub.Handle("", func(_ context.Context, m outbox.Message) error {
		if m.Sequence == 1 {
			return (*wrapped)(nil)
		}
		done.add(m)
		return nil
	})
	start(t, sub)
	send(t, sink, event("a", 1), event("a", 2))
	assert.Equal(t, []string{"a-2"}, done.waitFor(t, 1))
	settled(t, nc)
	assert.Equal(t, []string{"a-1"}, dead.seen())
}

func TestTheReasonOfAParkedMessageIsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	for shift := range 4 {
		reason := natsjs.Reason(errors.New(strings.Repeat("x", shift) + strings.Repeat("😀", 100)))
		assert.True(t, utf8.ValidString(reason), "%q", reason)
		assert.Greater(t, len(reason), 196)
		assert.LessOrEqual(t, len(reason), 200)
	}
	assert.Equal(t, "first", natsjs.Reason(errors.New("first\nsecond")))
}
