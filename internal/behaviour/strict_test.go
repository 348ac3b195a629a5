package behaviour_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// warnings keeps what a database warns of.
type warnings struct {
	logger.Interface
	heard
}

func (w *warnings) Warn(_ context.Context, format string, args ...any) { w.add(format, args...) }

// warned opens a database that notes warnings.
func warned(t *testing.T, strict bool) (*gorm.DB, *warnings) {
	t.Helper()
	w := &warnings{Interface: logger.Discard}
	return testkit.OpenWith(t, &gorm.Config{Logger: w}, signals.Plugin{Strict: strict}, &Order{}, &Product{}), w
}

func saved(context.Context, signals.SaveEvent[*Order]) error { return nil }

// request connects on each request, as a handler must not do.
func request(db *gorm.DB, id int, opts ...signals.ConnectOption) {
	signals.For[Order](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error {
		_ = id
		return nil
	}, opts...)
}

// doubtful are programs that connect in a way that is probably wrong, and what they are told.
func doubtful() map[string]struct {
	run  func(t *testing.T, db *gorm.DB)
	want string
} {
	const twice = "this line has connected the function before, and it is still connected, so that it is called twice"
	return map[string]struct {
		run  func(t *testing.T, db *gorm.DB)
		want string
	}{
		"the same function": {func(_ *testing.T, db *gorm.DB) {
			for range 2 {
				signals.For[Order](db).PostSave.Connect(saved)
			}
		}, twice},
		"a handler that connects": {func(t *testing.T, db *gorm.DB) {
			t.Helper()
			for id := range 2 {
				request(db, id)
				require.NoError(t, db.Create(&Order{}).Error)
			}
		}, twice},
		"a handler that connects all": {func(t *testing.T, db *gorm.DB) {
			t.Helper()
			for range 2 {
				signals.ConnectAll[Order](db, &choosy{})
				require.NoError(t, db.Create(&Order{}).Error)
			}
		}, twice},
		"a UID of another place": {func(_ *testing.T, db *gorm.DB) {
			signals.For[Order](db).PostSave.Connect(saved, signals.UID("index"))
			signals.For[Order](db).PostSave.Connect(saved, signals.UID("index"))
		}, `the UID "index" replaces the receiver that was connected at `},
	}
}

func TestStrictRefusesToConnectWhatIsProbablyWrong(t *testing.T) {
	t.Parallel()
	for name, c := range doubtful() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, w := warned(t, true)
			message := testkit.PanicOf(func() { c.run(t, db) })
			assert.Contains(t, message, "signals: Connect to p")
			assert.Contains(t, message, c.want)
			assert.Empty(t, w.take())
			before := len(signals.Receivers(db))
			assert.Positive(t, before, "what was connected before stays")
		})
	}
}

func TestWithoutStrictWhatIsProbablyWrongIsLoggedOnce(t *testing.T) {
	t.Parallel()
	for name, c := range doubtful() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, w := warned(t, false)
			for range 3 {
				c.run(t, db)
			}
			texts := w.take()
			require.NotEmpty(t, texts)
			assert.Contains(t, texts[0], c.want)
			seen := map[string]bool{}
			for _, text := range texts {
				assert.False(t, seen[text], "once: %s", text)
				seen[text] = true
			}
		})
	}
}

// table connects one function for each line of a table.
func table(db *gorm.DB, lines ...string) {
	for _, line := range lines {
		signals.For[Order](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error {
			_ = line
			return nil
		})
	}
}

func TestStrictLeavesUsualCodeAlone(t *testing.T) {
	t.Parallel()
	db, w := warned(t, true)
	orders, products := signals.For[Order](db), signals.For[Product](db)
	for _, s := range []*signals.Signal[signals.SaveEvent[*Order]]{orders.PreSave, orders.PostSave} {
		s.Connect(saved) // another signal
	}
	for range 2 {
		disconnect := orders.PreSave.Connect(saved, signals.Priority(2)) // it was disconnected
		require.NoError(t, db.Create(&Order{}).Error)
		disconnect()
	}
	for _, phase := range []signals.ConnectOption{signals.BeforeCommit(), signals.AfterCommit(), signals.AfterRollback()} {
		orders.PostSave.Connect(saved, phase) // another option
	}
	for _, field := range []string{"Status", "Total"} {
		orders.PostSave.Connect(saved, signals.Fields(field))
	}
	for _, status := range []string{"paid", "sent"} {
		orders.PostSave.Connect(saved, signals.Becomes("Status", status))
	}
	for _, only := range []signals.ConnectOption{signals.OnCreate(), signals.OnUpdate()} {
		orders.PostSave.Connect(saved, only)
	}
	table(db, "a", "b", "c")
	require.NoError(t, db.Create(&Order{}).Error)
	table(db, "d", "e") // called from another place
	for _, receive := range []signals.Receiver[signals.SaveEvent[*Order]]{saved, func(context.Context, signals.SaveEvent[*Order]) error { return nil }} {
		orders.PreSave.Connect(receive) // other functions
		require.NoError(t, db.Create(&Order{}).Error)
	}
	for id := range 3 {
		request(db, id, signals.Once())
		request(db, id, signals.UID("request"))
		require.NoError(t, db.Create(&Order{}).Error)
	}
	for range 2 {
		products.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil }, signals.UID("one line"))
	}
	assert.Empty(t, w.take())
}

