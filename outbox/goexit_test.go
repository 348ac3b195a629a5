package outbox_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox"
)

// soonAgain is a Backoff that is short enough for tests.
func soonAgain(int) time.Duration { return time.Millisecond }

// apart runs f on a goroutine of its own, which f may end.
func apart(f func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
	}()
	<-ended
}

func TestAReceiverThatEndsItsGoroutineHasFailedAndItsNameGoesOn(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	told := &errs{}
	ob := install(t, db, outbox.Config{Backoff: soonAgain, Poll: 2 * time.Millisecond, MaxTries: 3, ErrorHandler: told.handle})
	h := &heard{}
	var exits atomic.Int32
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Instance.Name == "never" || (e.Instance.Name == "later" && exits.Add(1) < 3) {
			runtime.Goexit()
		}
		h.add("%s", e.Instance.Name)
		return nil
	}, outbox.Durable(ob, "search"))
	running(t, ob.Run)
	for _, name := range []string{"later", "never"} {
		apart(func() { _ = db.Create(&Product{Name: name}).Error })
	}
	require.NoError(t, db.Create(&Product{Name: "after"}).Error)
	soon(t, func() bool {
		dead, err := ob.Dead(t.Context())
		return err == nil && len(dead) == 1 && len(h.lines()) == 2
	}, "one is parked, and the others are handled")
	assert.ElementsMatch(t, []string{"later", "after"}, h.lines())
	dead, err := ob.Dead(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 3, dead[0].Tries)
	assert.Contains(t, dead[0].Error, "runtime.Goexit")
	assert.Contains(t, strings.Join(told.texts(), "\n"), "return an error instead")
}

func TestTheOtherEventsOfACommitAreLeftToRunWhenAReceiverEndsTheGoroutine(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Claim: time.Hour, Backoff: func(int) time.Duration { return time.Hour }})
	h := &heard{}
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Instance.Name == "a" {
			runtime.Goexit()
		}
		h.add("%s", e.Instance.Name)
		return nil
	}, outbox.Durable(ob, "search"))
	apart(func() { _ = db.Create(&[]Product{{Name: "a"}, {Name: "b"}, {Name: "c"}}).Error })
	require.Len(t, entries(t, db), 3, "the write is committed")
	running(t, ob.Run)
	soon(t, func() bool { return len(h.lines()) == 2 }, "no claim holds them up")
	assert.Equal(t, []string{"b", "c"}, h.lines())
}

// ending is a sink whose first call ends its goroutine.
type ending struct {
	memory

	ended atomic.Bool
}

func (s *ending) Send(ctx context.Context, messages []outbox.Message) []error {
	if !s.ended.Swap(true) {
		runtime.Goexit()
	}
	return s.memory.Send(ctx, messages)
}

func TestASinkThatEndsItsGoroutineStopsNoRelay(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	told := &errs{}
	ob := install(t, db, outbox.Config{Backoff: soonAgain, Poll: 2 * time.Millisecond, ErrorHandler: told.handle})
	outbox.Publish[Product](ob)
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	sink := &ending{}
	running(t, ob.Relay(sink).Run)
	soon(t, func() bool { return len(sink.messages()) == 1 }, "it is sent the second time")
	assert.Contains(t, strings.Join(told.texts(), "\n"), "runtime.Goexit")
}

func TestAnInboxRollsBackWhatAHandlerDidThatEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	inbox := outbox.NewInbox(db, "search")
	require.NoError(t, inbox.Migrate(t.Context()))
	m := outbox.Message{ID: "1", Source: "/shop", Subject: "products/1", Sequence: 1}
	handle := func(end bool) {
		assert.NoError(t, inbox.Handle(t.Context(), m, func(ctx context.Context, _ outbox.Message) error {
			err := outbox.InboxTx(ctx).Create(&Product{Name: "effect"}).Error
			if end {
				runtime.Goexit()
			}
			return err
		}))
	}
	apart(func() { handle(true) })
	handle(false)
	var n int64
	require.NoError(t, db.Model(&Product{}).Count(&n).Error)
	assert.EqualValues(t, 1, n)
}

func TestTheDefaultBackoffVaries(t *testing.T) {
	t.Parallel()
	ob := install(t, open(t), outbox.Config{})
	for tries, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 100: 5 * time.Minute} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d := ob.Backoff(tries)
			assert.LessOrEqual(t, d, most)
			assert.Greater(t, d, most/2)
			seen[d] = true
		}
		assert.Greater(t, len(seen), 50)
	}
}
