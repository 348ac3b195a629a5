package natsjs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

var errTest = errors.New("no luck")

// inOrder checks that all events of each row came once, in their order.
func inOrder(t *testing.T, ids []string, rows, events int) {
	t.Helper()
	next := map[string]int{}
	for _, id := range ids {
		row, _, _ := strings.Cut(id, "-")
		next[row]++
		require.Equal(t, fmt.Sprintf("%s-%d", row, next[row]), id, "in %v", ids)
	}
	require.Len(t, next, rows)
	require.Len(t, ids, rows*events)
}

func TestEventsOfARowComeInOrderAlsoWhenSomeFail(t *testing.T) {
	t.Parallel()
	const rows, events = 20, 15
	nc, sink := newBroker(t).stream()
	var done trace
	var failed sync.Map
	sub := subscriber(nc)
	outbox.On(sub, func(_ context.Context, e outbox.Event[struct{ N int }]) error {
		if _, again := failed.LoadOrStore(e.ID, true); !again && e.Payload.N%4 == 1 {
			return errTest
		}
		done.add(e.Message)
		return nil
	})
	start(t, sub)
	for n := 1; n <= events; n++ {
		var batch []outbox.Message
		for row := range rows {
			batch = append(batch, event(fmt.Sprint(row), n))
		}
		require.Empty(t, sink.Send(t.Context(), batch))
	}
	inOrder(t, done.waitFor(t, rows*events), rows, events)
	settled(t, nc)
}

func TestAFailingRowWaitsInPlaceAndOthersGoOn(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	var done trace
	var mended atomic.Bool
	sub := subscriber(nc, natsjs.MaxTries(1_000_000), natsjs.Concurrency(1))
	sub.Handle("", func(_ context.Context, m outbox.Message) error {
		if m.ID == "a-1" && !mended.Load() {
			return errTest
		}
		done.add(m)
		return nil
	})
	start(t, sub)
	send(t, sink, event("a", 1), event("a", 2))
	for n := 1; n <= 50; n++ {
		send(t, sink, event("b", n))
	}
	ids := done.waitFor(t, 50)
	assert.NotContains(t, ids, "a-2", "a later event must not overtake a failing one of its row")
	mended.Store(true)
	ids = done.waitFor(t, 52)
	assert.Equal(t, []string{"a-1", "a-2"}, ids[50:])
	settled(t, nc)
}

func TestAMessageThatFailsTooOftenIsParkedAndItsRowGoesOn(t *testing.T) {
	t.Parallel()
	for _, permanent := range []bool{false, true} {
		nc, sink := newBroker(t).stream()
		var done, dead, tries trace
		sub := subscriber(nc, natsjs.MaxTries(3), natsjs.OnDead(func(_ context.Context, m outbox.Message, err error) {
			assert.ErrorIs(t, err, errTest)
			dead.add(m)
			panic("OnDead must not end anything")
		}))
		sub.Handle("", func(_ context.Context, m outbox.Message) error {
			if m.Sequence > 1 {
				done.add(m)
				return nil
			}
			tries.add(m)
			if permanent {
				return outbox.Permanent(errTest)
			}
			return errTest
		})
		stop := start(t, sub)
		send(t, sink, event("a", 1), event("a", 2))
		done.waitFor(t, 1)
		assert.Equal(t, []string{"a-1"}, dead.seen())
		assert.Len(t, tries.seen(), map[bool]int{false: 3, true: 1}[permanent])
		settled(t, nc)
		stop()

		start(t, sub)
		send(t, sink, event("a", 3))
		done.waitFor(t, 2)
		assert.Len(t, dead.seen(), 1, "a parked message must not come again")
	}
}

func TestAMessageThatIsNoEventIsParked(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	var done trace
	dead := make(chan outbox.Message, 1)
	sub := subscriber(nc, natsjs.OnDead(func(_ context.Context, m outbox.Message, err error) {
		assert.True(t, outbox.IsPermanent(err))
		dead <- m
	}))
	sub.Handle("", func(_ context.Context, m outbox.Message) error { done.add(m); return nil })
	start(t, sub)
	require.NoError(t, nc.Publish("SIGNALS.else", []byte("hello")))
	send(t, sink, event("a", 1))
	done.waitFor(t, 1)
	assert.Equal(t, outbox.Message{Data: []byte("hello")}, <-dead)
	settled(t, nc)
}

