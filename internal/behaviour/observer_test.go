package behaviour_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// watcher is an observer that keeps every step. Safe from any goroutine.
type watcher struct {
	mu    sync.Mutex
	steps []*watched
}

// watched is a step, the step that it lies within, and how it ended.
type watched struct {
	signals.Observed

	within *watched
	ended  int
	err    error
	rows   []signals.ObservedRow // when it ended
}

type watchedKey struct{}

// ObserveStart notes the step and puts it into the context.
func (w *watcher) ObserveStart(ctx context.Context, o signals.Observed) context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &watched{Observed: o, within: watchedOf(ctx)}
	w.steps = append(w.steps, s)
	return context.WithValue(ctx, watchedKey{}, s)
}

// ObserveEnd notes how the step ended.
func (w *watcher) ObserveEnd(ctx context.Context, o signals.Observed, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := watchedOf(ctx)
	s.ended++
	s.err, s.rows = err, o.Rows()
}

func watchedOf(ctx context.Context) *watched {
	s, _ := ctx.Value(watchedKey{}).(*watched)
	return s
}

// all returns the steps so far.
func (w *watcher) all() []*watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.steps
}

// take returns one line per step, in the order of their starts and indented by what they lie within, and forgets them.
func (w *watcher) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for _, s := range w.steps {
		depth := 0
		for up := s.within; up != nil; up = up.within {
			depth++
		}
		lines = append(lines, strings.Repeat("  ", depth)+s.line())
	}
	w.steps = nil
	return lines
}

func (s *watched) line() string {
	line := strings.TrimSpace(s.Step.String() + " " + s.Signal + " " + s.Sender)
	if s.Receiver != nil {
		line += " to " + s.Receiver.UID
	}
	if s.Phase != "send" {
		line += ", " + s.Phase
	}
	if s.Events != 1 {
		line += fmt.Sprintf(", %d events", s.Events)
	}
	panicked, isPanic := errors.AsType[*signals.PanicError](s.err)
	switch {
	case s.ended != 1:
		line += fmt.Sprintf(", ended %d times", s.ended)
	case isPanic:
		line += fmt.Sprint(": panic ", panicked.Value)
	case s.err != nil:
		line += ": " + cause(s.err).Error()
	}
	return line
}

// cause is what the innermost receiver answered.
func cause(err error) error {
	for {
		failed, ok := errors.AsType[*signals.ReceiverError](err)
		if !ok {
			return err
		}
		err = failed.Err
	}
}

// watch returns a fresh database that is observed.
func watch(t *testing.T, models ...any) (*gorm.DB, *watcher) {
	t.Helper()
	w := &watcher{}
	return testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Observer: w, ErrorHandler: func(context.Context, error) {}}, models...), w
}

func ok[E any](context.Context, E) error { return nil }

func TestSendsAndCallsLieWithinEachOther(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{}, &Page{})
	products, pages := signals.For[Product](db), signals.For[Page](db)
	products.PreSave.Connect(ok, signals.UID("a"))
	products.PreSave.Connect(ok, signals.UID("b"))
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		return e.DB().Create(&Page{Title: e.Instance.Name}).Error
	}, signals.UID("writes"))
	pages.PostSave.Connect(ok, signals.UID("nested"))
	require.NoError(t, db.Create(&Product{Name: "lamp"}).Error)
	assert.Equal(t, []string{
		"sending pre_save Product", "  calling pre_save Product to a", "  calling pre_save Product to b",
		"sending post_save Product", "  calling post_save Product to writes",
		"    sending post_save Page", "      calling post_save Page to nested",
	}, w.take())
}

