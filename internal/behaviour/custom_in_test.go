package behaviour_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
	"github.com/gorm-signals/signals/signalstest"
)

// phased returns a custom signal with a receiver of each phase.
func phased() (*signals.Signal[view], *heard) {
	s, h := signals.New[view]("viewed"), &heard{}
	note := func(phase string) signals.Receiver[view] {
		return func(_ context.Context, e view) error {
			h.add("%s %s", phase, e.product)
			if strings.HasPrefix(e.product, "fail "+phase) {
				return errBoom
			}
			return nil
		}
	}
	s.Connect(note("rollback"), signals.AfterRollback())
	s.Connect(note("after"), signals.AfterCommit())
	s.Connect(note("before"), signals.BeforeCommit())
	s.Connect(note("send"))
	return s, h
}

func TestACustomSignalWaitsForTheEndOfItsTransaction(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, db *gorm.DB, _ *heard) {
		t.Helper()
		viewed, h := phased()
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, viewed.SendIn(tx, view{"a"}))
			require.NoError(t, viewed.SendIn(tx, view{"b"}))
			h.add("commit")
			return nil
		}))
		assert.Equal(t, []string{"send a", "send b", "commit", "before a", "before b", "after a", "after b"}, h.take())
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(viewed.SendIn(tx, view{"a"}), viewed.SendIn(tx, view{"b"}), errBoom)
		}), errBoom)
		assert.Equal(t, []string{"send a", "send b", "rollback b", "rollback a"}, h.take())
	})
}

func TestASavepointTakesACustomSignalBack(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	viewed, h := phased()
	var kept *gorm.DB
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		kept = tx
		_ = tx.Transaction(func(tx *gorm.DB) error { return errors.Join(viewed.SendIn(tx, view{"inner"}), errBoom) })
		return viewed.SendIn(tx, view{"outer"})
	}))
	assert.Equal(t, []string{"send inner", "send outer", "before outer", "rollback inner", "after outer"}, h.take())
	require.ErrorIs(t, viewed.SendIn(kept, view{"late"}), sql.ErrTxDone)
	assert.Empty(t, h.take(), "nobody is called where somebody could not wait")
}

func TestInNoTransactionACustomSignalIsDeliveredAtOnce(t *testing.T) {
	t.Parallel()
	db, handled := laned(t, &Product{})
	viewed, h := phased()
	second := errors.New("second")
	viewed.Connect(func(_ context.Context, e view) error {
		if strings.HasSuffix(e.product, "twice") {
			return second
		}
		return nil
	}, signals.AfterCommit())
	for name, send := range map[string]func(view) error{
		"SendIn": func(e view) error { return viewed.SendIn(db, e) },
		"Send":   func(e view) error { return viewed.Send(t.Context(), e) },
	} {
		require.NoError(t, send(view{"a"}), name)
		assert.Equal(t, []string{"send a", "before a", "after a"}, h.take(), name)
		require.ErrorIs(t, send(view{"fail send"}), errBoom)
		assert.Equal(t, []string{"send fail send"}, h.take(), name)
		require.ErrorIs(t, send(view{"fail before"}), errBoom)
		assert.Equal(t, []string{"send fail before", "before fail before"}, h.take(), "there would be no commit")
		err := send(view{"fail after twice"})
		require.ErrorIs(t, err, errBoom)
		require.ErrorIs(t, err, second, "all of them are called")
		h.take()
	}
	assert.Empty(t, handled.take())
	plain := testkit.Open(t, &gorm.Config{})
	require.ErrorIs(t, viewed.SendIn(plain, view{"x"}), signals.ErrNotInstalled)
	require.ErrorIs(t, viewed.SendIn(nil, view{"x"}), signals.ErrNotInstalled)
	assert.Empty(t, h.take())
}

func TestErrorsOfCustomSignalsInATransaction(t *testing.T) {
	t.Parallel()
	db, handled := laned(t, &Product{})
	viewed, h := phased()
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error { return viewed.SendIn(tx, view{"fail before"}) }), errBoom, "the commit fails")
	assert.Equal(t, []string{"send fail before", "before fail before", "rollback fail before"}, h.take())
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return viewed.SendIn(tx, view{"fail after"}) }))
	errs := handled.take()
	require.Len(t, errs, 1)
	of, ok := errors.AsType[*signals.ReceiverError](errs[0])
	require.True(t, ok)
	assert.Equal(t, "viewed", of.Signal)
	h.take()
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.ErrorIs(t, viewed.SendIn(tx, view{"fail send"}), errBoom)
		return nil
	}))
	assert.Equal(t, []string{"send fail send"}, h.take(), "whose send has failed is not committed")
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error { return viewed.SendIn(tx, view{"fail send"}) }), errBoom)
	assert.Equal(t, []string{"send fail send", "rollback fail send"}, h.take(), "what others did for it can be undone")
}