func TestAMessageThatNobodyHandlesIsDone(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	var done trace
	sub := subscriber(nc, natsjs.Filter("SIGNALS.>"))
	sub.Handle("com.acme.products.*.v1", func(_ context.Context, m outbox.Message) error { done.add(m); return nil })
	start(t, sub)
	other := event("a", 1)
	other.Type = "com.acme.orders.created.v1"
	send(t, sink, other, event("a", 2))
	assert.Equal(t, []string{"a-2"}, done.waitFor(t, 1))
	settled(t, nc)
}

func TestTheServerDeliversOnlyWhatHandlersName(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	var done trace
	sub := subscriber(nc)
	add := func(_ context.Context, m outbox.Message) error { done.add(m); return nil }
	sub.Handle("com.acme.products.*.v1", add)
	sub.Handle("com.acme.orders.created.v1", add)
	start(t, sub)
	order, user := event("o", 1), event("u", 1)
	order.Type, user.Type = "com.acme.orders.created.v1", "com.acme.users.created.v1"
	send(t, sink, user, order, event("a", 1))
	assert.ElementsMatch(t, []string{"o-1", "a-1"}, done.waitFor(t, 2))
	settled(t, nc)
	got := info(t, nc)
	assert.Equal(t, []string{"SIGNALS.com.acme.orders.created.v1", "SIGNALS.com.acme.products.>"}, got.Config.FilterSubjects)
	assert.EqualValues(t, 2, got.Delivered.Consumer)
}

func TestAllHandlersOfAMessageRunInTheirOrderAndAgainWhenOneFails(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	var calls trace
	sub := subscriber(nc)
	for _, name := range []string{"1", "2"} {
		sub.Handle("", func(_ context.Context, m outbox.Message) error {
			calls.add(outbox.Message{ID: name})
			if name == "2" && len(calls.seen()) == 2 {
				panic(errTest)
			}
			return nil
		})
	}
	start(t, sub)
	send(t, sink, event("a", 1))
	assert.Equal(t, []string{"1", "2", "1", "2"}, calls.waitFor(t, 4), "a panic must be an error that is tried again")
	settled(t, nc)
}

func TestRowsAreHandledAtOnceUpToConcurrency(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	var running atomic.Int32
	var done trace
	var tooMany atomic.Bool
	full, release := make(chan struct{}), make(chan struct{})
	sub := subscriber(nc, natsjs.Concurrency(3))
	sub.Handle("", func(_ context.Context, m outbox.Message) error {
		n := running.Add(1)
		defer running.Add(-1)
		if n > 3 {
			tooMany.Store(true)
		}
		if n == 3 && done.seen() == nil {
			close(full)
		}
		<-release
		done.add(m)
		return nil
	})
	start(t, sub)
	for row := range 10 {
		send(t, sink, event(fmt.Sprint(row), 1))
	}
	<-full
	close(release)
	done.waitFor(t, 10)
	assert.False(t, tooMany.Load())
}

func TestAHandlerMayTakeLongerThanAckWait(t *testing.T) {
	t.Parallel()
	// If the test machine stands still for most of AckWait, the server rightly delivers again. Then the test tries a longer one.
	for _, ackWait := range []time.Duration{time.Second, 4 * time.Second, 12 * time.Second} {
		if delivered := handledSlowly(t, ackWait); delivered == 2 {
			return
		}
	}
	assert.Fail(t, "the server must not deliver again what is in hand")
}

// handledSlowly handles two messages of a row, each for more than twice AckWait, and returns how many messages the server delivered.
func handledSlowly(t *testing.T, ackWait time.Duration) (delivered uint64) {
	t.Helper()
	nc, sink := newBroker(t).stream()
	var begun, done trace
	sub := subscriber(nc, natsjs.AckWait(ackWait))
	sub.Handle("", func(ctx context.Context, m outbox.Message) error {
		begun.add(m)
		wait, cancel := context.WithTimeout(ctx, ackWait*5/2)
		defer cancel()
		<-wait.Done()
		done.add(m)
		return ctx.Err()
	})
	defer start(t, sub)()
	send(t, sink, event("a", 1), event("a", 2))
	require.Eventually(t, func() bool { return len(done.seen()) == 2 }, patience+5*ackWait, 5*time.Millisecond)
	settled(t, nc)
	assert.Equal(t, []string{"a-1", "a-2"}, begun.seen())
	return info(t, nc).Delivered.Consumer
}

