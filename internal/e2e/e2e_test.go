package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/natsjs"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

func TestNothingIsLostOrInventedOrDoubledOverKillsOnSQLite(t *testing.T) {
	t.Parallel()
	endToEnd(t, "sqlite", 3000)
}

func TestNothingIsLostOrInventedOrDoubledOverKillsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	endToEnd(t, "postgres", 1000)
}

func TestNothingIsLostOrInventedOrDoubledOverKillsOnMariaDB(t *testing.T) {
	t.Parallel()
	endToEnd(t, "mariadb", 1000)
}

// number returns the number in an environment variable, or a default if it is not set.
func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 32)
	require.NoError(t, err, variable)
	return n
}

// endToEnd runs the whole test on one kind of database.
func endToEnd(t *testing.T, kind string, changes uint64) {
	t.Helper()
	n := int(number(t, "SIGNALS_E2E_CHANGES", changes))
	seed := number(t, "SIGNALS_E2E_SEED", uint64(rand.Uint32()))
	t.Logf("SIGNALS_E2E_SEED=%d", seed)
	dir := t.TempDir()
	w := &world{company: newCompany(t, settings{
		Kind: kind, DSN: newDatabase(t, kind), Consumer: filepath.Join(dir, "consumer.db"), Broker: filepath.Join(dir, "broker"),
		Port: freePort(t), Inbox: os.Getenv("SIGNALS_E2E_INBOX") != "off", Changes: n, Undone: n / 10, Atleast: 10 * time.Second, Seed: seed,
	}), rand: rand.New(rand.NewPCG(seed, 0))}
	ctx, cancel := context.WithDeadline(t.Context(), deadline(t))
	defer cancel()
	started := time.Now()
	w.open(ctx)
	w.startAll(ctx)
	w.killUntilWritten(ctx)
	w.killMore(ctx, 6)
	redelivered := w.drain(ctx)
	w.judge(redelivered, time.Since(started))
}

// deadline returns the end of the test, less some time to clean up.
func deadline(t *testing.T) time.Time {
	t.Helper()
	if d, ok := t.Deadline(); ok {
		return d.Add(-20 * time.Second)
	}
	return time.Now().Add(time.Hour)
}

// freePort returns a free port below those that the system gives to connections, because the broker must get the same port again.
func freePort(t *testing.T) int {
	t.Helper()
	var lc net.ListenConfig
	for range 100 {
		port := 20_000 + rand.IntN(10_000)
		listener, err := lc.Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// world holds the children and their databases, as the test sees them.
type world struct {
	*company

	rand     *rand.Rand
	db       *gorm.DB
	ob       *outbox.Outbox
	consumer *gorm.DB
}

func (w *world) open(ctx context.Context) {
	w.t.Helper()
	var err error
	w.db, w.ob, err = openWriterDB(w.settings)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { closeDB(w.t, w.db) })
	w.consumer, err = openConsumerDB(w.settings)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { closeDB(w.t, w.consumer) })
	require.NoError(w.t, migrate(ctx, w.db, w.ob, w.consumer))
}

func (w *world) startAll(ctx context.Context) {
	w.t.Helper()
	first := w.start("broker")
	select {
	case <-first.ready:
	case <-first.ended:
		require.FailNow(w.t, "the broker has ended", "%v", first.err)
	case <-ctx.Done():
		require.FailNow(w.t, "the broker does not start in time")
	}
	for role := range roles() {
		if role != "broker" {
			w.start(role)
		}
	}
}

// killUntilWritten kills children until the writer has done its work.
func (w *world) killUntilWritten(ctx context.Context) {
	w.t.Helper()
	for !w.finished() {
		w.killSome(ctx)
	}
}

// finished reports whether the writer has done its work.
func (w *world) finished() bool {
	p := w.running["writer"]
	return p.hasEnded() && p.err == nil
}

// killMore kills children while the remaining events are handled.
func (w *world) killMore(ctx context.Context, n int) {
	w.t.Helper()
	for range n {
		w.killSome(ctx)
	}
}

