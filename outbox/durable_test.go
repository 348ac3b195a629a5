package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// search connects durable receivers of both signals under one name. They return the error of fail.
func search(db *gorm.DB, ob *outbox.Outbox, h *heard, fail func(line string) error) {
	hear := func(format string, args ...any) error {
		line := fmt.Sprintf(format, args...)
		if fail != nil {
			if err := fail(line); err != nil {
				return err
			}
		}
		h.add("%s", line)
		return nil
	}
	m := signals.For[Product](db)
	m.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		what := "updated"
		if e.Created {
			what = "created"
		}
		return hear("%s %d %s", what, e.Instance.ID, e.Instance.Name)
	}, outbox.Durable(ob, "search"))
	m.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
		return hear("deleted %d %s", e.Instance.ID, e.Instance.Name)
	}, outbox.Durable(ob, "search"))
}

func TestADurableReceiverOfPostChangeHearsOfARowInTheOrderOfItsChanges(t *testing.T) {
	t.Parallel()
	db := open(t, &Page{})
	ob := install(t, db, outbox.Config{})
	h := &heard{}
	signals.For[Page](db).PostChange.Connect(func(_ context.Context, e signals.ChangeEvent[*Page]) error {
		old, err := e.Original()
		h.add("%v %v %s was %t", e.Kind, e.Key(), e.Instance.Title, old != nil)
		return err
	}, outbox.Durable(ob, "search"))
	page := Page{Title: "home"}
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		for _, err := range []error{
			tx.Create(&page).Error, tx.Model(&page).Update("title", "start").Error, tx.Delete(&page).Error,
			tx.Unscoped().Model(&page).Update("deleted_at", nil).Error, tx.Unscoped().Delete(&page).Error,
		} {
			if err != nil {
				return err
			}
		}
		return nil
	}))
	assert.Equal(t, []string{
		"created 1 home was false", "updated 1 start was true", "soft_deleted 1 start was true", "restored 1 start was true", "deleted 1 start was true",
	}, h.lines())
	assert.Equal(t, "search post_change pages pages/1", kept(t, db)[0])
}

func TestADurableReceiverRunsRightAfterTheCommit(t *testing.T) {
	t.Parallel()
	for _, conns := range []int{1, 4} {
		t.Run(fmt.Sprint(conns, " connections"), func(t *testing.T) {
			t.Parallel()
			db := open(t, &Product{})
			pool, err := db.DB()
			require.NoError(t, err)
			pool.SetMaxOpenConns(conns)
			ob := install(t, db, outbox.Config{})
			h := &heard{}
			search(db, ob, h, nil)
			goroutine := func() string {
				text := make([]byte, 64)
				return strings.Split(string(text[:runtime.Stack(text, false)]), "[")[0]
			}
			var at string
			signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
				at = goroutine()
				var n int64
				return e.DB().Model(&Product{}).Count(&n).Error
			}, outbox.Durable(ob, "where"))
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error)
				require.NoError(t, tx.Model(&Product{ID: 1}).Update("name", "c").Error)
				assert.Empty(t, h.lines())
				return nil
			}))
			assert.Equal(t, []string{"created 1 a", "created 2 b", "updated 1 c"}, h.lines())
			assert.NotEqual(t, goroutine(), at, "the write does not do it itself")
			require.NoError(t, db.Delete(&Product{}, 1).Error)
			assert.Equal(t, "deleted 1 c", h.lines()[3])
			require.NoError(t, ob.Flush(t.Context()))
			for _, e := range entries(t, db) {
				assert.Equal(t, 1, e.State, e.Subject)
			}
		})
	}
}

func TestADurableReceiverHearsNothingOfWhatIsUndone(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	h := &heard{}
	search(db, ob, h, nil)
	require.Error(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
		return errBoom
	}))
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		_ = tx.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Product{Name: "b"}).Error)
			return errBoom
		})
		return tx.Create(&Product{Name: "c"}).Error
	}))
	assert.Equal(t, []string{"created 1 c"}, h.lines())
	assert.Len(t, entries(t, db), 1)
}

func TestADurableReceiverThatFailsIsCalledAgain(t *testing.T) {
	t.Parallel()
	told := &errs{}
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Poll: 2 * time.Millisecond, Backoff: func(int) time.Duration { return 5 * time.Millisecond }, ErrorHandler: told.handle})
	h := &heard{}
	var tries atomic.Int32
	search(db, ob, h, func(line string) error {
		if line != "created 1 a" {
			return nil
		}
		switch tries.Add(1) {
		case 1:
			return errBoom
		case 2:
			panic("boom")
		}
		return nil
	})
	require.NoError(t, db.Create(&Product{Name: "a"}).Error, "the write has succeeded")
	require.NoError(t, db.Create(&Product{Name: "b"}).Error)
	require.NoError(t, db.Model(&Product{ID: 1}).Update("name", "c").Error)
	require.NoError(t, db.Delete(&Product{}, 1).Error)
	assert.Equal(t, []string{"created 2 b"}, h.lines(), "later events of the row wait")
	require.Len(t, told.texts(), 1)
	assert.Contains(t, told.texts()[0], "products/1 for search is tried again after 1 tries")
	running(t, ob.Run)
	soon(t, func() bool { return len(h.lines()) == 4 }, "Run calls it")
	assert.Equal(t, []string{"created 2 b", "created 1 a", "updated 1 c", "deleted 1 c"}, h.lines())
	assert.EqualValues(t, 3, tries.Load())
	assert.Contains(t, told.texts()[1], "panic")
	assert.Equal(t, 2, entries(t, db)[0].Tries)
}