func TestDurablesOfDifferentNamesGetEveryMessage(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	send(t, sink, event("a", 1))
	for _, name := range []string{"search", "mail"} {
		var done trace
		sub := subscriber(nc, natsjs.Durable(name))
		sub.Handle("", func(_ context.Context, m outbox.Message) error { done.add(m); return nil })
		start(t, sub)
		assert.Equal(t, []string{"a-1"}, done.waitFor(t, 1))
	}
}

func TestProcessesOfOneDurableShareTheWork(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	nc, sink := b.stream()
	var done trace
	for range 3 {
		sub := subscriber(b.connect())
		sub.Handle("", func(_ context.Context, m outbox.Message) error { done.add(m); return nil })
		start(t, sub)
	}
	var want []string
	for n := 1; n <= 300; n++ {
		e := event(fmt.Sprint(n%30), n)
		want = append(want, e.ID)
		send(t, sink, e)
	}
	require.Eventually(t, func() bool {
		seen := map[string]bool{}
		for _, id := range done.seen() {
			seen[id] = true
		}
		return len(seen) == len(want)
	}, patience, 20*time.Millisecond)
	assert.Subset(t, want, done.seen())
	settled(t, nc)
}

func TestMistakesOfASubscriberPanicWithACure(t *testing.T) {
	t.Parallel()
	nc := newBroker(t).connect()
	durable := natsjs.Durable("search")
	for cure, build := range map[string]func(){
		"natsjs.Connect":                 func() { natsjs.Subscriber(nil, "SIGNALS", durable) },
		"no name of a stream":            func() { natsjs.Subscriber(nc, "", durable) },
		"natsjs.Durable with a name":     func() { natsjs.Subscriber(nc, "SIGNALS") },
		"without blanks":                 func() { natsjs.Subscriber(nc, "SIGNALS", natsjs.Durable("a.b")) },
		"must be 1 at least":             func() { natsjs.Subscriber(nc, "SIGNALS", durable, natsjs.Concurrency(0)) },
		"InFlight 0":                     func() { natsjs.Subscriber(nc, "SIGNALS", durable, natsjs.InFlight(0)) },
		"a tenth of a second":            func() { natsjs.Subscriber(nc, "SIGNALS", durable, natsjs.AckWait(0)) },
		"leave them out":                 func() { natsjs.Subscriber(nc, "SIGNALS", durable, natsjs.Logger(nil)) },
		"NewInbox needs a database":      func() { natsjs.Subscriber(nc, "SIGNALS", durable, natsjs.Inbox(nil)) },
		"is no pattern":                  func() { subscriber(nc).Handle("[", func(context.Context, outbox.Message) error { return nil }) },
		"the handler is nil":             func() { subscriber(nc).Handle("", nil) },
		"Grace -1ns not negative":        func() { natsjs.Subscriber(nc, "SIGNALS", durable, natsjs.Grace(-1)) },
		"Backoff and Logger must not be": func() { natsjs.Subscriber(nc, "SIGNALS", durable, natsjs.Backoff(nil)) },
	} {
		func() {
			defer func() { assert.Contains(t, fmt.Sprint(recover()), cure) }()
			build()
		}()
	}
}

func TestRunWithoutHandlersOrConnectionIsAnError(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.stream()
	require.ErrorContains(t, subscriber(b.connect()).Run(t.Context()), "call outbox.On or Handle before it")

	nc, err := nats.Connect(b.srv.URL())
	require.NoError(t, err)
	sub := subscriber(nc)
	sub.Handle("", func(context.Context, outbox.Message) error { return nil })
	ended := make(chan error, 1)
	go func() { ended <- sub.Run(t.Context()) }()
	require.Eventually(t, func() bool { return nc.NumSubscriptions() > 1 }, patience, 10*time.Millisecond)
	assert.Panics(t, func() { sub.Handle("", func(context.Context, outbox.Message) error { return nil }) })
	nc.Close()
	require.ErrorContains(t, <-ended, "close it after Run has returned")
}