func TestAMuteOfAUIDThatNobodyHasIsDoubted(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprint("strict ", strict), func(t *testing.T) {
			t.Parallel()
			db, w := warned(t, strict)
			signals.For[Order](db).PostSave.Connect(saved, signals.UID("send-receipts"))
			wrong := db.WithContext(signals.Mute(t.Context(), "send-reciepts"))
			for range 2 {
				err := wrong.Create(&Order{}).Error
				if strict {
					require.EqualError(t, err, `signals: Mute names the UID "send-reciepts", which no receiver has: did you mean "send-receipts"?`)
				} else {
					require.NoError(t, err)
				}
			}
			err := db.WithContext(signals.Mute(t.Context(), "nothing like it")).Create(&Order{}).Error
			if strict {
				require.ErrorContains(t, err, "use the UID of a connected receiver")
				assert.Empty(t, w.take())
				assert.Equal(t, int64(0), count[Order](t, db))
			} else {
				require.NoError(t, err)
				assert.Len(t, w.take(), 2, "once for each UID")
			}
		})
	}
}

func TestAMuteOfAUIDThatNobodyHasFailsAWriteThatNobodyListensToInStrictMode(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{false, true} {
		for _, listening := range []bool{false, true} {
			t.Run(fmt.Sprint("strict ", strict, ", listening ", listening), func(t *testing.T) {
				t.Parallel()
				db, w := warned(t, strict)
				if listening {
					signals.For[Order](db).PostSave.Connect(saved, signals.UID("unheard-receipts"), signals.OnCreate())
				}
				require.NoError(t, db.Create(&Order{ID: 1}).Error)
				wrong := db.WithContext(signals.Mute(t.Context(), "unheard-reciepts"))
				for name, err := range map[string]error{
					"delete":          wrong.Delete(&Order{ID: 1}).Error,
					"update":          wrong.Model(&Order{ID: 1}).Update("status", "paid").Error,
					"another model":   wrong.Create(&Product{}).Error,
					"save of another": wrong.Save(&Product{ID: 1}).Error,
				} {
					if strict {
						require.ErrorContains(t, err, `Mute names the UID "unheard-reciepts", which no receiver has`, name)
					} else {
						require.NoError(t, err, name)
					}
				}
				require.NoError(t, wrong.Model(&Product{}).Where("id = 1").UpdateColumn("stock", 2).Error, "which sends nothing in any case")
				require.NoError(t, wrong.Session(&gorm.Session{DryRun: true}).Create(&Product{}).Error)
				require.NoError(t, db.WithContext(signals.Mute(t.Context())).Create(&Product{}).Error, "all are muted")
				assert.Empty(t, w.take())
			})
		}
	}
}

func TestAMuteMayNameReceiversOfCustomSignalsAndOfOtherDatabases(t *testing.T) {
	t.Parallel()
	db, w := warned(t, true)
	other := open(t, &Order{})
	signals.For[Order](db).PostSave.Connect(saved)
	signals.For[Order](other).PostSave.Connect(saved, signals.UID("strict-test-other"))
	viewed := signals.New[view]("viewed")
	end := viewed.Connect(func(context.Context, view) error { return nil }, signals.UID("strict-test-custom"))
	muted := db.WithContext(signals.Mute(t.Context(), "strict-test-other", "strict-test-custom"))
	require.NoError(t, muted.Create(&Order{}).Error)
	end()
	require.ErrorContains(t, muted.Create(&Order{}).Error, `"strict-test-custom", which no receiver has`)
	viewed.Connect(func(context.Context, view) error { return nil }, signals.UID("strict-test-custom"))
	viewed.Connect(func(context.Context, view) error { return nil }, signals.UID("strict-test-custom"))
	require.NoError(t, muted.Create(&Order{}).Error)
	assert.True(t, viewed.Disconnect("strict-test-custom"))
	require.Error(t, muted.Create(&Order{}).Error, "replaced and then disconnected")
	require.NoError(t, db.WithContext(signals.Mute(t.Context(), "strict-test-custom")).WithContext(signals.Mute(t.Context())).Create(&Order{}).Error, "everything is muted")
	assert.Empty(t, w.take())
}