func TestPanicsAndGoexitOfWaitingReceiversDisturbNobody(t *testing.T) {
	t.Parallel()
	db, handled := laned(t, &Product{})
	viewed, h := signals.New[view]("viewed"), &heard{}
	viewed.Connect(func(context.Context, view) error { panic("no") }, signals.AfterCommit())
	viewed.Connect(func(context.Context, view) error { runtime.Goexit(); return nil }, signals.AfterCommit())
	viewed.Connect(func(_ context.Context, e view) error { h.add("%s", e.product); return nil }, signals.AfterCommit())
	done := make(chan struct{})
	go func() {
		defer close(done)
		assert.NoError(t, db.Transaction(func(tx *gorm.DB) error { return viewed.SendIn(tx, view{"a"}) }))
	}()
	<-done
	assert.Equal(t, []string{"a"}, h.take())
	assert.Len(t, handled.take(), 2)
}

func TestASendWithTheContextOfAReceiverBelongsToItsTransaction(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	viewed, h := phased()
	var kept context.Context
	products := signals.For[Product](db)
	products.PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
		kept = ctx //nolint:fatcontext // it is kept beyond its call on purpose
		return viewed.Send(ctx, view{e.Instance.Name})
	})
	products.PostDelete.Connect(func(ctx context.Context, _ signals.DeleteEvent[*Product]) error {
		return viewed.Send(ctx, view{"deleted"})
	}, signals.AfterCommit())
	require.NoError(t, db.Create(&Product{Name: "implicit"}).Error)
	assert.Equal(t, []string{"send implicit", "before implicit", "after implicit"}, h.take())
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Product{Name: "undone"}).Error)
		return errBoom
	}), errBoom)
	assert.Equal(t, []string{"send undone", "rollback undone"}, h.take())
	require.NoError(t, viewed.Send(kept, view{"late"}))
	assert.Equal(t, []string{"send late", "before late", "after late"}, h.take(), "the transaction has ended: at once")
	require.NoError(t, db.Where("1 = 1").Delete(&Product{}).Error)
	assert.Equal(t, []string{"send deleted", "before deleted", "after deleted"}, h.take())

	nested := signals.New[view]("nested")
	nested.Connect(func(ctx context.Context, e view) error { return viewed.Send(ctx, e) })
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, nested.SendIn(tx, view{"nested"}))
		assert.Equal(t, []string{"send nested"}, h.take())
		return nil
	}))
	assert.Equal(t, []string{"before nested", "after nested"}, h.take())
}

func TestSendRobustAndSendConcurrentLetReceiversWaitToo(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	viewed, h := phased()
	for name, send := range map[string]func(context.Context, view) []signals.Response{"robust": viewed.SendRobust, "concurrent": viewed.SendConcurrent} {
		responses := send(t.Context(), view{"fail send"})
		phases := make([]string, len(responses))
		for i, r := range responses {
			phases[i] = r.Receiver.Phase
		}
		assert.Equal(t, []string{"send", "before_commit", "after_commit"}, phases, name)
		require.ErrorIs(t, responses[0].Err, errBoom)
		assert.Equal(t, []string{"send fail send", "before fail send", "after fail send"}, h.take())
		inTx := signals.New[view]("in")
		inTx.Connect(func(ctx context.Context, e view) error {
			assert.Len(t, send(ctx, e), 1)
			return nil
		})
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return inTx.SendIn(tx, view{"fail send"}) }))
		assert.Equal(t, []string{"send fail send", "before fail send", "after fail send"}, h.take(), name)
	}
}

func TestABatchReceiverOfACustomSignalGetsTheEventsOfATransaction(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	for name, viewed := range map[string]*signals.Signal[view]{"New": signals.New[view]("viewed"), "zero": {}} {
		var got []string
		viewed.ConnectBatch(func(_ context.Context, events []view) error {
			got = append(got, fmt.Sprint(events))
			return nil
		}, signals.AfterCommit())
		viewed.Connect(func(_ context.Context, e view) error { got = append(got, "one "+e.product); return nil }, signals.AfterCommit())
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(viewed.SendIn(tx, view{"a"}), viewed.SendIn(tx, view{"b"}))
		}))
		assert.Equal(t, []string{"[{a} {b}]", "one a", "one b"}, got, name)
	}
}

