package behaviour_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// logged returns an observer that logs from a level on, and what it has logged so far without times and places.
func logged(level slog.Level) (signals.Observer, func() []string) {
	var text strings.Builder
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch {
		case a.Key == slog.TimeKey:
			return slog.Attr{}
		case a.Key == "took" && a.Value.Duration() > 0:
			return slog.String("took", "some")
		}
		return a
	}}
	return signals.LogObserver(slog.New(slog.NewTextHandler(&text, options))), func() []string {
		lines := strings.Split(strings.TrimSpace(text.String()), "\n")
		text.Reset()
		return lines
	}
}

func TestLogObserverLogsEveryStepWhenItEnds(t *testing.T) {
	t.Parallel()
	by, lines := logged(slog.LevelDebug)
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Observer: by}, &Product{})
	products := signals.For[Product](db)
	products.PostSave.Connect(ok, signals.UID("index"))
	products.PostSave.Connect(ok, signals.UID("mail"), signals.AfterCommit())
	require.NoError(t, db.Create(&[]Product{{}, {}}).Error)
	call := `level=DEBUG msg=signal step=calling signal=post_save phase=%s events=1 sender=Product receiver=%s took=some`
	send := `level=DEBUG msg=signal step=sending signal=post_save phase=%s events=%d sender=Product took=some`
	assert.Equal(t, []string{
		fmt.Sprintf(call, "send", "index"), fmt.Sprintf(call, "send", "index"), fmt.Sprintf(send, "send", 2),
		`level=DEBUG msg=signal step=waiting signal=post_save phase=after_commit events=2 sender=Product took=some`,
		fmt.Sprintf(call, "after_commit", "mail"), fmt.Sprintf(send, "after_commit", 1),
		fmt.Sprintf(call, "after_commit", "mail"), fmt.Sprintf(send, "after_commit", 1),
	}, lines())
}

func TestLogObserverLogsFailedStepsAsErrors(t *testing.T) {
	t.Parallel()
	by, lines := logged(slog.LevelInfo)
	viewed := signals.New[view]("viewed")
	viewed.Observe(by)
	viewed.Connect(ok, signals.UID("fine"))
	require.NoError(t, viewed.Send(t.Context(), view{}))
	assert.Equal(t, []string{""}, lines(), "nothing but errors at this level")
	viewed.Connect(func(context.Context, view) error { return errBoom }, signals.UID("bad"))
	require.ErrorIs(t, viewed.Send(t.Context(), view{}), errBoom)
	assert.Equal(t, []string{
		`level=ERROR msg=signal step=calling signal=viewed phase=send events=1 receiver=bad took=some error=boom`,
		`level=ERROR msg=signal step=sending signal=viewed phase=send events=1 took=some error="signals: receiver bad of viewed: boom"`,
	}, lines())
	silent, lines := logged(slog.LevelError + 1)
	viewed.Observe(silent)
	require.ErrorIs(t, viewed.Send(t.Context(), view{}), errBoom)
	assert.Equal(t, []string{""}, lines())
}

func TestLogObserverTakesARollbackForNoError(t *testing.T) {
	t.Parallel()
	by, lines := logged(slog.LevelDebug)
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Observer: by}, &Product{})
	signals.For[Product](db).PostSave.Connect(ok, signals.AfterCommit())
	tx := db.Begin()
	require.NoError(t, tx.Create(&Product{}).Error)
	require.NoError(t, tx.Rollback().Error)
	assert.Equal(t, []string{`level=DEBUG msg=signal step=waiting signal=post_save phase=after_commit events=1 sender=Product took=some ` +
		`error="signals: the transaction was rolled back"`}, lines())
}

func TestObserversAreToldOneWithinTheOther(t *testing.T) {
	t.Parallel()
	a, b := &watcher{}, &watcher{}
	by, lines := logged(slog.LevelDebug)
	viewed := signals.New[view]("viewed")
	viewed.Observe(signals.Observers(a, by, b))
	viewed.Connect(func(ctx context.Context, _ view) error {
		assert.Same(t, b.all()[1], watchedOf(ctx), "the context is that of the last one")
		return nil
	}, signals.UID("r"))
	require.NoError(t, viewed.Send(t.Context(), view{}))
	assert.Len(t, lines(), 2)
	for _, s := range slices.Concat(a.all(), b.all()) {
		assert.Equal(t, 1, s.ended)
	}
	assert.Same(t, a.all()[0], b.all()[0].within)
}

func TestADurableReceiverIsObservedTwice(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{})
	store := &shelf{}
	signals.For[Product](db).PostSave.Connect(ok, signals.Durable(store, "durable"))
	signals.For[Product](db).PostSave.Connect(ok, signals.UID("plain"))
	require.NoError(t, db.Create(&Product{}).Error)
	store.deliver(t)
	assert.Equal(t, "durable", w.all()[1].Receiver.Phase)
	assert.Equal(t, []string{
		"sending post_save Product", "  calling post_save Product to durable", "  calling post_save Product to plain",
		"sending post_save Product, durable", "  calling post_save Product to durable, durable",
	}, w.take(), "its event is kept within the write, and delivered later")
}