func TestADurableReceiverThatFailsAgainAndAgainIsParked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		tries int
	}{"tries": {errBoom, 3}, "permanent": {outbox.Permanent(errBoom), 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Product{})
			ob := install(t, db, outbox.Config{MaxTries: 3, Poll: time.Millisecond, Backoff: func(int) time.Duration { return 0 }})
			h := &heard{}
			var mended atomic.Bool
			search(db, ob, h, func(line string) error {
				if line == "created 1 a" && !mended.Load() {
					return c.err
				}
				return nil
			})
			require.NoError(t, db.Create(&Product{Name: "a"}).Error)
			require.NoError(t, db.Model(&Product{ID: 1}).Update("name", "b").Error)
			running(t, ob.Run)
			soon(t, func() bool { return len(h.lines()) == 1 }, "the next one of its row goes on")
			assert.Equal(t, []string{"updated 1 b"}, h.lines())
			parked, err := ob.Dead(t.Context())
			require.NoError(t, err)
			require.Len(t, parked, 1)
			assert.Equal(t, "search post_save products products/1 "+fmt.Sprint(c.tries),
				fmt.Sprintf("%s %s %s %d", parked[0].Receiver, parked[0].Type, parked[0].Subject, parked[0].Tries))
			assert.Contains(t, parked[0].Error, "boom")
			mended.Store(true)
			n, err := ob.Requeue(t.Context(), parked[0].ID)
			require.NoError(t, err)
			assert.EqualValues(t, 1, n)
			soon(t, func() bool { return len(h.lines()) == 2 }, "it is called again")
		})
	}
}

func TestWhatACrashLeavesIsDoneByAnother(t *testing.T) {
	t.Parallel()
	dsn := file(t)
	db := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{})
	ob := install(t, db, outbox.Config{Claim: 3 * time.Second})
	dead, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	search(db, ob, &heard{}, func(string) error {
		once.Do(func() { close(dead) })
		<-gate // the receiver hangs
		return errBoom
	})
	writing := make(chan struct{})
	go func() {
		defer close(writing)
		assert.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error)
	}()
	<-dead
	defer func() { <-writing }()
	defer close(gate)

	other := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{})
	second := install(t, other, outbox.Config{Poll: 5 * time.Millisecond, Claim: time.Minute})
	h := &heard{}
	search(other, second, h, nil)
	require.NoError(t, other.Model(&Product{ID: 1}).Update("name", "c").Error)
	running(t, second.Run)
	soon(t, func() bool { return len(h.lines()) == 3 }, "the claim ends")
	assert.ElementsMatch(t, []string{"created 1 a", "created 2 b", "updated 1 c"}, h.lines())
	assert.Less(t, position(h.lines(), "created 1 a"), position(h.lines(), "updated 1 c"))
}

func position(lines []string, line string) int {
	for i, l := range lines {
		if l == line {
			return i
		}
	}
	return -1
}

func TestALateFailureUndoesNothing(t *testing.T) {
	t.Parallel()
	dsn, h := file(t), &heard{}
	var calls atomic.Int32
	var db *gorm.DB
	for range 2 {
		db = openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{})
		ob := install(t, db, outbox.Config{Claim: 2 * time.Second, Poll: 2 * time.Millisecond})
		search(db, ob, h, func(string) error {
			if calls.Add(1) > 1 {
				return nil
			}
			soon(t, func() bool { return len(h.lines()) == 1 }, "another process takes it when the claim has ended")
			return errBoom
		})
		running(t, ob.Run)
	}
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	soon(t, func() bool { return entries(t, db)[0].State == 1 }, "it is done, whatever the first one says")
	assert.EqualValues(t, 2, calls.Load())
}

func TestTheContextOfADurableReceiverEndsWithItsClaim(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Claim: 2 * time.Second})
	var err error
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Product]) error {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(10 * time.Second):
		}
		return err
	}, outbox.Durable(ob, "slow"))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, 1, entries(t, db)[0].Tries, "it counts as a try")
}

func TestTheEndOfRunCountsAsNoTry(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{MaxTries: 2, Backoff: func(int) time.Duration { return 0 }})
	began := make(chan struct{})
	var calls atomic.Int32
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Product]) error {
		if calls.Add(1) == 1 {
			return errBoom
		}
		close(began)
		<-ctx.Done()
		return ctx.Err()
	}, outbox.Durable(ob, "slow"))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	stop := running(t, ob.Run)
	<-began
	stop()
	assert.Equal(t, []int{0, 1}, []int{entries(t, db)[0].State, entries(t, db)[0].Tries})
	assert.LessOrEqual(t, entries(t, db)[0].DueAt, time.Now().UnixMilli(), "somebody else may go on")
}

func TestTheContextOfTheWriteDoesNotEndTheReceiver(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), traceKey{}, "trace"))
	var got error
	var trace any
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Product]) error {
		cancel()
		got, trace = ctx.Err(), ctx.Value(traceKey{})
		return errors.Join(got)
	}, outbox.Durable(ob, "search"))
	require.NoError(t, db.WithContext(ctx).Create(&Product{Name: "a"}).Error)
	require.NoError(t, got)
	assert.Equal(t, "trace", trace)
	assert.Equal(t, 1, entries(t, db)[0].State)
}