func TestCustomSignalsObeyThePolicyOfTransactionsWhoseEndCannotBeSeen(t *testing.T) {
	t.Parallel()
	for policy, want := range map[signals.UntrackedPolicy][]string{
		signals.Refuse: nil, signals.RunNow: {"send a", "before a", "after a"}, signals.Drop: {"send a"},
	} {
		db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Tracking: signals.TrackExplicit, Untracked: policy}, &Product{})
		viewed, h := phased()
		err := db.Transaction(func(tx *gorm.DB) error { return viewed.SendIn(tx, view{"a"}) })
		if policy == signals.Refuse {
			require.ErrorIs(t, err, signals.ErrUntracked)
		} else {
			require.NoError(t, err)
		}
		assert.Equal(t, want, h.take(), policy)
		require.NoError(t, signals.Transaction(db, func(tx *gorm.DB) error { return viewed.SendIn(tx, view{"a"}) }))
		assert.Equal(t, []string{"send a", "before a", "after a"}, h.take())
	}
}

func TestMutedAndOnceReceiversOfCustomSignalsWait(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	viewed, h := signals.New[view]("viewed"), &heard{}
	note := func(name string) signals.Receiver[view] {
		return func(_ context.Context, e view) error { h.add("%s %s", name, e.product); return nil }
	}
	viewed.Connect(note("once"), signals.AfterCommit(), signals.Once())
	viewed.Connect(note("named"), signals.AfterCommit(), signals.UID("named"))
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		muted := tx.WithContext(signals.Mute(t.Context(), "named"))
		all := tx.WithContext(signals.Mute(t.Context()))
		return errors.Join(viewed.SendIn(muted, view{"a"}), viewed.SendIn(tx, view{"b"}), viewed.SendIn(all, view{"c"}))
	}))
	assert.Equal(t, []string{"once a", "named b"}, h.take())
}

func TestCaptureCommitKnowsCustomSignals(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	viewed, h := signals.New[view]("viewed"), &heard{}
	viewed.Connect(func(_ context.Context, e view) error { h.add("%s", e.product); return nil },
		signals.AfterCommit(), signals.UID("count"), signals.In(signals.NewLane(signals.LaneConfig{Name: "l"})))
	_ = db.Transaction(func(tx *gorm.DB) error {
		waiting := signalstest.CaptureCommit(t, tx)
		require.NoError(t, viewed.SendIn(tx, view{"a"}))
		assert.Equal(t, []string{"viewed to count"}, waiting.List())
		waiting.Run()
		assert.Equal(t, []string{"a"}, h.take())
		return errBoom
	})
}

func TestObserversSeeCustomSignalsThatWait(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	w := &watcher{}
	viewed := signals.New[view]("viewed")
	viewed.Observe(w)
	viewed.Connect(func(context.Context, view) error { return errBoom }, signals.AfterCommit())
	_ = db.Transaction(func(tx *gorm.DB) error { return viewed.SendIn(tx, view{"a"}) })
	_ = db.Transaction(func(tx *gorm.DB) error { return errors.Join(viewed.SendIn(tx, view{"a"}), errBoom) })
	_ = viewed.Send(t.Context(), view{"a"})
	var steps []string
	for _, s := range w.steps {
		assert.Equal(t, 1, s.ended)
		steps = append(steps, fmt.Sprint(s.Step, " ", s.Phase, " ", s.Event, " ", s.err))
	}
	failed := "signals: receiver " + viewed.Receivers()[0].Location + " of viewed: boom"
	assert.Equal(t, []string{
		"waiting after_commit {a} <nil>", "sending send {a} <nil>", "sending after_commit {a} " + failed, "calling after_commit {a} boom",
		"waiting after_commit {a} signals: the transaction was rolled back", "sending send {a} <nil>",
		"sending send {a} <nil>", "sending after_commit {a} " + failed, "calling after_commit {a} boom",
	}, steps)
}

// order is an event with a key.
type order struct{ id, step int }

// Key is the id.
func (o order) Key() any { return o.id }