func TestEveryKindOfSignalIsObserved(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{}, &Song{}, &Genre{})
	require.NoError(t, db.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error)
	seedMusic(t, db)
	products := signals.For[Product](db)
	products.PreSave.Connect(ok, signals.UID("r"))
	products.PostSave.ConnectBatch(ok, signals.UID("all"))
	products.PreDelete.Connect(ok, signals.UID("r"))
	products.PostDelete.Connect(ok, signals.UID("r"))
	products.PostLoad.Connect(ok, signals.UID("r"))
	signals.For[Song](db).M2MChanged.Connect(ok, signals.UID("r"))

	require.NoError(t, db.Model(&Product{}).Where("1 = 1").Update("price", 5).Error)
	assert.Equal(t, []string{
		"sending pre_save Product, 2 events", "  calling pre_save Product to r", "  calling pre_save Product to r",
		"sending post_save Product, 2 events", "  calling post_save Product to all, 2 events",
	}, w.take())
	require.NoError(t, db.Delete(&Product{}, 1).Error)
	assert.Equal(t, []string{
		"sending pre_delete Product", "  calling pre_delete Product to r", "sending post_delete Product", "  calling post_delete Product to r",
	}, w.take())
	require.NoError(t, db.First(&Product{}).Error)
	assert.Equal(t, []string{"sending post_load Product", "  calling post_load Product to r"}, w.take())
	require.NoError(t, db.Model(&Song{ID: 1}).Association("Genres").Append(&Genre{ID: 3}))
	assert.Equal(t, []string{
		"sending m2m_changed Song", "  calling m2m_changed Song to r", "sending m2m_changed Song", "  calling m2m_changed Song to r",
	}, w.take())
	require.NoError(t, products.PostLoad.Send(t.Context(), signals.LoadEvent[*Product]{Instance: &Product{ID: 2}}))
	assert.Equal(t, []string{"sending post_load Product", "  calling post_load Product to r"}, w.take(), "by hand")
}

func TestReceiversGetTheContextOfTheirCall(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{})
	type userKey struct{}
	check := func(uid string) signals.Receiver[signals.SaveEvent[*Product]] {
		return func(ctx context.Context, e signals.SaveEvent[*Product]) error {
			for from, ctx := range map[string]context.Context{"argument": ctx, "session": e.DB().Statement.Context} {
				s := watchedOf(ctx)
				assert.Equal(t, "calling "+uid, s.Step.String()+" "+s.Receiver.UID, from)
				assert.Equal(t, "mary", ctx.Value(userKey{}), from)
			}
			return nil
		}
	}
	products := signals.For[Product](db)
	products.PreSave.Connect(check("pre"), signals.UID("pre"))
	products.PostSave.Connect(check("post"), signals.UID("post"))
	products.PostSave.Connect(check("before"), signals.UID("before"), signals.BeforeCommit())
	products.PostSave.Connect(check("after"), signals.UID("after"), signals.AfterCommit())
	require.NoError(t, db.WithContext(context.WithValue(t.Context(), userKey{}, "mary")).Create(&Product{}).Error)
	assert.Len(t, w.all(), 9)
}

func TestACustomSignalIsObservedFromObserveOn(t *testing.T) {
	t.Parallel()
	s, w := signals.New[view]("viewed"), &watcher{}
	s.Connect(func(ctx context.Context, _ view) error {
		if by := watchedOf(ctx); by != nil {
			assert.Equal(t, "a", by.Receiver.UID)
		}
		return nil
	}, signals.UID("a"))
	s.Connect(func(context.Context, view) error { return errBoom }, signals.UID("b"))
	s.Connect(func(context.Context, view) error { panic("no") }, signals.UID("c"))
	require.Error(t, s.Send(t.Context(), view{}))
	s.Observe(w)
	assert.Empty(t, w.take())

	require.ErrorIs(t, s.Send(t.Context(), view{product: "lamp"}), errBoom)
	assert.Equal(t, view{product: "lamp"}, w.all()[1].Event)
	assert.Nil(t, w.all()[1].rows)
	assert.Equal(t, []string{"sending viewed: boom", "  calling viewed to a", "  calling viewed to b: boom"}, w.take())
	all := []string{"sending viewed: boom", "  calling viewed to a", "  calling viewed to b: boom", "  calling viewed to c: panic no"}
	s.SendRobust(t.Context(), view{})
	assert.Equal(t, all, w.take())
	s.SendConcurrent(t.Context(), view{})
	assert.ElementsMatch(t, all, w.take())
	require.ErrorIs(t, s.Send(signals.Mute(t.Context(), "a"), view{}), errBoom)
	assert.Equal(t, []string{"sending viewed: boom", "  calling viewed to b: boom"}, w.take(), "a is muted")

	s.Observe(nil)
	require.ErrorIs(t, s.Send(t.Context(), view{}), errBoom)
	assert.Empty(t, w.take())
	assert.PanicsWithValue(t, "signals: Observe is for custom signals: set Plugin.Observer to see those of models", func() {
		signals.For[Product](open(t)).PreSave.Observe(w)
	})
}

