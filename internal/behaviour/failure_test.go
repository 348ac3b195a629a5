package behaviour_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Bay is a model with a constraint and a hook.
type Bay struct {
	ID   uint
	Name string `gorm:"unique"`
	Size int
}

var errHook = errors.New("the hook refuses")

// BeforeSave refuses a name.
func (s *Bay) BeforeSave(*gorm.DB) error {
	if s.Name == "hook" {
		return errHook
	}
	return nil
}

// Attempt is what an audit keeps of writes that have failed.
type Attempt struct {
	ID   uint
	Text string
}

// hearFailures hears of failed writes of slots, and writes an audit of them.
func hearFailures(db *gorm.DB) *heard {
	h := &heard{}
	slots := signals.For[Bay](db)
	slots.PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Bay]) error {
		verb := "update"
		if e.Created {
			verb = "create"
		}
		h.add("%s %s: %s", verb, e.Instance.Name, shortError(e.Err()))
		return errors.Join(e.DB().Create(&Attempt{Text: e.Instance.Name}).Error, ctx.Err())
	}, signals.AfterFailure())
	slots.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Bay]) error {
		h.add("delete %s: %s", e.Instance.Name, shortError(e.Err()))
		return nil
	}, signals.AfterFailure())
	slots.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Bay]) error {
		if e.Instance.Name == "refused" {
			return errBoom
		}
		return nil
	})
	slots.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Bay]) error {
		if e.Instance.Name == "kept" {
			return errBoom
		}
		return nil
	})
	return h
}

// await waits until something was heard.
func (h *heard) await() {
	for {
		h.mu.Lock()
		n := len(h.lines)
		h.mu.Unlock()
		if n > 0 {
			return
		}
		runtime.Gosched()
	}
}

// shortError names the cause of a failure.
func shortError(err error) string {
	switch {
	case errors.Is(err, errBoom):
		return "boom"
	case errors.Is(err, errHook):
		return "hook"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case err == nil:
		return "nothing"
	}
	return "constraint"
}

func inModesOfFailures(t *testing.T, test func(t *testing.T, db *gorm.DB, h *heard)) {
	t.Helper()
	for name, config := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handled := &handled{}
			db := testkit.OpenWith(t, config, signals.Plugin{ErrorHandler: handled.handle}, &Bay{}, &Attempt{})
			require.NoError(t, db.Create(&[]Bay{{Name: "a", Size: 1}, {Name: "b", Size: 2}, {Name: "kept", Size: 3}}).Error)
			test(t, db, hearFailures(db))
			for _, err := range handled.take() {
				require.ErrorIs(t, err, signals.ErrOutcomeUnknown, "the receivers could write")
			}
		})
	}
}

