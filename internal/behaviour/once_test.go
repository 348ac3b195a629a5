package behaviour_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

func TestOnceCallsForTheFirstMatchingEventAndDisconnects(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]signals.ConnectOption{
		"at once": nil, "before the commit": {signals.BeforeCommit()}, "after the commit": {signals.AfterCommit()}, "net": {signals.AfterCommit(), signals.Net()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Order{})
			tr := hearing[Order](db, append(opts, signals.Becomes("Status", "paid"), signals.Once())...)
			batches := 0
			end := signals.For[Order](db).PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Order]) error {
				batches += len(events)
				return nil
			}, append(opts, signals.Once())...)
			require.NoError(t, db.Create(&[]Order{{Status: "new"}, {Status: "new"}}).Error)
			assert.Empty(t, tr.take(), "no event that matches")
			assert.Equal(t, 2, batches, "the first batch is whole")
			assert.False(t, end(), "it is disconnected")
			require.Len(t, signals.Receivers(db), 1)
			require.NoError(t, db.Model(&Order{}).Where("1 = 1").Update("status", "paid").Error)
			require.NoError(t, db.Create(&Order{Status: "paid"}).Error)
			assert.Equal(t, []string{"update 1"}, tr.take())
			assert.Equal(t, 2, batches)
			assert.Empty(t, signals.Receivers(db))
			assert.False(t, signals.For[Order](db).PostSave.HasReceivers())
		})
	}
}

func TestOnceAfterTheCommitWaitsForAWriteThatIsCommitted(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	tr := hearing[Order](db, signals.AfterCommit(), signals.Once())
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Order{}).Error)
		return errBoom
	}), errBoom)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		return tx.Create(&[]Order{{ID: 5}, {ID: 6}}).Error
	}))
	assert.Equal(t, []string{"create 5"}, tr.take())
}

func TestOnceIsUsedUpByACallThatFails(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	signals.For[Order](db).PreSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error { return errBoom }, signals.Once())
	require.ErrorIs(t, db.Create(&Order{}).Error, errBoom)
	require.NoError(t, db.Create(&Order{}).Error)
}

func TestOnceIsOneCallHoweverManySendAtOnce(t *testing.T) {
	t.Parallel()
	ways := map[string]func(*testing.T, *signals.Signal[view]){
		"Send": func(t *testing.T, s *signals.Signal[view]) {
			t.Helper()
			assert.NoError(t, s.Send(t.Context(), view{}))
		},
		"SendRobust":     func(t *testing.T, s *signals.Signal[view]) { t.Helper(); s.SendRobust(t.Context(), view{}) },
		"SendConcurrent": func(t *testing.T, s *signals.Signal[view]) { t.Helper(); s.SendConcurrent(t.Context(), view{}) },
	}
	for name, send := range ways {
		for _, batch := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " batch ", batch), func(t *testing.T) {
				t.Parallel()
				s, calls := signals.New[view]("viewed"), atomic.Int32{}
				if batch {
					s.ConnectBatch(func(context.Context, []view) error { calls.Add(1); return nil }, signals.Once())
				} else {
					s.Connect(func(context.Context, view) error { calls.Add(1); return nil }, signals.Once())
				}
				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() { send(t, s) })
				}
				wg.Wait()
				assert.Equal(t, int32(1), calls.Load())
				assert.False(t, s.HasReceivers())
			})
		}
	}
}

func TestOnceOfAModelIsOneCallHoweverManyWriteAtOnce(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	var calls atomic.Int32
	signals.For[Order](db).PostLoad.Connect(func(context.Context, signals.LoadEvent[*Order]) error { calls.Add(1); return nil }, signals.Once())
	require.NoError(t, db.Create(&Order{}).Error)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { assert.NoError(t, db.First(&Order{}).Error) })
	}
	wg.Wait()
	assert.Equal(t, int32(1), calls.Load())
}

func TestASendThatStopsBeforeAReceiverDoesNotUseUpItsOneCall(t *testing.T) {
	t.Parallel()
	s, calls := signals.New[view]("viewed"), 0
	fail := s.Connect(func(context.Context, view) error { return errBoom })
	s.Connect(func(context.Context, view) error { calls++; return nil }, signals.Once())
	require.ErrorIs(t, s.Send(t.Context(), view{}), errBoom)
	require.Len(t, s.Receivers(), 2)
	fail()
	assert.Len(t, s.SendRobust(t.Context(), view{}), 1)
	assert.Empty(t, s.SendRobust(t.Context(), view{}))
	assert.Equal(t, 1, calls)
}

func TestOnceCanBeConnectedAgainByTheReceiverItself(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	tr, orders := &trace{}, signals.For[Order](db)
	var again signals.Receiver[signals.SaveEvent[*Order]]
	again = func(_ context.Context, e signals.SaveEvent[*Order]) error {
		tr.add("%v", e.Key())
		orders.PostSave.Connect(again, signals.Once(), signals.UID("again"))
		return nil
	}
	orders.PostSave.Connect(again, signals.Once(), signals.UID("again"))
	require.NoError(t, db.Create(&[]Order{{}, {}}).Error)
	require.NoError(t, db.Create(&Order{}).Error)
	assert.Equal(t, []string{"1", "3"}, tr.take())
}

func TestFirstAndLastRunAroundAllPriorities(t *testing.T) {
	t.Parallel()
	s, calls := signals.New[view]("viewed"), []string{}
	connect := func(name string, opts ...signals.ConnectOption) {
		s.Connect(func(context.Context, view) error { calls = append(calls, name); return nil }, opts...)
	}
	connect("last", signals.Last())
	connect("late last", signals.Last(), signals.Priority(-1))
	connect("middle")
	connect("lowest", signals.Priority(-1<<62))
	connect("highest", signals.Priority(1<<62))
	connect("first", signals.First())
	connect("second", signals.First())
	require.NoError(t, s.Send(t.Context(), view{}))
	assert.Equal(t, []string{"first", "second", "highest", "middle", "lowest", "last", "late last"}, calls)
	var infos []string
	for _, r := range s.Receivers() {
		infos = append(infos, fmt.Sprint(r.First, " ", r.Last, " ", r.Order()))
	}
	assert.Equal(t, []string{
		"true false first", "true false first", "false false 4611686018427387904", "false false 0", "false false -4611686018427387904",
		"false true last", "false true last -1",
	}, infos)

	db := open(t, &Order{})
	tr := &trace{}
	signals.Implementing[any](db).PostSave.Connect(func(context.Context, signals.SaveEvent[any]) error { tr.add("last"); return nil }, signals.Last())
	signals.For[Order](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error { tr.add("middle"); return nil }, signals.Priority(-9))
	signals.Implementing[any](db).PostSave.Connect(func(context.Context, signals.SaveEvent[any]) error { tr.add("first"); return nil }, signals.First())
	require.NoError(t, db.Create(&Order{}).Error)
	assert.Equal(t, []string{"first", "middle", "last"}, tr.take())
}
