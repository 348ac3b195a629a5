package dbtest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// heals requires that the database works again, and that no connection is still in use.
func (e *ends) heals(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return e.db.Create(&Seat{ID: 1000}).Error == nil }, patience, 10*time.Millisecond)
	e.are(t, []string{"insert 1000 0"}, nil)
	pool, err := e.db.DB()
	require.NoError(t, err)
	assert.Eventually(t, func() bool { return pool.Stats().InUse == 0 }, patience, 5*time.Millisecond, "connections in use")
}

// kill ends the connection of a transaction from another one.
func kill(t *testing.T, tx, admin *gorm.DB) {
	t.Helper()
	own, end, left := "SELECT pg_backend_pid()", "SELECT pg_terminate_backend(?)", "SELECT count(*) FROM pg_stat_activity WHERE pid = ?"
	if tx.Name() == "mysql" {
		own, end, left = "SELECT CONNECTION_ID()", "KILL CONNECTION ?", "SELECT count(*) FROM information_schema.processlist WHERE id = ?"
	}
	var id, n int64
	require.NoError(t, tx.Raw(own).Scan(&id).Error)
	require.NoError(t, admin.Exec(end, id).Error)
	require.Eventually(t, func() bool { return admin.Raw(left, id).Scan(&n).Error == nil && n == 0 }, patience, time.Millisecond)
}

func TestALostConnectionIsAnErrorAndCommitsNothing(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, at gorm.Dialector) {
		t.Helper()
		admin := connect(t, at, &gorm.Config{})
		e := hearEnds(t, at)
		seats := signals.For[Seat](e.db)
		inReceiver := func(_ context.Context, s signals.SaveEvent[*Seat]) error { kill(t, s.DB(), admin); return nil }
		unknown := []error{signals.ErrOutcomeUnknown}

		err := e.db.Transaction(func(tx *gorm.DB) error {
			kill(t, tx, admin)
			return tx.Create(&Seat{ID: 1}).Error
		})
		require.Error(t, err, "before the write")
		e.are(t, nil, nil)

		err = e.db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Seat{ID: 2}).Error)
			kill(t, tx, admin)
			return tx.Create(&Seat{ID: 3}).Error
		})
		require.Error(t, err, "between two writes")
		e.are(t, nil, []string{"insert 2 0"})

		err = e.db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Seat{ID: 4}).Error)
			kill(t, tx, admin)
			return nil
		})
		require.Error(t, err, "between the write and the commit")
		e.are(t, nil, nil, unknown...)

		disconnect := seats.PreSave.Connect(inReceiver)
		require.Error(t, e.db.Create(&Seat{ID: 5}).Error, "in pre_save")
		e.are(t, nil, nil)
		disconnect()

		disconnect = seats.PostSave.Connect(inReceiver)
		require.Error(t, e.db.Create(&Seat{ID: 6}).Error, "in post_save")
		e.are(t, nil, nil, unknown...)
		require.Error(t, e.db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Save(&Seat{ID: 7}).Error)
			return tx.Create(&Seat{ID: 8}).Error
		}), "in post_save, and written on")
		e.are(t, nil, []string{"insert 7 0"})
		disconnect()

		disconnect = seats.PostSave.Connect(inReceiver, signals.BeforeCommit())
		require.Error(t, e.db.Create(&Seat{ID: 9}).Error, "before the commit")
		e.are(t, nil, nil, unknown...)
		disconnect()

		e.stored(t)
		e.heals(t)
	})
}

func TestALostCommitIsNeitherACommitNorARollback(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, at gorm.Dialector) {
		t.Helper()
		w, at := wired(t, at)
		e := hearEnds(t, at)
		require.NoError(t, e.db.Create(&Seat{ID: 1}).Error)
		e.are(t, []string{"insert 1 0"}, nil)
		for _, what := range []loss{question, answer} {
			for i, write := range []func() error{
				func() error { return e.db.Create(&Seat{ID: uint(10 * what)}).Error },
				func() error { // the library's own transaction
					return e.db.Session(&gorm.Session{SkipDefaultTransaction: true}).Model(&Seat{ID: 1}).Update("n", what).Error
				},
				func() error {
					return e.db.Transaction(func(tx *gorm.DB) error { return tx.Create(&Seat{ID: uint(10*what + 1)}).Error })
				},
			} {
				w.lose.Store(int32(what))
				require.Error(t, write(), "loss %d, write %d", what, i)
				e.are(t, nil, nil, signals.ErrOutcomeUnknown)
			}
		}
		e.stored(t, "1 2", "20 0", "21 0")
		e.heals(t)
	})
}

func TestAContextThatEndsDuringTheCommitLeavesNoLie(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, at gorm.Dialector) {
		t.Helper()
		w, at := wired(t, at)
		e := hearEnds(t, at)
		for i := range uint(5) {
			ctx, cancel := context.WithCancel(t.Context())
			end := func() { cancel() }
			w.commit.Store(&end)
			line, seat := fmt.Sprintf("insert %d 0", 1+i), Seat{ID: 1 + i}
			err := e.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return tx.Create(&seat).Error })
			if err == nil {
				e.are(t, []string{line}, nil)
				assert.NoError(t, e.db.First(&Seat{}, seat.ID).Error)
				continue
			}
			e.are(t, nil, nil, signals.ErrOutcomeUnknown)
		}
		e.heals(t)
	})
}