func TestAWriteThatFailsIsHeardOfOnceItsTransactionHasEnded(t *testing.T) {
	t.Parallel()
	inModesOfFailures(t, func(t *testing.T, db *gorm.DB, h *heard) {
		t.Helper()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for _, tt := range []struct {
			name  string
			write func(tx *gorm.DB) error
			want  []string
		}{
			{"a constraint", func(tx *gorm.DB) error { return tx.Create(&Bay{Name: "a"}).Error }, []string{"create a: constraint"}},
			{
				"a constraint of several", func(tx *gorm.DB) error { return tx.Create(&[]Bay{{Name: "n"}, {Name: "a"}}).Error },
				[]string{"create n: constraint", "create a: constraint"},
			},
			{"a receiver", func(tx *gorm.DB) error { return tx.Create(&Bay{Name: "refused"}).Error }, []string{"create refused: boom"}},
			{"a hook", func(tx *gorm.DB) error { return tx.Create(&Bay{Name: "hook"}).Error }, []string{"create hook: hook"}},
			{"a map", func(tx *gorm.DB) error { return tx.Model(&Bay{}).Create(map[string]any{"name": "a"}).Error }, []string{"create a: constraint"}},
			{"a context", func(tx *gorm.DB) error { return tx.WithContext(ended).Create(&Bay{Name: "late"}).Error }, []string{"create late: canceled"}},
			{
				"a context of an update", func(tx *gorm.DB) error {
					return tx.WithContext(ended).Model(&Bay{ID: 1, Name: "x"}).Update("size", 2).Error
				},
				[]string{"update x: canceled"},
			},
			{
				"a context of a delete", func(tx *gorm.DB) error {
					return tx.WithContext(ended).Delete(&[]*Bay{{ID: 1, Name: "x"}, {Name: "no key"}}).Error
				},
				[]string{"delete x: canceled"},
			},
			{"an update", func(tx *gorm.DB) error { return tx.Model(&Bay{}).Where("id = ?", 2).Update("name", "a").Error }, []string{"update a: constraint"}},
			{
				"an update of several", func(tx *gorm.DB) error { return tx.Model(&Bay{}).Where("id < ?", 3).Update("name", "kept").Error },
				[]string{"update kept: constraint", "update kept: constraint"},
			},
			{"a Save", func(tx *gorm.DB) error { return tx.Save(&Bay{ID: 2, Name: "a"}).Error }, []string{"update a: constraint"}},
			{"a Save that inserts", func(tx *gorm.DB) error { return tx.Save(&Bay{ID: 9, Name: "a"}).Error }, []string{"create a: constraint"}},
			{"a delete", func(tx *gorm.DB) error { return tx.Where("size > ?", 2).Delete(&Bay{}).Error }, []string{"delete kept: boom"}},
			{"an update without a condition", func(tx *gorm.DB) error { return tx.Model(&Bay{}).Update("size", 1).Error }, nil},
			{"no failure", func(tx *gorm.DB) error {
				return errors.Join(tx.Create(&Bay{Name: "ok"}).Error, tx.Delete(&Bay{}, "name = ?", "ok").Error)
			}, nil},
			{"no hooks", func(tx *gorm.DB) error {
				return tx.Session(&gorm.Session{SkipHooks: true}).Create(&Bay{Name: "a"}).Error
			}, nil},
			{"muted", func(tx *gorm.DB) error {
				return tx.WithContext(signals.Mute(t.Context())).Create(&Bay{Name: "a"}).Error
			}, nil},
		} {
			var before, after int64
			require.NoError(t, db.Model(&Attempt{}).Count(&before).Error)
			err := tt.write(db)
			if tt.want != nil {
				require.Error(t, err, tt.name)
			}
			if tt.name == "a context" && db.SkipDefaultTransaction { // nobody knows what became of a statement outside any transaction
				before--
				assert.Empty(t, h.take(), tt.name)
			} else {
				assert.Equal(t, tt.want, h.take(), tt.name)
			}
			require.Equal(t, err != nil, db.Transaction(func(tx *gorm.DB) error { return tt.write(tx) }) != nil, tt.name)
			assert.Equal(t, tt.want, h.take(), "%s, in a transaction that is rolled back", tt.name)
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				_ = tt.write(tx)
				assert.Empty(t, h.take(), "%s: it waits for the end", tt.name)
				return nil
			}))
			assert.Equal(t, tt.want, h.take(), "%s, in a transaction that goes on", tt.name)
			_ = db.Transaction(func(tx *gorm.DB) error {
				_ = tx.Transaction(func(tx *gorm.DB) error { return tt.write(tx) })
				return nil
			})
			assert.Equal(t, tt.want, h.take(), "%s, in a savepoint", tt.name)
			require.NoError(t, db.Model(&Attempt{}).Count(&after).Error)
			if len(tt.want) > 0 && tt.want[0][0] != 'd' {
				assert.Equal(t, int64(4*len(tt.want)), after-before, "%s: what the receivers write stays", tt.name)
			}
		}
	})
}

func TestAWriteThatSucceedsIsNoFailure(t *testing.T) {
	t.Parallel()
	inModesOfFailures(t, func(t *testing.T, db *gorm.DB, h *heard) {
		t.Helper()
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Bay{Name: "x"}).Error)
			return errBoom
		}), errBoom)
		_ = db.Transaction(func(tx *gorm.DB) error {
			_ = tx.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Bay{Name: "x"}).Error)
				return errBoom
			})
			return nil
		})
		assert.Empty(t, h.take(), "the program has rolled it back")
	})
}

