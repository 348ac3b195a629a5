package outbox_test

import (
	"context"
	"fmt"
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

// Order is a second model whose receiver has the same name.
type Order struct {
	ID   uint
	Note string
}

func TestOrderPerRowWithSeveralWritersAndRunners(t *testing.T) {
	t.Parallel()
	dsn := file(t)
	db := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{})
	other := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{})
	var mu sync.Mutex
	prices, calls := map[uint][]int64{}, 0
	connect := func(db *gorm.DB) *outbox.Outbox {
		ob := install(t, db, outbox.Config{Poll: 2 * time.Millisecond, Claim: time.Minute})
		signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
			mu.Lock()
			defer mu.Unlock()
			prices[e.Instance.ID] = append(prices[e.Instance.ID], e.Instance.Price)
			calls++
			return nil
		}, outbox.Durable(ob, "search"))
		return ob
	}
	one, two := connect(db), connect(other)
	require.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}, {Name: "c"}}).Error)
	running(t, one.Run)
	running(t, one.Run)
	running(t, two.Run)
	var writers sync.WaitGroup
	const each, goroutines = 25, 4
	for g := range goroutines {
		to := []*gorm.DB{db, other}[g%2]
		writers.Go(func() {
			for i := range each {
				assert.NoError(t, to.Model(&Product{}).Where("id = ?", i%3+1).Update("price", gorm.Expr("price + 1")).Error)
			}
		})
	}
	writers.Wait()
	soon(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return calls >= 3+each*goroutines
	}, "all are called")
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, 3+each*goroutines, calls, "each of them once")
	for id, got := range prices {
		for i, p := range got {
			require.EqualValues(t, i, p, "product %d: %v", id, got)
		}
	}
}

func TestASlowStatementIsNotHandledTwice(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Claim: 2 * time.Second, Poll: 2 * time.Millisecond})
	var mu sync.Mutex
	calls, inside := map[string]int{}, map[string]int{}
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
		mu.Lock()
		calls[e.Instance.Name]++
		inside[e.Instance.Name]++
		together := inside[e.Instance.Name]
		mu.Unlock()
		assert.Equal(t, 1, together)
		select {
		case <-time.After(250 * time.Millisecond): // twelve rows together take longer than a claim
		case <-ctx.Done():
			t.Error("its context ends before its claim does")
		}
		mu.Lock()
		inside[e.Instance.Name]--
		mu.Unlock()
		return nil
	}, outbox.Durable(ob, "slow"))
	running(t, ob.Run)
	rows := make([]Product, 12)
	for i := range rows {
		rows[i].Name = fmt.Sprint(i)
	}
	require.NoError(t, db.Create(&rows).Error)
	soon(t, func() bool {
		for _, e := range entries(t, db) {
			if e.State == 0 {
				return false
			}
		}
		return true
	}, "all are done")
	mu.Lock()
	defer mu.Unlock()
	for name, n := range calls {
		assert.Equal(t, 1, n, "product %s", name)
	}
	assert.Len(t, calls, 12)
}

func TestATransactionThatOutlastsTheClaimIsNotHandledTwice(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Claim: time.Second, Poll: 2 * time.Millisecond})
	var calls atomic.Int32
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error {
		calls.Add(1)
		return nil
	}, outbox.Durable(ob, "search"))
	running(t, ob.Run)
	for i := range 3 {
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Product{Name: fmt.Sprint(i)}).Error)
			<-time.After(1100 * time.Millisecond)
			return nil
		}))
	}
	soon(t, func() bool { return calls.Load() >= 3 && entries(t, db)[2].State == 1 }, "all are called")
	assert.EqualValues(t, 3, calls.Load())
}

func TestAProcessLeavesToOthersWhatItDoesNotHear(t *testing.T) {
	t.Parallel()
	dsn := file(t)
	db := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{}, &Order{})
	ob := install(t, db, outbox.Config{MaxTries: 2})
	fail := func(string) error { return errBoom }
	search(db, ob, &heard{}, fail)
	signals.For[Order](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error { return errBoom }, outbox.Durable(ob, "search"))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, db.Create(&Order{Note: "n"}).Error)
	due(t, db)

	other := openAt(t, dsn, &gorm.Config{}, signals.Plugin{}, &Product{}, &Order{})
	second := install(t, other, outbox.Config{Poll: time.Millisecond, MaxTries: 2, Backoff: func(int) time.Duration { return 0 }})
	h := &heard{}
	signals.For[Order](other).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		h.add("order %s", e.Instance.Note)
		return nil
	}, outbox.Durable(second, "search"))
	running(t, second.Run)
	soon(t, func() bool { return len(h.lines()) == 1 }, "it hears of orders")
	for i := range 20 {
		require.NoError(t, other.Create(&Order{Note: fmt.Sprint(i)}).Error)
	}
	require.NoError(t, second.Flush(t.Context()))
	first := entries(t, db)[0]
	assert.Equal(t, []int{0, 1}, []int{first.State, first.Tries}, "the product waits for one that hears of products")
	lags, err := second.Lag(t.Context())
	require.NoError(t, err)
	require.Len(t, lags, 1)
	assert.Equal(t, "search", lags[0].Receiver)
	assert.EqualValues(t, 1, lags[0].Pending)
}

