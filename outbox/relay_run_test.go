package outbox_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

func TestARelayIsWokenByACommit(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Poll: time.Hour}, 0)
	sink := &memory{}
	running(t, ob.Relay(sink).Run)
	for i := range 20 {
		require.NoError(t, db.Create(&Product{Name: fmt.Sprint(i)}).Error)
		soon(t, func() bool { return len(sink.messages()) == i+1 }, "it looks at once")
	}
	require.Error(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Product{Name: "undone"}).Error)
		return errBoom
	}))
	require.NoError(t, db.Create(&Product{Name: "last"}).Error)
	soon(t, func() bool { return len(sink.messages()) == 21 }, "it goes on")
}

func TestARelayFindsWhatAnotherProcessWrites(t *testing.T) {
	t.Parallel()
	dsn := file(t)
	db := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{})
	outbox.Publish[Product](install(t, db, outbox.Config{}))
	other := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{})
	for name, poll := range map[string]time.Duration{"polled": 10 * time.Millisecond, "news": time.Hour} {
		news := make(chan struct{})
		sink := &memory{}
		stop := running(t, install(t, other, outbox.Config{Poll: poll}).Relay(sink, outbox.Wake(news), outbox.Lease(time.Second)).Run)
		require.NoError(t, db.Create(&Product{Name: name}).Error)
		soon(t, func() bool {
			if name == "news" {
				select {
				case news <- struct{}{}:
				default:
				}
			}
			return len(sink.messages()) == 1
		}, name)
		close(news)
		stop()
	}
}

func TestOneRelayWorksAndAnotherTakesOver(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Poll: 5 * time.Millisecond}, 0)
	var sinks [2]memory
	stop := running(t, ob.Relay(&sinks[0], outbox.Lease(time.Minute)).Run)
	require.NoError(t, db.Create(&Product{Name: "first"}).Error)
	soon(t, func() bool { return len(sinks[0].messages()) == 1 }, "the first one works")
	running(t, ob.Relay(&sinks[1], outbox.Lease(time.Minute)).Run)
	for i := range 50 {
		require.NoError(t, db.Create(&Product{Name: fmt.Sprint(i)}).Error)
	}
	soon(t, func() bool { return len(sinks[0].messages()) == 51 }, "the first one works alone")
	assert.Empty(t, sinks[1].messages())
	stop()
	require.NoError(t, db.Create(&Product{Name: "last"}).Error)
	soon(t, func() bool { return len(sinks[1].messages()) == 1 }, "the other one takes over")
}

func TestARelayTakesOverFromOneThatDied(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Poll: time.Hour}, 1)
	require.NoError(t, db.Exec("INSERT INTO signals_outbox_leases VALUES ('relay', 'dead', CAST(strftime('%s', 'now') AS INTEGER) * 1000 + 2000)").Error)
	var sink memory
	running(t, ob.Relay(&sink, outbox.Lease(300*time.Millisecond)).Run)
	began := time.Now()
	soon(t, func() bool { return len(sink.messages()) == 2 }, "it takes over")
	assert.Greater(t, time.Since(began), 500*time.Millisecond, "not before the lease has ended")
}

func TestARelayWaitsForAnEngineThatIsAway(t *testing.T) {
	t.Parallel()
	told := &errs{}
	_, ob := published(t, outbox.Config{Poll: time.Hour, MaxTries: 1, ErrorHandler: told.handle}, 1)
	var away atomic.Int32
	sink := &memory{refuse: func(outbox.Message) error {
		if away.Add(1) <= 2 {
			return outbox.Unavailable(errBoom)
		}
		return nil
	}}
	running(t, ob.Relay(sink).Run)
	soon(t, func() bool { return len(sink.messages()) == 2 }, "it comes back")
	assert.Len(t, told.texts(), 2)
	assert.Contains(t, told.texts()[0], "boom")
}

func TestARelaySurvivesItsTable(t *testing.T) {
	t.Parallel()
	told := &errs{}
	db := open(t, &Product{})
	ob, err := outbox.Install(db, outbox.Config{Source: "/shop", Poll: 5 * time.Millisecond, ErrorHandler: told.handle})
	require.NoError(t, err)
	sink := &memory{}
	running(t, ob.Relay(sink).Run)
	soon(t, func() bool { return len(told.texts()) > 2 }, "it tells that there is no table")
	assert.Contains(t, told.texts()[0], "no such table")
	require.NoError(t, ob.Migrate(t.Context()))
	outbox.Publish[Product](ob)
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	soon(t, func() bool { return len(sink.messages()) == 1 }, "it goes on")
}

func TestARelaySurvivesASinkThatPanics(t *testing.T) {
	t.Parallel()
	told := &errs{}
	_, ob := published(t, outbox.Config{Poll: 5 * time.Millisecond, Backoff: func(int) time.Duration { return 0 }, ErrorHandler: told.handle}, 1)
	var calls atomic.Int32
	running(t, ob.Relay(sinkFunc(func(context.Context, []outbox.Message) []error {
		if calls.Add(1) == 1 {
			panic("boom")
		}
		return nil
	})).Run)
	soon(t, func() bool { return calls.Load() >= 3 }, "it goes on")
	assert.Contains(t, told.texts()[0], "boom")
}

func TestARelayPurgesWhatIsOld(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Poll: 5 * time.Millisecond, Retain: time.Minute}, 2)
	drain(t, ob.Relay(&memory{}))
	require.NoError(t, db.Exec("UPDATE signals_outbox SET due_at = due_at - 3600000 WHERE sequence = 1").Error)
	running(t, ob.Relay(&memory{}).Run)
	soon(t, func() bool { return len(entries(t, db)) == 3 }, "one is older than a minute")
}

func TestEventsThatFailDoNotHoldUpTheOnesBehindThem(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Poll: time.Hour}, 10)
	sink := &memory{refuse: func(m outbox.Message) error {
		if m.Subject == "products/10" {
			return nil
		}
		return outbox.Permanent(errBoom)
	}}
	running(t, ob.Relay(sink, outbox.Batch(3)).Run)
	soon(t, func() bool { return len(sink.messages()) == 2 }, "a batch that fails as a whole is not the end")
	assert.Len(t, entries(t, db), 20)
}

func TestARelayThatFailsLateUndoesNothing(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Backoff: hour}, 3)
	other := &memory{}
	_, err := ob.Relay(sinkFunc(func(_ context.Context, messages []outbox.Message) []error {
		drain(t, ob.Relay(other))
		answers := make([]error, len(messages))
		for i := range answers {
			answers[i] = errBoom
		}
		return answers
	})).Drain(t.Context())
	require.NoError(t, err)
	assert.Len(t, other.messages(), 6)
	for _, e := range entries(t, db) {
		assert.Equal(t, 1, e.State, "the other one has sent it")
	}
}
