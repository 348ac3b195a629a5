package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// published returns a database whose products are published, with a number of products that were each written twice.
func published(t *testing.T, cfg outbox.Config, products int) (*gorm.DB, *outbox.Outbox) {
	t.Helper()
	db := open(t, &Product{})
	ob := install(t, db, cfg)
	outbox.Publish[Product](ob)
	for i := range products {
		require.NoError(t, db.Create(&Product{Name: fmt.Sprint("p", i)}).Error)
	}
	for i := range products {
		require.NoError(t, db.Model(&Product{ID: uint(i + 1)}).Update("price", 1).Error)
	}
	return db, ob
}

// drain drains until the relay sends nothing more.
func drain(t *testing.T, relay *outbox.Relay) (n int) {
	t.Helper()
	for {
		sent, err := relay.Drain(t.Context())
		require.NoError(t, err)
		if sent == 0 {
			return n
		}
		n += sent
	}
}

// hour is a pause that no test could wait for.
func hour(int) time.Duration { return time.Hour }

// due makes all waiting events due.
func due(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.Exec("UPDATE signals_outbox SET due_at = 0 WHERE state = 0").Error)
}

func TestAnEventThatFailsHoldsUpItsRowAlone(t *testing.T) {
	t.Parallel()
	for _, batch := range []int{1, 2, 500} {
		t.Run(fmt.Sprint("batches of ", batch), func(t *testing.T) {
			t.Parallel()
			told := &errs{}
			db, ob := published(t, outbox.Config{Backoff: hour, ErrorHandler: told.handle}, 3)
			sink := &memory{refuse: func(m outbox.Message) error {
				if m.Subject == "products/2" {
					return errBoom
				}
				return nil
			}}
			relay := ob.Relay(sink, outbox.Batch(batch))
			for range 10 {
				_, err := relay.Drain(t.Context())
				require.NoError(t, err)
			}
			assert.ElementsMatch(t, []string{"products/1 created", "products/3 created", "products/1 updated", "products/3 updated"}, sink.lines())
			inOrder(t, sink.messages())
			require.Len(t, told.texts(), 1, "the next try is in an hour")
			assert.Contains(t, told.texts()[0], "products/2 is tried again after 1 tries: boom")
			lags, err := ob.Lag(t.Context())
			require.NoError(t, err)
			require.Len(t, lags, 1)
			assert.EqualValues(t, 2, lags[0].Pending)

			sink.refusing(nil)
			due(t, db)
			assert.Equal(t, 2, drain(t, relay))
			inOrder(t, sink.messages())
			assert.Len(t, sink.messages(), 6)
		})
	}
}

func TestAnEventThatFailsAgainAndAgainIsParked(t *testing.T) {
	t.Parallel()
	var pauses []int
	db, ob := published(t, outbox.Config{MaxTries: 3, Backoff: func(tries int) time.Duration {
		pauses = append(pauses, tries)
		return time.Hour
	}}, 2)
	refuse := func(m outbox.Message) error {
		if m.Subject == "products/1" && strings.Contains(m.Type, "created") {
			return errBoom
		}
		return nil
	}
	sink := &memory{refuse: refuse}
	relay := ob.Relay(sink)
	for range 5 {
		_, err := relay.Drain(t.Context())
		require.NoError(t, err)
		due(t, db)
	}
	assert.Equal(t, []int{1, 2, 3}, pauses)
	assert.Equal(t, []string{"products/2 created", "products/2 updated", "products/1 updated"}, sink.lines())
	parked, err := ob.Dead(t.Context())
	require.NoError(t, err)
	require.Len(t, parked, 1)
	assert.Equal(t, outbox.DeadEvent{
		ID: entries(t, db)[0].ID, Type: "products.created.v1", Subject: "products/1", Sequence: 1, Time: parked[0].Time, Tries: 3, Error: "boom",
	}, parked[0])
	assert.WithinDuration(t, time.Now(), parked[0].Time, time.Minute)
	lags, err := ob.Lag(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []outbox.Lag{{Dead: 1}}, lags)

	n, err := ob.Requeue(t.Context(), "another")
	require.NoError(t, err)
	assert.Zero(t, n)
	n, err = ob.Requeue(t.Context(), parked[0].ID)
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
	sink.refusing(nil)
	assert.Equal(t, 1, drain(t, relay))
	last := sink.messages()[3]
	assert.Equal(t, parked[0].ID, last.ID)
	assert.EqualValues(t, 1, last.Sequence, "it tells that it comes late")
	parked, err = ob.Dead(t.Context())
	require.NoError(t, err)
	assert.Empty(t, parked)
}

