package natsjs_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

// crashed is a consumer of the durable that has received messages and died, some time after the last of them.
func (b *broker) crashed(ackWait time.Duration, n int, meanwhile func(got []jetstream.Msg)) {
	b.t.Helper()
	nc := b.connect()
	js, err := jetstream.New(nc)
	require.NoError(b.t, err)
	c, err := js.CreateOrUpdateConsumer(b.t.Context(), "SIGNALS", jetstream.ConsumerConfig{
		Durable: "search", AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxDeliver: -1,
	})
	require.NoError(b.t, err)
	batch, err := c.Fetch(n)
	require.NoError(b.t, err)
	var got []jetstream.Msg
	for m := range batch.Messages() {
		got = append(got, m)
	}
	require.Len(b.t, got, n)
	meanwhile(got)
	require.NoError(b.t, nc.Flush())
	nc.Close()
}

func TestARestartAfterACrashKeepsTheOrderOfARow(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	nc, sink := b.stream()
	send(t, sink, event("a", 1), event("a", 2), event("b", 1), event("a", 3))
	b.crashed(time.Second, 4, func(got []jetstream.Msg) { require.NoError(t, got[0].Ack()) })
	send(t, sink, event("a", 4), event("b", 2)) // the server delivers these at once, and the others only after AckWait

	var done trace
	done.add(event("a", 1))
	sub := subscriber(nc)
	sub.Handle("", func(_ context.Context, m outbox.Message) error { done.add(m); return nil })
	start(t, sub)
	ids := done.waitFor(t, 6)
	settled(t, nc)
	assert.Equal(t, []string{"a-1", "a-2", "a-3", "a-4"}, only(ids, 'a'))
	assert.Equal(t, []string{"b-1", "b-2"}, only(ids, 'b'))
}

// only returns the events of a row.
func only(ids []string, row byte) (own []string) {
	for _, id := range ids {
		if id[0] == row {
			own = append(own, id)
		}
	}
	return own
}

func TestARestartSortsWhatComesAgainInAnotherOrder(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	nc, sink := b.stream()
	send(t, sink, event("a", 1), event("a", 2), event("a", 3))
	b.crashed(time.Second, 3, func(got []jetstream.Msg) {
		pause, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
		defer cancel()
		<-pause.Done()
		require.NoError(t, got[0].InProgress()) // so the first message is delivered last
	})

	var done trace
	sub := subscriber(nc)
	sub.Handle("", func(_ context.Context, m outbox.Message) error { done.add(m); return nil })
	start(t, sub)
	assert.Equal(t, []string{"a-1", "a-2", "a-3"}, done.waitFor(t, 3))
}

func TestAMessageThatIsLostOnTheWayIsNotOvertaken(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	nc, sink := b.stream()
	var done trace
	sub := subscriber(nc)
	sub.Handle("", func(_ context.Context, m outbox.Message) error { done.add(m); return nil })
	start(t, sub)
	send(t, sink, event("0", 1))
	done.waitFor(t, 1)

	// Another consumer of the durable asks for a message and dies with it, as with a cut connection.
	thief := b.connect()
	js, err := jetstream.New(thief)
	require.NoError(t, err)
	c, err := js.Consumer(t.Context(), "SIGNALS", "search")
	require.NoError(t, err)
	batch, err := c.Fetch(1, jetstream.FetchMaxWait(patience))
	require.NoError(t, err)
	var stolen jetstream.Msg
	row := 0
	for stolen == nil {
		row++
		send(t, sink, event(fmt.Sprint(row), 1))
		select {
		case stolen = <-batch.Messages():
		case <-time.After(10 * time.Millisecond):
		}
	}
	thief.Close()
	victim := stolen.Headers().Get("Nats-Msg-Id")
	send(t, sink, event(victim[:len(victim)-2], 2))

	ids := done.waitFor(t, row+2)
	later := victim[:len(victim)-1] + "2"
	ids = slices.DeleteFunc(ids, func(id string) bool { return id != victim && id != later }) // other rows are handled at once
	assert.Equal(t, []string{victim, later}, ids)
	settled(t, nc)
}

