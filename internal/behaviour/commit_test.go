package behaviour_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// heard records what deferred receivers of products hear. Safe from any goroutine.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) add(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf(format, args...))
}

func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	lines := h.lines
	h.lines = nil
	return lines
}

// hear connects receivers of all phases to saves and deletes of products.
func hear(db *gorm.DB) *heard {
	h := &heard{}
	products := signals.For[Product](db)
	saved := func(phase string) signals.Receiver[signals.SaveEvent[*Product]] {
		return func(_ context.Context, e signals.SaveEvent[*Product]) error {
			h.add("%s saved %s", phase, e.Instance.Name)
			return nil
		}
	}
	deleted := func(phase string) signals.Receiver[signals.DeleteEvent[*Product]] {
		return func(_ context.Context, e signals.DeleteEvent[*Product]) error {
			h.add("%s deleted %s", phase, e.Instance.Name)
			return nil
		}
	}
	products.PostSave.Connect(saved("before"), signals.BeforeCommit())
	products.PostSave.Connect(saved("after"), signals.AfterCommit())
	products.PostSave.Connect(saved("undone"), signals.AfterRollback())
	products.PostDelete.Connect(deleted("after"), signals.AfterCommit())
	products.PostDelete.Connect(deleted("undone"), signals.AfterRollback())
	return h
}

// modes are the configurations under which every promise about transactions must hold.
func modes() map[string]*gorm.Config {
	return map[string]*gorm.Config{
		"default":                  {},
		"PrepareStmt":              {PrepareStmt: true},
		"SkipDefaultTransaction":   {SkipDefaultTransaction: true},
		"DisableNestedTransaction": {DisableNestedTransaction: true},
	}
}

func inModes(t *testing.T, test func(t *testing.T, db *gorm.DB, h *heard)) {
	t.Helper()
	for name, config := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, config, signals.Plugin{}, &Product{})
			test(t, db, hear(db))
		})
	}
	t.Run("prepared session", func(t *testing.T) {
		t.Parallel()
		db := open(t, &Product{})
		test(t, db.Session(&gorm.Session{PrepareStmt: true}), hear(db))
	})
	t.Run("one connection", func(t *testing.T) {
		t.Parallel()
		db := open(t, &Product{})
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		test(t, db, hear(db))
	})
}

func TestAnImplicitTransactionDeliversAfterItsCommit(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, db *gorm.DB, h *heard) {
		t.Helper()
		signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
			h.add("%d committed", count[Product](t, e.DB()))
			return nil
		}, signals.AfterCommit())
		require.NoError(t, db.Create(&Product{Name: "a"}).Error)
		assert.Equal(t, []string{"before saved a", "after saved a", "1 committed"}, h.take())
		require.NoError(t, db.Delete(&Product{}, 1).Error)
		assert.Equal(t, []string{"after deleted a"}, h.take())
	})
}

func TestATransactionDeliversInOrderAfterTheOutermostCommit(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, db *gorm.DB, h *heard) {
		t.Helper()
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
			require.NoError(t, tx.Transaction(func(tx *gorm.DB) error {
				return tx.Create(&Product{Name: "b"}).Error
			}))
			require.NoError(t, tx.Delete(&Product{}, 1).Error)
			assert.Empty(t, h.take(), "nothing is early")
			return nil
		}))
		assert.Equal(t, []string{"before saved a", "before saved b", "after saved a", "after saved b", "after deleted a"}, h.take())
	})
}

func TestARollbackDeliversTheRollbackInReverse(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, db *gorm.DB, h *heard) {
		t.Helper()
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
			require.NoError(t, tx.Create(&Product{Name: "b"}).Error)
			return errBoom
		}), errBoom)
		assert.Equal(t, []string{"undone saved b", "undone saved a"}, h.take())
		tx := db.Begin()
		require.NoError(t, tx.Create(&Product{Name: "c"}).Error)
		require.NoError(t, tx.Rollback().Error)
		assert.Equal(t, []string{"undone saved c"}, h.take())
		assert.Zero(t, count[Product](t, db))
	})
}

func TestAPanicInATransactionDeliversTheRollback(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, db *gorm.DB, h *heard) {
		t.Helper()
		assert.Panics(t, func() {
			_ = db.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
				panic("no")
			})
		})
		assert.Equal(t, []string{"undone saved a"}, h.take())
	})
}

