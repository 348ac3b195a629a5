package natsjs_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/natsembed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

const patience = 30 * time.Second

// broker is a server of one test, which can stop and start again.
type broker struct {
	t   *testing.T
	cfg natsembed.Config
	srv *natsembed.Server
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	b := &broker{t: t, cfg: natsembed.Config{Dir: t.TempDir()}}
	b.start()
	t.Cleanup(b.stop)
	u, err := url.Parse(b.srv.URL())
	require.NoError(t, err)
	b.cfg.Port, err = strconv.Atoi(u.Port())
	require.NoError(t, err)
	return b
}

func (b *broker) start() {
	b.t.Helper()
	srv, err := natsembed.Start(b.cfg)
	require.NoError(b.t, err)
	b.srv = srv
}

func (b *broker) stop() { assert.NoError(b.t, b.srv.Close()) }

// connect connects as another process would.
func (b *broker) connect() *nats.Conn {
	b.t.Helper()
	nc, err := natsjs.Connect(b.srv.URL())
	require.NoError(b.t, err)
	b.t.Cleanup(nc.Close)
	return nc
}

// stream makes the stream SIGNALS and a sink into it.
func (b *broker) stream() (*nats.Conn, *natsjs.Sink) {
	b.t.Helper()
	nc := b.connect()
	require.NoError(b.t, natsjs.EnsureStream(b.t.Context(), nc, jetstream.StreamConfig{Name: "SIGNALS"}))
	sink, err := natsjs.NewSink(nc, "SIGNALS")
	require.NoError(b.t, err)
	return nc, sink
}

// event is the n-th event of a row.
func event(row string, n int) outbox.Message {
	return outbox.Message{
		ID:          fmt.Sprintf("%s-%d", row, n),
		Source:      "/shop",
		Type:        "com.acme.products.updated.v1",
		Subject:     outbox.Subject("products", row),
		Time:        time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
		ContentType: "application/json",
		Sequence:    uint64(n),
		Data:        fmt.Appendf(nil, `{"n":%d}`, n),
	}
}

// send stores messages one after the other.
func send(t *testing.T, sink outbox.Sink, messages ...outbox.Message) {
	t.Helper()
	for _, m := range messages {
		require.Empty(t, sink.Send(t.Context(), []outbox.Message{m}))
	}
}

// info returns the state of the consumer "search" on the server.
func info(t *testing.T, nc *nats.Conn) *jetstream.ConsumerInfo {
	t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	c, err := js.Consumer(t.Context(), "SIGNALS", "search")
	require.NoError(t, err)
	return c.CachedInfo()
}

// settled waits until the consumer has no open messages.
func settled(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		c, err := js.Consumer(t.Context(), "SIGNALS", "search")
		return err == nil && c.CachedInfo().NumAckPending == 0 && c.CachedInfo().NumPending == 0
	}, patience, 20*time.Millisecond, "messages are left")
}

// trace notes the messages that handlers get, in order.
type trace struct {
	mu  sync.Mutex
	ids []string
}

func (tr *trace) add(m outbox.Message) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.ids = append(tr.ids, m.ID)
}

func (tr *trace) seen() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return append([]string(nil), tr.ids...)
}

// waitFor waits until handlers have got a number of messages.
func (tr *trace) waitFor(t *testing.T, n int) []string {
	t.Helper()
	require.Eventually(t, func() bool { return len(tr.seen()) >= n }, patience, 5*time.Millisecond)
	return tr.seen()
}

// subscriber returns a subscriber that does not log, with short pauses between tries.
func subscriber(nc *nats.Conn, opts ...natsjs.Option) *natsjs.Sub {
	all := []natsjs.Option{
		natsjs.Durable("search"),
		natsjs.Logger(slog.New(slog.DiscardHandler)),
		natsjs.AckWait(time.Second),
		natsjs.Backoff(func(int) time.Duration { return 10 * time.Millisecond }),
	}
	return natsjs.Subscriber(nc, "SIGNALS", append(all, opts...)...)
}

// start runs a subscriber. stop ends it and checks that Run returned nil; the end of the test calls it at the latest.
func start(t *testing.T, sub outbox.Subscriber) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sub.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			assert.NoError(t, err)
		case <-time.After(patience):
			assert.Fail(t, "Run did not end with its context")
		}
	})
	t.Cleanup(stop)
	return stop
}

// openDB opens a database of the test's own.
func openDB(t *testing.T) *gorm.DB {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "consumer.db") + "?_txlock=immediate&_busy_timeout=10000&_journal_mode=WAL"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, pool.Close()) })
	return db
}
