package natsjs_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

// dial connects to the server of SIGNALS_TEST_NATS_URL, which may be of an older version, and creates a stream for the test there.
func dial(t *testing.T) (nc *nats.Conn, stream string) {
	t.Helper()
	url := cmp.Or(os.Getenv("SIGNALS_TEST_NATS_URL"), "nats://127.0.0.1:4222")
	nc, err := nats.Connect(url, nats.Timeout(patience))
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("no NATS server at %s: %v", url, err)
	}
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	t.Logf("nats-server %s", nc.ConnectedServerVersion())
	stream = fmt.Sprintf("SIGNALS_TEST_%d", time.Now().UnixNano())
	require.NoError(t, natsjs.EnsureStream(t.Context(), nc, jetstream.StreamConfig{Name: stream}))
	t.Cleanup(func() {
		js, err := jetstream.New(nc)
		if assert.NoError(t, err) {
			assert.NoError(t, js.DeleteStream(context.Background(), stream))
		}
	})
	return nc, stream
}

func TestASeparateServerWorksAlsoAnOlderOne(t *testing.T) {
	t.Parallel()
	nc, stream := dial(t)
	require.NoError(t, natsjs.EnsureStream(t.Context(), nc, jetstream.StreamConfig{Name: stream, MaxAge: time.Hour}))
	sink, err := natsjs.NewSink(nc, stream)
	require.NoError(t, err)
	send(t, sink, event("a", 1), event("a", 1), event("bad", 1), event("a", 2))
	require.NoError(t, nc.Publish(stream+".com.acme.products.else", []byte("no event")))

	js, err := jetstream.New(nc)
	require.NoError(t, err)
	c, err := js.CreateOrUpdateConsumer(t.Context(), stream, jetstream.ConsumerConfig{
		Durable: "search", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Second, MaxDeliver: -1,
	})
	require.NoError(t, err)
	lost, err := c.Fetch(1) // its consumer never answers
	require.NoError(t, err)
	for range lost.Messages() {
		continue
	}

	terminated, err := nc.SubscribeSync("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED." + stream + ".search")
	require.NoError(t, err)
	var done trace
	var dead atomic.Int32
	sub := natsjs.Subscriber(nc, stream, natsjs.Durable("search"), natsjs.AckWait(time.Second),
		natsjs.OnDead(func(context.Context, outbox.Message, error) { dead.Add(1) }))
	handle := func(_ context.Context, m outbox.Message) error {
		if m.Subject == "products/bad" {
			return outbox.Permanent(errTest)
		}
		done.add(m)
		return nil
	}
	sub.Handle("com.acme.products.*.v1", handle)
	sub.Handle("com.acme.orders.*.v1", handle) // now there are two filters, and version 2.9 must not skip messages
	stop := start(t, sub)
	assert.Equal(t, []string{"a-1", "a-2"}, done.waitFor(t, 2))
	require.Eventually(t, func() bool {
		now, failure := c.Info(t.Context())
		return failure == nil && now.NumAckPending == 0 && now.NumPending == 0
	}, patience, 20*time.Millisecond, "a parked message must be settled on an older server too")
	stop()
	for range 2 { // the message that fails, and the one that is not an event
		_, err = terminated.NextMsg(patience)
		require.NoError(t, err, "a parked message must not come again")
	}
	assert.GreaterOrEqual(t, dead.Load(), int32(2))
}