func TestASavepointThatIsRolledBackTakesItsEventsAlong(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string]struct{ set, back, release func(tx *gorm.DB) error }{
		"by method": {
			set:  func(tx *gorm.DB) error { return tx.SavePoint("sp").Error },
			back: func(tx *gorm.DB) error { return tx.RollbackTo("sp").Error },
		},
		"in SQL": {
			set:     func(tx *gorm.DB) error { return tx.Exec("savepoint `SP`").Error },
			back:    func(tx *gorm.DB) error { return tx.Exec("ROLLBACK TO sp;").Error },
			release: func(tx *gorm.DB) error { return tx.Exec("RELEASE SAVEPOINT Sp").Error },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inModes(t, func(t *testing.T, db *gorm.DB, h *heard) {
				t.Helper()
				require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
					require.NoError(t, steps.set(tx))
					require.NoError(t, tx.Create(&Product{Name: "b"}).Error)
					require.NoError(t, steps.back(tx))
					require.NoError(t, tx.Create(&Product{Name: "c"}).Error)
					require.NoError(t, steps.back(tx), "the mark is still there")
					require.NoError(t, tx.Create(&Product{Name: "d"}).Error)
					if steps.release != nil {
						require.NoError(t, steps.release(tx))
					}
					return nil
				}))
				assert.Equal(t, []string{
					"before saved a", "before saved d",
					"undone saved c", "undone saved b", "after saved a", "after saved d",
				}, h.take())
			})
		})
	}
}

func TestANestedTransactionThatFailsIsDiscardedAlone(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	h := hear(db)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Product{Name: "inner"}).Error)
			return errBoom
		}), errBoom)
		return tx.Create(&Product{Name: "outer"}).Error
	}))
	assert.Equal(t, []string{"before saved outer", "undone saved inner", "after saved outer"}, h.take())
}

func TestBeforeCommitErrorsRollTheTransactionBack(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error": func() error { return errBoom }, "panic": func() error { panic(errBoom) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inModes(t, func(t *testing.T, db *gorm.DB, h *heard) {
				t.Helper()
				signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return fail() },
					signals.BeforeCommit())
				require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
					return tx.Create(&Product{Name: "a"}).Error
				}), errBoom)
				assert.Equal(t, []string{"before saved a", "undone saved a"}, h.take())
				assert.Zero(t, count[Product](t, db))
			})
		})
	}
}

func TestABeforeCommitReceiverMayWriteInTheTransaction(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, db *gorm.DB, h *heard) {
		t.Helper()
		signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
			if e.Instance.Name == "a" {
				return e.DB().Create(&Product{Name: "late"}).Error
			}
			return nil
		}, signals.BeforeCommit())
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return tx.Create(&Product{Name: "a"}).Error }))
		assert.Equal(t, []string{"before saved a", "before saved late", "after saved a", "after saved late"}, h.take())
	})
}

func TestACommitThatFailsDeliversNothingAsCommitted(t *testing.T) {
	t.Parallel()
	var handled []error
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{ErrorHandler: func(_ context.Context, err error) { handled = append(handled, err) }},
		&Product{})
	require.NoError(t, db.Exec("CREATE TABLE parents(id INTEGER PRIMARY KEY)").Error)
	require.NoError(t, db.Exec("CREATE TABLE kids(parent INTEGER REFERENCES parents(id) DEFERRABLE INITIALLY DEFERRED)").Error)
	h := hear(db)
	err := db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
		return tx.Exec("INSERT INTO kids VALUES (99)").Error
	})
	require.ErrorContains(t, err, "FOREIGN KEY")
	assert.Equal(t, []string{"before saved a"}, h.take())
	require.Len(t, handled, 1)
	require.ErrorIs(t, handled[0], signals.ErrOutcomeUnknown)
	require.ErrorContains(t, handled[0], "FOREIGN KEY")
	assert.Zero(t, count[Product](t, db))
}

func TestACancelledContextDeliversTheRollback(t *testing.T) {
	t.Parallel()
	for name, config := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, config, signals.Plugin{}, &Product{})
			h := hear(db)
			undone := make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			tx := db.WithContext(ctx).Begin()
			require.NoError(t, signals.OnRollback(tx, func(ctx context.Context) error {
				assert.NoError(t, ctx.Err(), "the context keeps no cancellation")
				close(undone)
				return nil
			}))
			require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
			cancel()
			<-undone // nobody has called Rollback
			assert.Equal(t, []string{"undone saved a"}, h.take())
			require.ErrorIs(t, tx.Commit().Error, context.Canceled)
			assert.Empty(t, h.take(), "nothing runs twice")
			assert.Zero(t, count[Product](t, db))
		})
	}
}