func TestABatchReceiverIsObservedWithTheRowsThatItHears(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{})
	require.NoError(t, db.Create(&[]Product{{Price: 1}, {Price: 2}}).Error)
	signals.For[Product](db).PostSave.ConnectBatch(ok, signals.UID("batch"), signals.Fields("Price"))
	require.NoError(t, db.Model(&Product{}).Where("1 = 1").Update("price", 2).Error)
	assert.Len(t, w.all()[1].rows, 1)
	assert.Equal(t, []string{"sending post_save Product, 2 events", "  calling post_save Product to batch"}, w.take())
}

func TestASendByHandIsObserved(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{})
	s := signals.For[Product](db).PostSave
	s.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return errBoom }, signals.UID("a"))
	s.Connect(ok, signals.UID("b"))
	event := signals.SaveEvent[*Product]{Instance: &Product{ID: 1}}
	want := []string{"sending post_save Product: boom", "  calling post_save Product to a: boom", "  calling post_save Product to b"}
	require.ErrorIs(t, s.Send(t.Context(), event), errBoom)
	assert.Equal(t, want[:2], w.take())
	s.SendRobust(t.Context(), event)
	assert.Equal(t, "products", w.all()[0].Table)
	assert.Equal(t, want, w.take())
	s.SendConcurrent(t.Context(), event)
	assert.ElementsMatch(t, want, w.take())
	custom := signals.New[view]("viewed")
	custom.Connect(ok)
	custom.Observe(w)
	require.NoError(t, custom.Send(signals.Mute(t.Context()), view{}))
	s.SendRobust(signals.Mute(t.Context()), event)
	assert.Empty(t, w.take(), "all are muted")
}

func TestStepsOfAReceiverThatEndsItsGoroutineEnd(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{})
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error {
		runtime.Goexit() // as t.FailNow does
		return nil
	}, signals.UID("a"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		db.Create(&Product{})
	}()
	<-done
	require.Len(t, w.all(), 2)
	for _, s := range w.all() {
		assert.Equal(t, 1, s.ended)
		require.ErrorContains(t, s.err, "goroutine")
	}
}

func TestTheTableIsTheOneThatIsWritten(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{})
	require.NoError(t, db.Table("old_products").AutoMigrate(&Product{}))
	products := signals.For[Product](db)
	products.PreSave.Connect(ok)
	products.PostSave.Connect(ok, signals.BeforeCommit())
	products.PostSave.Connect(ok, signals.AfterCommit())
	products.PostDelete.Connect(ok)
	require.NoError(t, db.Table("old_products").Create(&Product{ID: 1}).Error)
	require.NoError(t, db.Table("old_products").Where("1 = 1").Delete(&Product{}).Error)
	assert.Len(t, w.all(), 9)
	for _, s := range w.all() {
		assert.Equal(t, "old_products", s.Table, s.line())
	}
}

// rowsOf returns what the steps tell of their rows, one line each.
func rowsOf(w *watcher) []string {
	var lines []string
	for _, s := range w.all() {
		if s.Step != signals.Sending {
			continue
		}
		for _, r := range s.rows {
			line := fmt.Sprintf("%s %s %v %T", s.Signal, r.Table, r.Key, r.Instance)
			for what, is := range map[string]bool{"created": r.Created, "soft": r.Soft, "cascade": r.Cascade} {
				if is {
					line += " " + what
				}
			}
			for _, c := range r.Changes {
				line += fmt.Sprintf(" %s:%v>%v", c.Column, c.Old, c.New)
			}
			if r.Relation != "" {
				line += fmt.Sprintf(" %s %s %v", r.Relation, r.Action, r.PKs)
			}
			lines = append(lines, strings.ReplaceAll(line, "*behaviour_test.", ""))
		}
	}
	w.take()
	return lines
}