func TestAWriteWhosePostReceiverFailsHasFailedUnlessItIsCommitted(t *testing.T) {
	t.Parallel()
	for name, config := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, config, signals.Plugin{}, &Bay{}, &Attempt{})
			h := hearFailures(db)
			signals.For[Bay](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Bay]) error { return errBoom }, signals.Priority(-1))
			require.ErrorIs(t, db.Create(&Bay{Name: "a"}).Error, errBoom)
			want := []string{"create a: boom"}
			if config.SkipDefaultTransaction {
				want = nil // it is stored
			}
			assert.Equal(t, want, h.take())
			require.Error(t, db.Transaction(func(tx *gorm.DB) error { return tx.Create(&Bay{Name: "b"}).Error }))
			assert.Equal(t, []string{"create b: boom"}, h.take())
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				require.ErrorIs(t, tx.Create(&Bay{Name: "c"}).Error, errBoom)
				return nil
			}))
			assert.Empty(t, h.take(), "the program has committed it")
			assert.Equal(t, int64(1), named(t, db, "c"))
		})
	}
}

// named counts slots.
func named(t *testing.T, db *gorm.DB, name string) (n int64) {
	t.Helper()
	require.NoError(t, db.Model(&Bay{}).Where("name = ?", name).Count(&n).Error)
	return n
}

func TestAFailedCommitIsAFailureOfItsWrites(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{}, &Bay{}, &Attempt{})
	h := hearFailures(db)
	disconnect := signals.For[Bay](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Bay]) error { return errBoom }, signals.BeforeCommit())
	require.ErrorIs(t, db.Create(&Bay{Name: "a"}).Error, errBoom)
	assert.Equal(t, []string{"create a: boom"}, h.take())
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
		_ = tx.Transaction(func(tx *gorm.DB) error { return errors.Join(tx.Create(&Bay{Name: "undone"}).Error, errHook) })
		return tx.Create(&Bay{Name: "a"}).Error
	}), errBoom)
	assert.Equal(t, []string{"create a: boom"}, h.take(), "what the program had rolled back has not failed")
	disconnect()
	ctx, cancel := context.WithCancel(t.Context())
	require.Error(t, db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Bay{Name: "a"}).Error)
		cancel()
		return nil
	}))
	h.await() // database/sql may roll back on a goroutine of its own
	assert.Equal(t, []string{"create a: canceled"}, h.take())
}

func TestAContextThatEndsWithinAWriteIsAFailureOnce(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{}, &Bay{}, &Attempt{})
	h := hearFailures(db)
	var end func()
	signals.For[Bay](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Bay]) error { end(); return nil })
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		end = cancel
		require.Error(t, db.WithContext(ctx).Create(&Bay{Name: "a"}).Error)
		h.await()
		assert.Equal(t, []string{"create a: canceled"}, h.take())
	}
}

func TestReceiversOfFailuresMayBeBatchesOnLanesAndOfChanges(t *testing.T) {
	t.Parallel()
	handled := &handled{}
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{ErrorHandler: handled.handle}, &Bay{})
	lane := signals.NewLane(signals.LaneConfig{Name: "l"})
	require.NoError(t, db.Create(&Bay{Name: "a"}).Error)
	h := &heard{}
	slots := signals.For[Bay](db)
	slots.PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Bay]) error {
		h.add("%d: %s", len(events), shortError(events[0].Err()))
		return errBoom
	}, signals.AfterFailure())
	slots.PostChange.Connect(func(_ context.Context, e signals.ChangeEvent[*Bay]) error {
		h.add("%v %s: %s", e.Kind, e.Instance.Name, shortError(e.Err()))
		return nil
	}, signals.AfterFailure(), signals.In(lane))
	slots.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Bay]) error {
		h.add("never")
		return e.Err()
	}, signals.AfterCommit())
	require.Error(t, db.Create(&[]Bay{{Name: "b"}, {Name: "a"}}).Error)
	require.NoError(t, lane.Wait(t.Context()))
	assert.ElementsMatch(t, []string{"2: constraint", "created b: constraint", "created a: constraint"}, h.take())
	require.Len(t, handled.take(), 1, "what a receiver returns goes to the handler")
}