// killSome waits a while, kills one or two children, and starts them again a little later.
func (w *world) killSome(ctx context.Context) {
	w.t.Helper()
	w.pass(ctx, time.Duration(w.rand.IntN(1500))*time.Millisecond)
	w.revive()
	names := make([]string, 0, len(w.running))
	for role := range w.running {
		names = append(names, role)
	}
	slices.Sort(names) // the seed decides, and not the order of a map
	w.rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:1+w.rand.IntN(4)/3]
	names = slices.DeleteFunc(names, func(role string) bool { return !w.kill(role) })
	w.pass(ctx, time.Duration(w.rand.IntN(300))*time.Millisecond)
	for _, role := range names {
		w.start(role)
	}
}

// pass waits for a while.
func (w *world) pass(ctx context.Context, d time.Duration) {
	w.t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		require.FailNow(w.t, "out of time")
	}
}

// drain waits until all events are handled, and returns how many deliveries of the broker were repeated.
func (w *world) drain(ctx context.Context) (redelivered uint64) {
	w.t.Helper()
	nc, err := natsjs.Connect(w.settings.url())
	require.NoError(w.t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(w.t, err)
	var state string
	for quiet := false; !quiet; {
		w.revive()
		quiet, redelivered, state = w.quiet(ctx, js)
		if ctx.Err() != nil {
			require.FailNow(w.t, "something is still on its way", state)
		}
		w.pass(ctx, 100*time.Millisecond)
	}
	return redelivered
}

// quiet reports whether the outbox is empty and the consumer has acknowledged everything.
func (w *world) quiet(ctx context.Context, js jetstream.JetStream) (quiet bool, redelivered uint64, state string) {
	lags, err := w.ob.Lag(ctx)
	if err != nil {
		return false, 0, err.Error()
	}
	for _, lag := range lags {
		if lag.Pending > 0 {
			return false, 0, fmt.Sprintf("outbox: %+v", lag)
		}
	}
	consumer, err := js.Consumer(ctx, stream, consumerName)
	if err != nil {
		return false, 0, err.Error()
	}
	info := consumer.CachedInfo()
	state = fmt.Sprintf("consumer: %d not delivered, %d not acknowledged", info.NumPending, info.NumAckPending)
	return info.NumPending == 0 && info.NumAckPending == 0, info.Delivered.Consumer - info.Delivered.Stream, state
}

// judge compares the committed changes with the handled events.
func (w *world) judge(redelivered uint64, took time.Duration) {
	w.t.Helper()
	var ledger []entry
	require.NoError(w.t, w.db.Order("id").Find(&ledger).Error)
	var back int
	require.NoError(w.t, w.db.Model(&undone{}).Select("COALESCE(SUM(count), 0)").Scan(&back).Error)
	var effects []handled
	require.NoError(w.t, w.consumer.Order("id").Find(&effects).Error)
	var once, placed, noticed []handled
	require.NoError(w.t, w.db.Model(&effect{}).Order("id").Find(&once).Error)
	require.NoError(w.t, w.db.Model(&placement{}).Order("id").Find(&placed).Error)
	require.NoError(w.t, w.db.Model(&notice{}).Order("id").Find(&noticed).Error)
	dead, err := w.ob.Dead(context.Background())
	require.NoError(w.t, err)
	v, inTx := compare(ledger, effects), compare(ledger, once)
	business, onLane := compare(ledger, placed), compare(ledger, noticed)
	for name, v := range map[string]verdict{"in transactions": inTx, "events of the business": business, "on a lane, which a kill empties": onLane} {
		w.t.Logf("%s: %s: %d missing, %d phantom, %d handled twice, %d backwards; killed: workers %d", w.settings.Kind, name,
			len(v.missing), len(v.phantom), len(v.twice), len(v.backwards), w.kills["workers"])
	}
	onLane.missing = nil // waiting calls died with their process
	w.t.Logf("%s: %d changes committed, %d rolled back; %d missing, %d phantom, %d handled twice, %d backwards; "+
		"killed: writer %d, relays %d, broker %d, consumer %d; delivered once more: %d; %.1f s",
		w.settings.Kind, len(ledger), back, len(v.missing), len(v.phantom), len(v.twice), len(v.backwards),
		w.kills["writer"], w.kills["relay"]+w.kills["other relay"], w.kills["broker"], w.kills["consumer"], redelivered, took.Seconds())
	assert.GreaterOrEqual(w.t, len(ledger), w.settings.Changes)
	assert.GreaterOrEqual(w.t, back, w.settings.Undone)
	assert.Empty(w.t, dead)
	v.check(w.t)
	inTx.check(w.t)
	business.check(w.t)
	onLane.check(w.t)
}