func TestRowsTellWhatAStepIsAbout(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{}, &Page{}, &Song{}, &Genre{}, &Rack{}, &Crate{})
	seedMusic(t, db)
	products := signals.For[Product](db)
	products.PreSave.Connect(ok)
	products.PostSave.Connect(ok)
	signals.For[Page](db).PreDelete.Connect(ok)
	signals.For[Crate](db).PostDelete.Connect(ok)
	signals.For[Song](db).M2MChanged.Connect(ok)

	require.NoError(t, db.Omit("created_at").Create(&[]Product{{Name: "a"}, {Name: "b", Price: 2}}).Error)
	assert.Equal(t, []string{
		"pre_save products [0] Product created name:<nil>>a", "pre_save products [0] Product created name:<nil>>b price:<nil>>2",
		"post_save products [1] Product created id:<nil>>1 name:<nil>>a",
		"post_save products [2] Product created id:<nil>>2 name:<nil>>b price:<nil>>2",
	}, rowsOf(w), "keys are not known before the INSERT")
	require.NoError(t, db.Model(&Product{}).Where("1 = 1").Update("price", 2).Error)
	assert.Equal(t, []string{
		"pre_save products [1] Product price:0>2", "pre_save products [2] Product",
		"post_save products [1] Product price:0>2", "post_save products [2] Product",
	}, rowsOf(w))
	require.NoError(t, db.Create(&[]Page{{}, {}}).Error)
	require.NoError(t, db.Delete(&Page{}, 2).Error)
	require.NoError(t, db.Unscoped().Delete(&Page{}, 1).Error)
	assert.Equal(t, []string{"pre_delete pages [2] Page soft", "pre_delete pages [1] Page"}, rowsOf(w))
	require.NoError(t, db.Create(&Rack{Crates: []Crate{{}}}).Error)
	require.NoError(t, db.Delete(&Rack{}, 1).Error)
	assert.Equal(t, []string{"post_delete crates [1] Crate cascade"}, rowsOf(w))
	require.NoError(t, db.Model(&Song{ID: 2}).Association("Genres").Replace(&Genre{ID: 1}, &Genre{ID: 3}))
	assert.Equal(t, []string{
		"m2m_changed songs [2] Song Genres pre_add [1 3]", "m2m_changed songs [2] Song Genres post_add [1 3]",
		"m2m_changed songs [2] Song Genres pre_remove [2]", "m2m_changed songs [2] Song Genres post_remove [2]",
	}, rowsOf(w))
}

func TestAWriteOutsideAnyTransactionThatAReceiverFailsIsStoredAndToldOf(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{})
	signals.For[Product](db).PostSave.Connect(ok, signals.UID("after"), signals.AfterCommit())
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return errBoom }, signals.UID("bad"))
	require.ErrorIs(t, db.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&Product{}).Error, errBoom)
	assert.Equal(t, []string{
		"waiting post_save Product, after_commit",
		"sending post_save Product: boom", "  calling post_save Product to bad: boom",
		"sending post_save Product, after_commit", "  calling post_save Product to after, after_commit",
	}, w.take())
}

// TestEveryStepEndsOnce runs random transactions. What waited in vain, and what was told after the commit, must agree with what is
// stored.
func TestEveryStepEndsOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			db, w := watch(t, &Product{}, &Page{})
			products := signals.For[Product](db)
			products.PreSave.Connect(ok, signals.UID("pre"))
			products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
				switch e.Instance.Stock {
				case 1:
					return errBoom
				case 2:
					panic("no")
				case 3:
					return e.DB().Create(&Page{Title: "of " + e.Instance.Name}).Error
				}
				return nil
			}, signals.UID("post"))
			products.PostSave.Connect(ok, signals.UID("after"), signals.AfterCommit())
			products.PostSave.Connect(ok, signals.UID("undone"), signals.AfterRollback())
			signals.For[Page](db).PostSave.Connect(ok, signals.UID("page"), signals.BeforeCommit())
			r := rand.New(rand.NewPCG(seed, 7))
			names := 0
			for range 4 {
				_ = transact(db, r, 0, &names)
			}
			var stored []string
			require.NoError(t, db.Model(&Product{}).Order("id").Pluck("name", &stored).Error)
			assert.Equal(t, stored, ended(t, w, func(s *watched) bool { return s.Step == signals.Waiting && s.err == nil }))
			assert.Equal(t, stored, ended(t, w, func(s *watched) bool { return s.Step == signals.Calling && s.Phase == "after_commit" }))
		})
	}
}

// transact creates products in a transaction, in savepoints and outside, some of which fail.
func transact(db *gorm.DB, r *rand.Rand, depth int, names *int) error {
	return db.Transaction(func(tx *gorm.DB) error {
		for range 1 + r.IntN(3) {
			if depth < 2 && r.IntN(3) == 0 {
				_ = transact(tx, r, depth+1, names)
				continue
			}
			*names++
			p := Product{Name: fmt.Sprint("p", *names), Stock: r.IntN(6)}
			if err := tx.Session(&gorm.Session{SkipDefaultTransaction: r.IntN(2) == 0}).Create(&p).Error; err != nil {
				return err // an error of post_save cannot undo the create by itself
			}
		}
		if r.IntN(4) == 0 {
			return errors.New("undo")
		}
		return nil
	})
}

// ended returns the products of some steps, and looks whether all have ended once, calls within sends.
func ended(t *testing.T, w *watcher, some func(*watched) bool) []string {
	t.Helper()
	names := []string{}
	for _, s := range w.all() {
		assert.Equal(t, 1, s.ended, "%s", s.line())
		if s.Step == signals.Calling {
			assert.Equal(t, "sending "+s.Signal+" "+s.Sender, s.within.Step.String()+" "+s.within.Signal+" "+s.within.Sender)
		}
		if s.Sender == "Product" && some(s) {
			for _, row := range s.rows {
				p, isProduct := row.Instance.(*Product)
				require.True(t, isProduct)
				names = append(names, p.Name)
			}
		}
	}
	return names
}
