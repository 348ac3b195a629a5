package watermillsink_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	watermillmessage "github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/watermillsink"
)

// wrapped is an error whose methods panic for a nil pointer, which is an error that is not nil.
type wrapped struct{ cause error }

func (e *wrapped) Error() string { return e.cause.Error() }
func (e *wrapped) Unwrap() error { return e.cause }

// breaks returns functions that do not return, or return what nobody can read, by name.
func breaks() map[string]func() error {
	return map[string]func() error{
		"panics":                func() error { panic("publisher closed") },
		"ends its goroutine":    func() error { runtime.Goexit(); return nil },
		"returns a nil pointer": func() error { return (*wrapped)(nil) },
	}
}

// failsAlone checks that the last of the errors belongs to a failed try, and that the other messages of the call are stored.
func failsAlone(t *testing.T, errs []error) {
	t.Helper()
	require.NotEmpty(t, errs, "the message has failed")
	for _, err := range errs[:len(errs)-1] {
		require.NoError(t, err)
	}
	last := errs[len(errs)-1]
	require.ErrorContains(t, last, "watermillsink: message ")
	assert.False(t, outbox.IsPermanent(last) || outbox.IsUnavailable(last), "a failed try: %v", last)
}

func TestAPublisherThatDoesNotReturnFailsOneMessage(t *testing.T) {
	t.Parallel()
	for name, breaking := range breaks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			messages, broken := rows(3), true
			sink := watermillsink.New(publish(func(_ string, m *watermillmessage.Message) error {
				if broken && m.UUID == messages[2].ID {
					return breaking()
				}
				return nil
			}), watermillsink.Topic("shop"))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			failsAlone(t, sink.Send(ctx, messages))
			require.NoError(t, ctx.Err(), "Send has not waited for the end of its context")
			broken = false
			assert.Nil(t, sink.Send(ctx, messages), "the row is free for the next try")
		})
	}
}

func TestATopicFunctionThatDoesNotReturnFailsOneMessage(t *testing.T) {
	t.Parallel()
	for name, breaking := range breaks() {
		if name == "returns a nil pointer" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			messages := rows(3)
			sink := watermillsink.New(publish(func(string, *watermillmessage.Message) error { return nil }), func(m message) string {
				if m.ID == messages[2].ID {
					_ = breaking()
				}
				return "shop"
			})
			failsAlone(t, sink.Send(t.Context(), messages))
		})
	}
}

func TestAClassifyThatDoesNotReturnKnowsNothing(t *testing.T) {
	t.Parallel()
	for name, breaking := range breaks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refused error
			sink := watermillsink.New(publish(func(string, *watermillmessage.Message) error { return refused }), watermillsink.Topic("shop"),
				watermillsink.Classify(func(error) error { return breaking() }))
			refused = errors.New("refused")
			errs := sink.Send(t.Context(), rows(1))
			failsAlone(t, errs)
			require.ErrorIs(t, errs[0], refused)
			assert.ErrorContains(t, errs[0], "Classify", "the error shows that the function is broken")
			refused = context.DeadlineExceeded
			errs = sink.Send(t.Context(), rows(1))
			require.Len(t, errs, 1)
			assert.True(t, outbox.IsUnavailable(errs[0]), "the sink knows the error: %v", errs[0])
		})
	}
}

func TestAnOnPermanentThatEndsItsGoroutineStopsNoRouter(t *testing.T) {
	t.Parallel()
	pubsub := gochannel.NewGoChannel(gochannel.Config{Persistent: true}, nil)
	router, err := watermillmessage.NewRouter(watermillmessage.RouterConfig{}, nil)
	require.NoError(t, err)
	var tries atomic.Int64
	done := make(chan struct{})
	router.AddConsumerHandler("search", "shop", pubsub, watermillsink.Handler(func(context.Context, message) error {
		return outbox.Permanent(errors.New("not this one"))
	}, watermillsink.OnPermanent(func(*watermillmessage.Message, error) error {
		if tries.Add(1) == 1 {
			runtime.Goexit()
		}
		close(done)
		return nil
	})))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- router.Run(ctx) }()
	require.Nil(t, watermillsink.New(pubsub, watermillsink.Topic("shop")).Send(ctx, []message{row(7, 1)}))
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		assert.Fail(t, "the message does not come again")
	}
	cancel()
	require.NoError(t, <-ran)
}