func TestAFailureWithinAnAssociationIsOneOfEachWrite(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{}, &Dock{}, &Bay2{})
	h := &heard{}
	signals.Implementing[any](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error {
		h.add("%T: %s", e.Instance, shortError(e.Err()))
		return nil
	}, signals.AfterFailure())
	require.Error(t, db.Create(&Dock{Bays: []Bay2{{Name: "a"}, {Name: "a"}}}).Error)
	assert.ElementsMatch(t, []string{"*behaviour_test.Bay2: constraint", "*behaviour_test.Bay2: constraint", "*behaviour_test.Dock: constraint"}, h.take())
}

// Crew has members by a table of its own.
type Crew struct {
	ID      uint
	Members []Sailor `gorm:"many2many:crew_sailors"`
}

// Sailor is a member of crews.
type Sailor struct{ ID uint }

func TestLinksThatCouldNotBeChangedAreAFailure(t *testing.T) {
	t.Parallel()
	for name, config := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, config, signals.Plugin{}, &Crew{}, &Sailor{})
			crew := Crew{ID: 1, Members: []Sailor{{ID: 1}}}
			require.NoError(t, db.Create(&crew).Error)
			h, crews := &heard{}, signals.For[Crew](db)
			crews.M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Crew]) error {
				h.add("%s %s %v: %s", e.Relation, e.Action, e.PKs, shortError(e.Err()))
				return nil
			}, signals.AfterFailure())
			appendTo := func(tx *gorm.DB) error { return tx.Model(&crew).Association("Members").Append(&Sailor{ID: 2}) }
			for _, when := range []signals.M2MAction{signals.PreAdd, signals.PostAdd} {
				disconnect := crews.M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Crew]) error {
					if e.Action == when {
						return errBoom
					}
					return nil
				})
				require.ErrorIs(t, appendTo(db), errBoom)
				assert.Equal(t, []string{"Members post_add [2]: boom"}, h.take(), when)
				require.ErrorIs(t, db.Transaction(appendTo), errBoom)
				assert.Equal(t, []string{"Members post_add [2]: boom"}, h.take(), when)
				disconnect()
			}
			require.NoError(t, db.Exec("CREATE TRIGGER refuses BEFORE INSERT ON crew_sailors BEGIN SELECT RAISE(ABORT, 'no'); END").Error)
			require.Error(t, appendTo(db))
			assert.Equal(t, []string{"Members post_add [2]: constraint"}, h.take())
			require.NoError(t, db.Exec("DROP TRIGGER refuses").Error)
			require.NoError(t, appendTo(db))
			assert.Empty(t, h.take())
		})
	}
}

// Dock has bays.
type Dock struct {
	ID   uint
	Bays []Bay2
}

// Bay2 is a slot of a shelf.
type Bay2 struct {
	ID     uint
	DockID uint
	Name   string `gorm:"uniqueIndex"`
}

func TestAfterFailureWithoutMeaningIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	s := signals.For[Product](db)
	for want, connect := range map[string]func(){
		"connect to post_save": func() {
			s.PreSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil }, signals.AfterFailure())
		},
		"use AfterRollback": func() {
			signals.New[view]("v").Connect(func(context.Context, view) error { return nil }, signals.AfterFailure())
		},
		"one phase": func() {
			s.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil }, signals.AfterFailure(), signals.AfterCommit())
		},
	} {
		assert.Contains(t, testkit.PanicOf(connect), want)
	}
	assert.NoError(t, signals.SaveEvent[*Product]{}.Err())
	assert.Equal(t, "[]", fmt.Sprint(signals.Receivers(db)))
}
