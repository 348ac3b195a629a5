package watermillsink_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ThreeDotsLabs/watermill"
	watermillmessage "github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/watermillsink"
)

// published returns the message that is sent for an event.
func published(t *testing.T, m message, opts ...watermillsink.Option) *watermillmessage.Message {
	t.Helper()
	var out *watermillmessage.Message
	keep := publish(func(_ string, m *watermillmessage.Message) error { out = m; return nil })
	sink := watermillsink.New(keep, watermillsink.Topic("shop"), opts...)
	require.Nil(t, sink.Send(t.Context(), []message{m}))
	return out
}

func TestAMessageIsReadBackAsItWasSent(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"ce_", "ce-", "cloudevents:"} {
		sent := row(7, 42)
		out := published(t, sent, watermillsink.Prefix(prefix))
		assert.Equal(t, sent.ID, out.UUID)
		assert.Equal(t, "application/json", out.Metadata.Get("content-type"))
		assert.Equal(t, sent.Type, out.Metadata.Get(prefix+"type"))
		came, err := watermillsink.Message(out, watermillsink.Prefix(prefix))
		require.NoError(t, err)
		assert.Equal(t, sent, came)
	}
	assert.Contains(t, published(t, row(7, 42)).Metadata, "ce_id", "the prefix of Kafka is the default")
}

func TestHeadersAreReadInAnyCase(t *testing.T) {
	t.Parallel()
	out := published(t, row(7, 42))
	upper := watermillmessage.NewMessage(out.UUID, out.Payload)
	for name, value := range out.Metadata {
		upper.Metadata.Set(strings.ToUpper(name), value)
	}
	came, err := watermillsink.Message(upper)
	require.NoError(t, err)
	assert.Equal(t, row(7, 42), came)
}

func TestAMessageOfOthersIsPermanent(t *testing.T) {
	t.Parallel()
	_, err := watermillsink.Message(watermillmessage.NewMessage("u", []byte("hello")))
	require.Error(t, err)
	assert.True(t, outbox.IsPermanent(err), err)
	_, err = watermillsink.Message(published(t, row(1, 1)), watermillsink.Prefix("ce-"))
	assert.True(t, outbox.IsPermanent(err), err)
}

func TestThePartitionKeyIsTheRow(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"ce_", "ce-"} {
		key, err := watermillsink.PartitionKey("shop", published(t, row(7, 1), watermillsink.Prefix(prefix)))
		require.NoError(t, err)
		assert.Equal(t, "products/7", key)
	}
	_, err := watermillsink.PartitionKey("shop", watermillmessage.NewMessage("u", nil))
	assert.ErrorContains(t, err, "partitionkey")
}

func TestAHandlerSaysWhatBecomesOfAMessage(t *testing.T) {
	t.Parallel()
	failed, never := errors.New("try again"), outbox.Permanent(errors.New("never"))
	stranger := watermillmessage.NewMessage("u", nil)
	for name, tc := range map[string]struct {
		received *watermillmessage.Message
		handled  error
		comes    bool
	}{
		"handled":               {published(t, row(1, 1)), nil, false},
		"failed":                {published(t, row(1, 1)), failed, true},
		"failed for good":       {published(t, row(1, 1)), never, false},
		"not sent by an outbox": {stranger, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var gave error
			handle := watermillsink.Handler(func(_ context.Context, m message) error {
				assert.Equal(t, row(1, 1), m)
				return tc.handled
			}, watermillsink.OnPermanent(func(received *watermillmessage.Message, err error) error {
				assert.Same(t, tc.received, received)
				gave = err
				return nil
			}))
			err := handle(tc.received)
			if tc.comes {
				require.ErrorIs(t, err, failed)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.handled != nil || tc.received == stranger, outbox.IsPermanent(gave), gave)
		})
	}
}

func TestOnPermanentMayGiveTheErrorToTheRouter(t *testing.T) {
	t.Parallel()
	handle := watermillsink.Handler(func(context.Context, message) error { return nil },
		watermillsink.OnPermanent(func(_ *watermillmessage.Message, err error) error { return err }))
	err := handle(watermillmessage.NewMessage("u", nil))
	assert.True(t, outbox.IsPermanent(err), "as PoisonQueueWithFilter(..., outbox.IsPermanent) wants it")
	assert.Panics(t, func() { watermillsink.Handler(nil) })
}

func TestAMessageThatFailedComesAgainInARouter(t *testing.T) {
	t.Parallel()
	pubsub := gochannel.NewGoChannel(gochannel.Config{Persistent: true}, watermill.NopLogger{})
	router, err := watermillmessage.NewRouter(watermillmessage.RouterConfig{}, watermill.NopLogger{})
	require.NoError(t, err)
	var tries atomic.Int64
	done := make(chan message)
	router.AddConsumerHandler("search", "shop", pubsub, watermillsink.Handler(func(_ context.Context, m message) error {
		if tries.Add(1) < 3 {
			return errors.New("try again")
		}
		done <- m
		return nil
	}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- router.Run(ctx) }()
	require.Nil(t, watermillsink.New(pubsub, watermillsink.Topic("shop")).Send(ctx, []message{row(7, 1)}))
	assert.Equal(t, row(7, 1), <-done)
	assert.EqualValues(t, 3, tries.Load())
	cancel()
	require.NoError(t, <-ran)
}

func TestAMessageWhoseHandlerEndsItsGoroutineComesAgainInARouter(t *testing.T) {
	t.Parallel()
	pubsub := gochannel.NewGoChannel(gochannel.Config{Persistent: true}, watermill.NopLogger{})
	router, err := watermillmessage.NewRouter(watermillmessage.RouterConfig{}, watermill.NopLogger{})
	require.NoError(t, err)
	var tries atomic.Int64
	done := make(chan message)
	router.AddConsumerHandler("search", "shop", pubsub, watermillsink.Handler(func(_ context.Context, m message) error {
		if tries.Add(1) < 3 {
			runtime.Goexit()
		}
		done <- m
		return nil
	}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- router.Run(ctx) }()
	require.Nil(t, watermillsink.New(pubsub, watermillsink.Topic("shop")).Send(ctx, []message{row(7, 1)}))
	assert.Equal(t, row(7, 1), <-done)
	cancel()
	require.NoError(t, <-ran)
}