func TestWithAnInboxAMessageThatComesAgainHasItsEffectOnce(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	db := openDB(t)
	type effect struct{ ID string }
	require.NoError(t, db.AutoMigrate(&effect{}))
	var calls trace
	build := func() *natsjs.Sub {
		sub := subscriber(nc, natsjs.Inbox(db), natsjs.Concurrency(1))
		outbox.On(sub, func(_ context.Context, e outbox.Event[struct{}]) error {
			calls.add(e.Message)
			if err := e.DB().Create(&effect{e.ID}).Error; err != nil {
				return err
			}
			if len(calls.seen()) == 1 {
				return errTest // the transaction is rolled back
			}
			return nil
		})
		return sub
	}
	require.NoError(t, build().Migrate(t.Context()))
	stop := start(t, build())
	send(t, sink, event("a", 1), event("a", 2), event("b", 1))
	calls.waitFor(t, 4)
	settled(t, nc)
	stop()

	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, js.DeleteConsumer(t.Context(), "SIGNALS", "search")) // the server forgets which messages were handled
	start(t, build())
	send(t, sink, event("b", 2))
	calls.waitFor(t, 5)
	settled(t, nc)
	var effects []string
	require.NoError(t, db.Model(&effect{}).Order("id").Pluck("id", &effects).Error)
	assert.Equal(t, []string{"a-1", "a-2", "b-1", "b-2"}, effects)
	assert.Len(t, calls.seen(), 5)
}

func TestMigrateWithoutAnInboxDoesNothing(t *testing.T) {
	t.Parallel()
	require.NoError(t, subscriber(newBroker(t).connect()).Migrate(t.Context()))
}

func TestRunEndsWithItsContextAfterRunningHandlers(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	var done trace
	begun, release := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(begun) })
	// Within the time of this test, only messages that were given back come again.
	sub := subscriber(nc, natsjs.Concurrency(1), natsjs.AckWait(10*time.Minute))
	sub.Handle("", func(ctx context.Context, m outbox.Message) error {
		once()
		<-release
		done.add(m)
		return ctx.Err()
	})
	stop := start(t, sub)
	for n := 1; n <= 5; n++ {
		send(t, sink, event("a", n), event("b", n))
	}
	<-begun
	ended := make(chan struct{})
	go func() { stop(); close(ended) }()
	require.Eventually(t, func() bool { return nc.NumSubscriptions() < 3 }, patience, time.Millisecond) // it has stopped to receive
	select {
	case <-ended:
		require.Fail(t, "Run returned before its handler")
	default:
	}
	close(release)
	<-ended
	first := done.seen()
	assert.Len(t, first, 1, "no handler may begin after the end")

	start(t, sub)
	ids := done.waitFor(t, 10)
	inOrder(t, ids, 2, 5)
}

func TestHandlersThatOutlastGraceAreAbandonedAndTheirMessageComesAgain(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	var done trace
	begun := make(chan struct{}, 1)
	sub := subscriber(nc, natsjs.Grace(50*time.Millisecond), natsjs.MaxTries(1))
	sub.Handle("", func(ctx context.Context, m outbox.Message) error {
		done.add(m)
		if len(done.seen()) == 1 {
			begun <- struct{}{}
			<-ctx.Done()
		}
		return ctx.Err()
	})
	stop := start(t, sub)
	send(t, sink, event("a", 1))
	<-begun
	stop()
	start(t, sub)
	assert.Equal(t, []string{"a-1", "a-1"}, done.waitFor(t, 2))
	settled(t, nc)
}

func TestASubscriberOutlivesThatItsBrokerGoesAway(t *testing.T) {
	t.Parallel()
	const rows, events = 5, 30
	b := newBroker(t)
	_, sink := b.stream()
	var done trace
	var failed sync.Map
	sub := subscriber(b.connect())
	sub.Handle("", func(_ context.Context, m outbox.Message) error {
		if _, again := failed.LoadOrStore(m.ID, true); !again && m.Sequence%5 == 0 {
			return errTest
		}
		done.add(m)
		return nil
	})
	start(t, sub)
	for n := 1; n <= events; n++ {
		for row := range rows {
			e := event(fmt.Sprint(row), n)
			require.Eventually(t, func() bool { return sink.Send(t.Context(), []outbox.Message{e}) == nil }, patience, 10*time.Millisecond)
		}
		if n%10 == 0 {
			b.stop()
			b.start()
		}
	}
	inOrder(t, done.waitFor(t, rows*events), rows, events)
}

func TestASubscriberWaitsForAStreamThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	var done trace
	sub := subscriber(b.connect())
	sub.Handle("", func(_ context.Context, m outbox.Message) error { done.add(m); return nil })
	start(t, sub)
	_, sink := b.stream()
	send(t, sink, event("a", 1))
	done.waitFor(t, 1)
}
