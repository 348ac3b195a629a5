package natsjs_test

import (
	"context"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

func TestAMessageThatComesAgainWhileItIsHandledIsHandledOnce(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	answers, err := nc.SubscribeSync("$JS.ACK.>") // the answers of subscribers
	require.NoError(t, err)
	var done trace
	release := make(chan struct{})
	sub := subscriber(nc, natsjs.AckWait(300*time.Millisecond))
	sub.Handle("", func(_ context.Context, m outbox.Message) error {
		<-release
		done.add(m)
		return nil
	})
	start(t, sub)
	send(t, sink, event("a", 1))
	progress, err := answers.NextMsg(patience)
	require.NoError(t, err)
	require.NoError(t, nc.Publish(progress.Subject, []byte("-NAK"))) // the server delivers the message again
	require.Eventually(t, func() bool { return info(t, nc).Delivered.Consumer >= 2 }, patience, 10*time.Millisecond)
	close(release)
	settled(t, nc)
	send(t, sink, event("a", 2))
	assert.Equal(t, []string{"a-1", "a-2"}, done.waitFor(t, 2))
}

func TestAServerThatForgetsWhatWasDoneIsToldAgain(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	var done trace
	sub := subscriber(nc)
	sub.Handle("", func(_ context.Context, m outbox.Message) error { done.add(m); return nil })
	start(t, sub)
	send(t, sink, event("a", 1), event("a", 2), event("b", 1))
	done.waitFor(t, 3)
	settled(t, nc)

	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, js.DeleteConsumer(t.Context(), "SIGNALS", "search"))
	settled(t, nc) // all messages came again
	send(t, sink, event("b", 2))
	ids := done.waitFor(t, 4)
	settled(t, nc)
	assert.Equal(t, "b-2", ids[3])
	assert.Len(t, done.seen(), 4)
}