func TestAPermanentErrorParksAtOnce(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{}, 1)
	sink := &memory{refuse: func(m outbox.Message) error {
		if strings.Contains(m.Type, "created") {
			return fmt.Errorf("wrapped: %w", outbox.Permanent(errBoom))
		}
		return nil
	}}
	relay := ob.Relay(sink)
	drain(t, relay)
	due(t, db)
	drain(t, relay)
	assert.Equal(t, []string{"products/1 updated"}, sink.lines())
	assert.Equal(t, []int{2, 1}, []int{entries(t, db)[0].State, entries(t, db)[0].Tries})
}

func TestAnEngineThatIsAwayCountsAsNoTry(t *testing.T) {
	t.Parallel()
	told := &errs{}
	db, ob := published(t, outbox.Config{MaxTries: 1, ErrorHandler: told.handle}, 3)
	sink := &memory{refuse: func(m outbox.Message) error {
		if m.Subject == "products/2" {
			return nil
		}
		return fmt.Errorf("dial: %w", outbox.Unavailable(errBoom))
	}}
	relay := ob.Relay(sink)
	for range 3 {
		_, err := relay.Drain(t.Context())
		require.True(t, outbox.IsUnavailable(err))
		require.ErrorIs(t, err, errBoom)
	}
	for _, e := range entries(t, db) {
		assert.Zero(t, e.Tries)
		assert.Empty(t, e.Err)
	}
	assert.Empty(t, told.texts())
	sink.refusing(nil)
	drain(t, relay)
	assert.Len(t, sink.messages(), 6, "what was taken is not sent again")
	inOrder(t, sink.messages())
}

func TestTheContextOfADrainThatEndsCountsAsNoTry(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{MaxTries: 1}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	sink := &memory{refuse: func(outbox.Message) error {
		cancel()
		return context.Canceled
	}}
	_, err := ob.Relay(sink).Drain(ctx)
	require.Error(t, err)
	assert.Zero(t, entries(t, db)[0].Tries)
	assert.Zero(t, entries(t, db)[0].State)
}

// sinkFunc is a function as a Sink.
type sinkFunc func(ctx context.Context, messages []outbox.Message) []error

func (f sinkFunc) Send(ctx context.Context, messages []outbox.Message) []error {
	return f(ctx, messages)
}

func TestASinkThatAnswersForTooFewHasTakenNothing(t *testing.T) {
	t.Parallel()
	for _, answer := range [][]error{{nil}, {errBoom}, {nil, nil, nil, nil, nil}, {}} {
		db, ob := published(t, outbox.Config{}, 3)
		_, _ = ob.Relay(sinkFunc(func(context.Context, []outbox.Message) []error { return answer })).Drain(t.Context())
		for _, e := range entries(t, db) {
			assert.NotEqual(t, 1, e.State, "%v: nobody knows which one was taken", answer)
		}
	}
}

func TestASinkThatAnswersNilHasTakenAll(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{}, 3)
	n, err := ob.Relay(sinkFunc(func(context.Context, []outbox.Message) []error { return nil })).Drain(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 6, n)
	for _, e := range entries(t, db) {
		assert.Equal(t, 1, e.State)
	}
}