func TestCustomSignalsOnALaneAreInOrderByTheirKey(t *testing.T) {
	t.Parallel()
	db, handled := laned(t, &Product{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l", Workers: 8, Queue: 10})
	placed := signals.New[order]("placed")
	var mu sync.Mutex
	seen := map[int]int{}
	placed.Connect(func(_ context.Context, e order) error {
		mu.Lock()
		last := seen[e.id]
		mu.Unlock()
		runtime.Gosched()
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, last, seen[e.id], "one at a time")
		assert.Equal(t, last+1, e.step)
		seen[e.id] = e.step
		return nil
	}, signals.AfterCommit(), signals.In(lane))
	var wait sync.WaitGroup
	for id := range 4 {
		wait.Go(func() {
			for step := range 20 {
				if step%2 == 0 {
					assert.NoError(t, placed.Send(t.Context(), order{id, step + 1}))
					continue
				}
				assert.NoError(t, db.Transaction(func(tx *gorm.DB) error { return placed.SendIn(tx, order{id, step + 1}) }))
			}
		})
	}
	wait.Wait()
	require.NoError(t, lane.Wait(t.Context()))
	assert.Equal(t, map[int]int{0: 20, 1: 20, 2: 20, 3: 20}, seen)
	assert.Empty(t, handled.take())
}

func TestErrorsOfCustomSignalsOnALaneAreReportedWithTheEvent(t *testing.T) {
	t.Parallel()
	db, errs := laned(t, &Product{})
	own := &handled{}
	lane, other := signals.NewLane(signals.LaneConfig{Name: "l"}), signals.NewLane(signals.LaneConfig{Name: "other", ErrorHandler: own.handle})
	placed := signals.New[order]("placed")
	placed.Connect(func(context.Context, order) error { return errBoom }, signals.AfterCommit(), signals.In(lane))
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return placed.SendIn(tx, order{1, 1}) }))
	require.NoError(t, lane.Wait(t.Context()))
	told := errs.take()
	require.Len(t, told, 1)
	of, ok := errors.AsType[*signals.LaneError](told[0])
	require.True(t, ok)
	assert.Equal(t, order{1, 1}, of.Event)
	require.ErrorIs(t, told[0], errBoom)

	alone := signals.New[order]("alone")
	alone.Connect(func(context.Context, order) error { runtime.Goexit(); return nil }, signals.AfterCommit(), signals.In(other))
	require.NoError(t, alone.Send(t.Context(), order{2, 1}))
	require.NoError(t, other.Shutdown(t.Context()))
	require.NoError(t, alone.Send(t.Context(), order{2, 2}))
	told = own.take()
	require.Len(t, told, 2)
	require.ErrorIs(t, told[1], signals.ErrLaneClosed)
}

func TestAModelSignalThatIsSentInATransactionWaitsForItsEnd(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	h, products := hear(db), signals.For[Product](db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		_, inTransaction := signals.SQLTx(e.DB())
		h.add("send %v", inTransaction)
		return nil
	})
	event := signals.SaveEvent[*Product]{Instance: &Product{ID: 1, Name: "a"}, Created: true}
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return products.PostSave.SendIn(tx, event) }))
	assert.Equal(t, []string{"send true", "before saved a", "after saved a"}, h.take())
	require.Error(t, db.Transaction(func(tx *gorm.DB) error { return errors.Join(products.PostSave.SendIn(tx, event), errBoom) }))
	assert.Equal(t, []string{"send true", "undone saved a"}, h.take())
	require.NoError(t, products.PostSave.SendIn(db, event))
	assert.Equal(t, []string{"send false", "before saved a", "after saved a"}, h.take())
	require.ErrorContains(t, products.PostSave.SendIn(open(t, &Product{}), event), "another database")
}

func TestAReceiverOfAModelSignalThatFailsInSendInLeavesTheRollbackItsReceivers(t *testing.T) {
	t.Parallel()
	for _, commits := range []bool{false, true} {
		t.Run(fmt.Sprint("the transaction commits: ", commits), func(t *testing.T) {
			t.Parallel()
			db := open(t, &Product{})
			var tr trace
			saved := signals.For[Product](db).PostSave
			saved.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return errBoom })
			for name, phase := range map[string]signals.ConnectOption{
				"before": signals.BeforeCommit(), "committed": signals.AfterCommit(), "undone": signals.AfterRollback(), "failed": signals.AfterFailure(),
			} {
				saved.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
					tr.add("%s %s %t", name, e.Instance.Name, errors.Is(e.Err(), errBoom))
					return nil
				}, phase)
			}
			err := db.Transaction(func(tx *gorm.DB) error {
				err := saved.SendIn(tx, signals.SaveEvent[*Product]{Instance: &Product{ID: 7, Name: "a"}})
				require.ErrorIs(t, err, errBoom)
				if commits {
					return nil
				}
				return err
			})
			if commits {
				require.NoError(t, err)
				assert.Empty(t, tr.take())
			} else {
				require.ErrorIs(t, err, errBoom)
				assert.ElementsMatch(t, []string{"undone a false", "failed a true"}, tr.take())
			}
		})
	}
}
