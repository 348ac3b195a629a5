package watermillsink_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-redisstream/pkg/redisstream"
	"github.com/gorm-signals/signals/outbox/sinktest"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/watermillsink"
)

var streams atomic.Int64

// redisAddr returns the address of the server and the name of a stream for this test, which is deleted afterwards.
func redisAddr(tb testing.TB) (addr, stream string) {
	tb.Helper()
	addr = os.Getenv("SIGNALS_TEST_REDIS_ADDR")
	if addr == "" {
		addr = "127.0.0.1:6379"
	}
	client := redis.NewClient(&redis.Options{Addr: addr})
	if err := client.Ping(tb.Context()).Err(); err != nil {
		require.NoError(tb, client.Close())
		if os.Getenv("CI") != "" {
			tb.Fatalf("Redis is required: start it, or name another with SIGNALS_TEST_REDIS_ADDR: %v", err)
		}
		tb.Skipf("no Redis: %v", err)
	}
	stream = fmt.Sprintf("signals-test-%d-%d-%d", os.Getpid(), time.Now().UnixNano(), streams.Add(1))
	tb.Cleanup(func() {
		assert.NoError(tb, client.Del(context.WithoutCancel(tb.Context()), stream).Err())
		assert.NoError(tb, client.Close())
	})
	return addr, stream
}

// redisPublisher returns a publisher and closes it after the test.
func redisPublisher(tb testing.TB, addr string) *redisstream.Publisher {
	tb.Helper()
	const patience = 30 * time.Second // for a slow machine; a server that cannot be reached refuses at once
	client := redis.NewClient(&redis.Options{Addr: addr, DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience})
	publisher, err := redisstream.NewPublisher(redisstream.PublisherConfig{Client: client}, watermill.NopLogger{})
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, publisher.Close()) })
	return publisher
}

// redisReceiver returns all messages of a stream, through a subscriber and a client of its own.
func redisReceiver(tb testing.TB, addr, stream string) func(ctx context.Context) (<-chan message, error) {
	tb.Helper()
	return func(ctx context.Context) (<-chan message, error) {
		client := redis.NewClient(&redis.Options{Addr: addr})
		subscriber, err := redisstream.NewSubscriber(redisstream.SubscriberConfig{
			Client: client, FanOutOldestId: "0", BlockTime: 20 * time.Millisecond, DisableIndefiniteInitialBlock: true,
		}, watermill.NopLogger{})
		if err != nil {
			return nil, err
		}
		tb.Cleanup(func() { assert.NoError(tb, subscriber.Close()) })
		return receive(ctx, subscriber, stream)
	}
}

func TestRedisStreamsKeepThePromisesOfASink(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, func(t *testing.T) sinktest.Engine {
		t.Helper()
		addr, stream := redisAddr(t)
		cut := newProxy(t, addr)
		return sinktest.Engine{
			Sink:    watermillsink.New(redisPublisher(t, cut.addr), watermillsink.Topic(stream)),
			Receive: redisReceiver(t, addr, stream),
			Ordered: true,
			Stop:    cut.stop,
			Start:   cut.start,
		}
	})
}