func TestRunIsWokenByWhatReleasesAnEvent(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := installLazy(t, db, outbox.Config{Poll: time.Hour, Claim: time.Hour, Backoff: func(int) time.Duration { return 0 }})
	h := &heard{}
	began, gate := make(chan struct{}), make(chan struct{})
	var failed atomic.Bool
	search(db, ob, h, func(line string) error {
		switch {
		case line == "created 1 first" && !failed.Swap(true):
			return errBoom
		case line == "created 2 a":
			close(began)
			<-gate
		}
		return nil
	})
	running(t, ob.Run)
	require.NoError(t, db.Create(&Product{Name: "first"}).Error)
	soon(t, func() bool { return len(h.lines()) == 1 }, "a failure wakes it")
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	<-began
	require.NoError(t, db.Model(&Product{ID: 2}).Update("name", "b").Error)
	assert.Len(t, h.lines(), 1, "it waits for the first one")
	close(gate)
	soon(t, func() bool { return len(h.lines()) == 3 }, "nobody polls")
	assert.Equal(t, []string{"created 2 a", "updated 2 b"}, h.lines()[1:])
	n, err := ob.Replay(t.Context(), time.Now().Add(-time.Hour))
	require.NoError(t, err)
	assert.Zero(t, n, "what receivers here have done is not replayed")
}

func TestRunPurgesWhatIsOld(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{Poll: 5 * time.Millisecond, Retain: time.Minute})
	search(db, ob, &heard{}, nil)
	require.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error)
	require.NoError(t, db.Exec("UPDATE signals_outbox SET due_at = due_at - 3600000 WHERE sequence = 1").Error)
	running(t, ob.Run)
	soon(t, func() bool { return len(entries(t, db)) == 1 }, "one is older than a minute")
}

func TestRunSurvivesItsTable(t *testing.T) {
	t.Parallel()
	told := &errs{}
	db := open(t, &Product{})
	ob, err := outbox.Install(db, outbox.Config{Source: "/shop", Poll: 5 * time.Millisecond, ErrorHandler: told.handle})
	require.NoError(t, err)
	var calls atomic.Int32
	search(db, ob, &heard{}, func(string) error {
		if calls.Add(1) == 1 {
			return errBoom
		}
		return nil
	})
	running(t, ob.Run)
	soon(t, func() bool { return len(told.texts()) > 1 }, "it tells that there is no table")
	assert.Contains(t, told.texts()[0], "no such table")
	require.NoError(t, ob.Migrate(t.Context()))
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, db.Exec("UPDATE signals_outbox SET due_at = 0").Error)
	soon(t, func() bool { return calls.Load() == 2 }, "it goes on")
}

func TestBadInputOfDurablePanicsWithACure(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	m := signals.For[Product](db)
	save := func(context.Context, signals.SaveEvent[*Product]) error { return nil }
	for text, connect := range map[string]func(){
		"needs a store":             func() { m.PostSave.Connect(save, outbox.Durable(nil, "search")) },
		"needs a name":              func() { m.PostSave.Connect(save, outbox.Durable(ob, "")) },
		"leave signals.UID out":     func() { m.PostSave.Connect(save, signals.UID("other"), outbox.Durable(ob, "search")) },
		"has at most 100 bytes":     func() { m.PostSave.Connect(save, outbox.Durable(ob, strings.Repeat("x", 101))) },
		"no meaning for pre_save":   func() { m.PreSave.Connect(save, outbox.Durable(ob, "search")) },
		"leave AfterCommit out":     func() { m.PostSave.Connect(save, outbox.Durable(ob, "search"), signals.AfterCommit()) },
		"leave BeforeCommit out":    func() { m.PostSave.Connect(save, signals.BeforeCommit(), outbox.Durable(ob, "search")) },
		"Net goes with AfterCommit": func() { m.PostSave.Connect(save, outbox.Durable(ob, "search"), signals.Net()) },
		"belong to model signals": func() {
			custom.Connect(func(context.Context, int) error { return nil }, outbox.Durable(ob, "search"), signals.Atomic(), signals.Net())
		},
		"no column field \"Nme\"":       func() { m.PostSave.Connect(save, outbox.Durable(ob, "search"), signals.Fields("Nme")) },
		"the name given to Durable is ": func() { m.PostSave.Connect(save, outbox.Durable(ob, "search"), signals.UID("other")) },
		"one model": func() {
			signals.Implementing[fmt.Stringer](db).PostSave.Connect(
				func(context.Context, signals.SaveEvent[fmt.Stringer]) error { return nil }, outbox.Durable(ob, "search"))
		},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			defer func() { assert.Contains(t, fmt.Sprint(recover()), text) }()
			connect()
		})
	}
}

var custom = signals.New[int]("custom")