func TestASinkThatPanicsHasFailed(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Backoff: hour}, 1)
	assert.NotPanics(t, func() {
		_, _ = ob.Relay(sinkFunc(func(context.Context, []outbox.Message) []error { panic("boom") })).Drain(t.Context())
	})
	assert.Zero(t, entries(t, db)[0].State)
}

func TestOneRowIsInOneCallOnce(t *testing.T) {
	t.Parallel()
	_, ob := published(t, outbox.Config{}, 3)
	var calls []int
	n, err := ob.Relay(sinkFunc(func(_ context.Context, messages []outbox.Message) []error {
		calls = append(calls, len(messages))
		return nil
	})).Drain(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 6, n)
	assert.Equal(t, []int{3, 3}, calls)
}

func TestAnErrorOfAnyTextIsNoted(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Backoff: hour}, 1)
	sink := &memory{refuse: func(outbox.Message) error { return errors.New("\xff\x00" + strings.Repeat("long ", 50_000)) }}
	_, err := ob.Relay(sink).Drain(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, entries(t, db)[0].Tries)
}

func TestReplaySendsAgainWhatWasSent(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{}, 3)
	require.NoError(t, db.Exec("UPDATE signals_outbox SET created_at = created_at - 3600000 WHERE sequence = 1").Error)
	sink := &memory{}
	relay := ob.Relay(sink)
	drain(t, relay)
	n, err := ob.Replay(t.Context(), time.Now().Add(-time.Minute))
	require.NoError(t, err)
	assert.EqualValues(t, 5, n)
	assert.Equal(t, 5, drain(t, relay))
	all := sink.messages()
	require.Len(t, all, 11)
	assert.ElementsMatch(t, ids(all[1:6]), ids(all[6:]), "with the same ids")
}

func ids(messages []outbox.Message) []string {
	var found []string
	for _, m := range messages {
		found = append(found, m.ID)
	}
	return found
}

func TestPurgeLeavesWhatWaitsAndWhatIsParked(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{Backoff: hour}, 3)
	relay := ob.Relay(&memory{refuse: func(m outbox.Message) error {
		switch m.Subject {
		case "products/1":
			return outbox.Permanent(errBoom)
		case "products/2":
			return errBoom
		}
		return nil
	}})
	drain(t, relay)
	n, err := ob.Purge(t.Context(), time.Now().Add(-time.Minute))
	require.NoError(t, err)
	assert.Zero(t, n)
	n, err = ob.Purge(t.Context(), time.Now().Add(time.Minute))
	require.NoError(t, err)
	assert.EqualValues(t, 2, n)
	states := map[int]int{}
	for _, e := range entries(t, db) {
		states[e.State]++
	}
	assert.Equal(t, map[int]int{0: 2, 2: 2}, states)
}

func TestPurgeTakesThousands(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{}, 0)
	rows := make([]Product, 2500)
	for i := range rows {
		rows[i].Name = fmt.Sprint(i)
	}
	require.NoError(t, db.Create(&rows).Error)
	drain(t, ob.Relay(&memory{}, outbox.Batch(10_000)))
	n, err := ob.Purge(t.Context(), time.Now().Add(time.Minute))
	require.NoError(t, err)
	assert.EqualValues(t, 2500, n)
	assert.Empty(t, entries(t, db))
}

func TestLagTellsTheAgeOfTheOldest(t *testing.T) {
	t.Parallel()
	db, ob := published(t, outbox.Config{}, 1)
	require.NoError(t, db.Exec("UPDATE signals_outbox SET created_at = created_at - 60000 WHERE sequence = 1").Error)
	lags, err := ob.Lag(t.Context())
	require.NoError(t, err)
	require.Len(t, lags, 1)
	assert.InDelta(t, 60, lags[0].Age.Seconds(), 30)
	assert.EqualValues(t, 2, lags[0].Pending)
}