func TestACommitThatThePostgresServerDoesNotSurviveIsUnknown(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, at gorm.Dialector) {
		t.Helper()
		if at.Name() != "postgres" {
			t.Skip("only PostgreSQL has deferred triggers")
		}
		e := hearEnds(t, at)
		for _, statement := range []string{
			"CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$",
			"CREATE CONSTRAINT TRIGGER die AFTER INSERT ON seats DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id < 1000) EXECUTE FUNCTION die()",
		} {
			require.NoError(t, e.db.Exec(statement).Error)
		}
		require.Error(t, e.db.Create(&Seat{ID: 1}).Error)
		e.stored(t)
		e.are(t, nil, nil, signals.ErrOutcomeUnknown)
		e.heals(t)
	})
}

func TestACancelledContextRollsBackAndTellsSo(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		e := hearEnds(t, dialector())
		cancelled := func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) }
		undone := func(n int) {
			t.Helper()
			require.Eventually(t, func() bool { e.mu.Lock(); defer e.mu.Unlock(); return len(e.undone) == n }, patience, time.Millisecond)
		}

		ctx, cancel := cancelled()
		cancel()
		require.ErrorIs(t, e.db.WithContext(ctx).Create(&Seat{ID: 1}).Error, context.Canceled, "before")
		e.are(t, nil, nil)

		ctx, cancel = cancelled()
		require.ErrorIs(t, e.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Seat{ID: 2}).Error)
			cancel()
			return nil
		}), context.Canceled, "before the commit")
		undone(1)
		e.are(t, nil, []string{"insert 2 0"})

		ctx, cancel = cancelled()
		disconnect := signals.For[Seat](e.db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Seat]) error { cancel(); return nil })
		require.ErrorIs(t, e.db.WithContext(ctx).Create(&Seat{ID: 3}).Error, context.Canceled, "in a receiver")
		disconnect()
		undone(1)
		e.are(t, nil, []string{"insert 3 0"})

		ctx, cancel = cancelled()
		tx := e.db.WithContext(ctx).Begin()
		require.NoError(t, tx.Create(&Seat{ID: 4}).Error)
		cancel() // and nobody rolls back
		undone(1)
		e.are(t, nil, []string{"insert 4 0"})

		if ctx, cancel = cancelled(); e.db.Name() != "sqlite" {
			require.NoError(t, e.db.Create(&Seat{ID: 5}).Error)
			e.are(t, []string{"insert 5 0"}, nil)
			holder := e.db.Begin()
			require.NoError(t, holder.Model(&Seat{ID: 5}).Update("n", 1).Error)
			require.ErrorIs(t, e.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Seat{ID: 6}).Error)
				time.AfterFunc(50*time.Millisecond, cancel)
				return tx.Model(&Seat{ID: 5}).Update("n", 2).Error
			}), context.Canceled, "while it waits for a lock")
			undone(1)
			e.are(t, nil, []string{"insert 6 0"})
			require.NoError(t, holder.Commit().Error)
			e.are(t, []string{"update 5 1"}, nil)
			require.NoError(t, e.db.Delete(&Seat{ID: 5}).Error)
		}
		cancel()
		e.stored(t)
		e.heals(t)
	})
}

func TestAServerThatGoesAndComesBackLeavesNoLie(t *testing.T) {
	t.Parallel()
	for name, server := range privates() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := server(t)
			p.start(t)
			e := hearEnds(t, p.at)
			require.NoError(t, e.db.Create(&Seat{ID: 1}).Error)
			e.are(t, []string{"insert 1 0"}, nil)

			require.Error(t, e.db.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Seat{ID: 2}).Error)
				p.stop(t)
				return nil
			}), "stopped before the commit")
			e.are(t, nil, nil, signals.ErrOutcomeUnknown)
			require.Error(t, e.db.Create(&Seat{ID: 3}).Error, "while it is away")
			e.are(t, nil, nil)

			p.start(t)
			e.stored(t, "1 0")
			e.heals(t)

			require.Error(t, e.db.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Seat{ID: 4}).Error)
				p.stop(t)
				return tx.Create(&Seat{ID: 5}).Error
			}), "stopped between two writes")
			e.are(t, nil, []string{"insert 4 0"})
		})
	}
}

// TestNothingIsLeftBehind counts goroutines, so nothing may run beside it.
func TestNothingIsLeftBehind(t *testing.T) { //nolint:paralleltest // it counts goroutines of the whole process
	for _, s := range servers() { //nolint:paralleltest // as above
		t.Run(s.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			t.Run("work", func(t *testing.T) {
				e := hearEnds(t, s.dialector(t))
				for i := range uint(20) {
					work(t, e, 1+10*i)
				}
				e.mu.Lock()
				e.committed, e.undone, e.handled = nil, nil, nil
				e.mu.Unlock()
				e.heals(t)
			})
			assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, patience, 5*time.Millisecond,
				"goroutines, one of which asks")
		})
	}
}

// work ends transactions in every way.
func work(t *testing.T, e *ends, id uint) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	db := e.db.WithContext(ctx)
	require.NoError(t, db.Create(&Seat{ID: id}).Error)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		_ = tx.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Save(&Seat{ID: id + 1}).Error)
			return errors.New("undo")
		})
		return tx.Where("id = ?", id).Delete(&Seat{}).Error
	}))
	assert.Panics(t, func() {
		_ = db.Transaction(func(tx *gorm.DB) error { require.NoError(t, tx.Create(&Seat{ID: id + 2}).Error); panic("down") })
	})
	disconnect := signals.For[Seat](e.db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Seat]) error { panic("down") })
	require.Error(t, db.Save(&Seat{ID: id + 3}).Error)
	disconnect()
	tx := db.Begin()
	require.NoError(t, tx.Create(&Seat{ID: id + 4}).Error)
	cancel()
	require.Error(t, tx.Commit().Error)
	require.Error(t, db.Create(&Seat{ID: id + 5}).Error)
}