func TestAnObserverSeesErrorsAndPanics(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{})
	products := signals.For[Product](db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Instance.Name == "panic" {
			panic("no")
		}
		return errBoom
	}, signals.UID("bad"))
	products.PostSave.Connect(ok, signals.UID("never"))
	require.ErrorIs(t, db.Create(&Product{}).Error, errBoom)
	assert.Equal(t, errBoom, w.all()[1].err, "a call ends with what the receiver answered")
	assert.Equal(t, []string{"sending post_save Product: boom", "  calling post_save Product to bad: boom"}, w.take())
	require.Error(t, db.Create(&[]Product{{Name: "panic"}, {}}).Error)
	assert.Equal(t, []string{"sending post_save Product, 2 events: panic no", "  calling post_save Product to bad: panic no"}, w.take())
}

func TestWhatIsNotCalledIsNotObserved(t *testing.T) {
	t.Parallel()
	db, w := watch(t, &Product{})
	require.NoError(t, db.Create(&Product{ID: 1, Price: 1}).Error)
	assert.Empty(t, w.take(), "nobody listens")
	products := signals.For[Product](db)
	products.PostSave.Connect(ok, signals.UID("a"))
	products.PostSave.Connect(ok, signals.UID("price"), signals.Fields("Price"))
	products.PostSave.ConnectBatch(ok, signals.UID("batch"))

	require.NoError(t, db.WithContext(signals.Mute(t.Context())).Create(&Product{}).Error)
	require.NoError(t, db.Model(&Product{}).Where("id = 99").Update("price", 5).Error)
	assert.Empty(t, w.take(), "all are muted, and no row is there")
	require.NoError(t, db.WithContext(signals.Mute(t.Context(), "a")).Model(&Product{ID: 1}).Update("name", "b").Error)
	assert.Equal(t, []string{"sending post_save Product", "  calling post_save Product to batch"}, w.take())
	require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Product{{ID: 1}, {ID: 9}}).Error)
	assert.Len(t, w.all()[0].rows, 1, "one row is there already")
	assert.Equal(t, []string{
		"sending post_save Product",
		"  calling post_save Product to a", "  calling post_save Product to price", "  calling post_save Product to batch",
	}, w.take())
	require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Product{{ID: 1}}).Error)
	assert.Empty(t, w.take())
}

func TestWaitingIsTheTimeUntilTheEndOfTheTransaction(t *testing.T) {
	t.Parallel()
	undo := errors.New("undo")
	const name = "waiting post_save Product, after_commit"
	after := []string{"sending post_save Product, after_commit", "  calling post_save Product to a, after_commit"}
	rolledBack := []string{name + ": signals: the transaction was rolled back"}
	for what, c := range map[string]struct {
		run  func(t *testing.T, db *gorm.DB, create func(tx *gorm.DB) error)
		want []string
	}{
		"commit": {func(t *testing.T, db *gorm.DB, create func(*gorm.DB) error) {
			t.Helper()
			require.NoError(t, create(db))
		}, append([]string{name}, after...)},
		"rollback": {func(t *testing.T, db *gorm.DB, create func(*gorm.DB) error) {
			t.Helper()
			tx := db.Begin()
			require.NoError(t, create(tx))
			require.NoError(t, tx.Rollback().Error)
		}, rolledBack},
		"a savepoint": {func(t *testing.T, db *gorm.DB, create func(*gorm.DB) error) {
			t.Helper()
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, create(tx))
				require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error { return errors.Join(create(tx), undo) }), undo)
				return nil
			}))
		}, append([]string{name, rolledBack[0]}, after...)},
		"an unknown outcome": {func(t *testing.T, db *gorm.DB, create func(*gorm.DB) error) {
			t.Helper()
			tx := db.Begin()
			require.NoError(t, create(tx))
			raw, _ := signals.SQLTx(tx)
			require.NoError(t, raw.Commit())
			require.Error(t, tx.Commit().Error)
		}, []string{name + ": " + signals.ErrOutcomeUnknown.Error()}},
		"no transaction": {func(t *testing.T, db *gorm.DB, create func(*gorm.DB) error) {
			t.Helper()
			require.NoError(t, create(db.Session(&gorm.Session{SkipDefaultTransaction: true})))
		}, append([]string{name}, after...)},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			db, w := watch(t, &Product{})
			signals.For[Product](db).PostSave.Connect(ok, signals.AfterCommit(), signals.UID("a"))
			c.run(t, db, func(tx *gorm.DB) error {
				before := len(w.all())
				err := tx.Create(&Product{}).Error
				assert.Greater(t, len(w.all()), before)
				return err
			})
			assert.Equal(t, c.want, w.take())
		})
	}
}
