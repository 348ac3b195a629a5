package delivery_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
	"github.com/gorm-signals/signals/internal/testkit"
)

// newStore returns the world of a real database, with the callbacks that look at statements which GORM does not build.
func newStore(t *testing.T, config gorm.Config) *world {
	t.Helper()
	db := testkit.Open(t, &config, &item{})
	w := worldOf(t, db)
	require.NoError(t, db.Callback().Raw().Before("gorm:raw").Register("sends", w.Sends))
	require.NoError(t, db.Callback().Raw().After("gorm:raw").Register("ran", w.Ran))
	require.NoError(t, db.Callback().Row().Before("gorm:row").Register("sends", w.Sends))
	require.NoError(t, db.Callback().Row().After("gorm:row").Register("ran", w.Ran))
	return w
}

func TestSavepointsAreSeenHoweverTheirStatementsAreRun(t *testing.T) {
	t.Parallel()
	exec := func(t *testing.T, tx *gorm.DB, text string) {
		t.Helper()
		require.NoError(t, tx.Exec(text).Error)
	}
	byRows := func(t *testing.T, tx *gorm.DB, text string) {
		t.Helper()
		rows, err := tx.Raw(text).Rows()
		require.NoError(t, err)
		defer func() { assert.NoError(t, rows.Close()) }()
		assert.False(t, rows.Next())
		require.NoError(t, rows.Err())
	}
	for _, c := range []struct {
		fact    string
		prepare bool
		run     func(t *testing.T, tx *gorm.DB, text string)
	}{
		{"by Exec", false, exec},
		{"by Exec of a prepared statement", true, exec},
		{"by Rows", false, byRows},
		{"by Rows of a prepared statement", true, byRows},
		{"by Row of a prepared statement", true, func(t *testing.T, tx *gorm.DB, text string) {
			t.Helper()
			require.ErrorIs(t, tx.Raw(text).Row().Scan(new(int)), sql.ErrNoRows)
		}},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newStore(t, gorm.Config{PrepareStmt: c.prepare})
			w.connect("a@after u@undone")
			tx := w.db.Begin()
			require.NoError(t, w.write(tx, "+1x"))
			c.run(t, tx, "SAVEPOINT s")
			require.NoError(t, w.write(tx, "+2y"))
			c.run(t, tx, "ROLLBACK TO s")
			require.NoError(t, w.write(tx, "+3z"))
			require.NoError(t, tx.Commit().Error)
			assert.Equal(t, "u:+2y a:+1x a:+3z", w.heard())
		})
	}
}

func TestAStatementThatFailsChangesNoSavepoint(t *testing.T) {
	t.Parallel()
	for fact, prepare := range map[string]bool{"as text": false, "prepared": true} {
		t.Run(fact, func(t *testing.T) {
			t.Parallel()
			w := newStore(t, gorm.Config{PrepareStmt: prepare})
			w.connect("a@after u@undone")
			tx := w.play("+1x")
			require.Error(t, tx.Exec("ROLLBACK TO nowhere").Error)
			rows, err := tx.Raw("SELECT missing").Rows() //nolint:rowserrcheck // there are none
			require.Error(t, err)
			assert.Nil(t, rows)
			require.NoError(t, tx.Commit().Error)
			assert.Equal(t, "a:+1x", w.heard())
		})
	}
}

// beginner is a pool of another plugin that begins transactions of its own.
type beginner struct{ gorm.ConnPool }

// BeginTx begins one.
func (b *beginner) BeginTx(context.Context, *sql.TxOptions) (gorm.ConnPool, error) { return b, nil }

func TestATransactionIsFollowedOnWhateverPoolAStatementHas(t *testing.T) {
	t.Parallel()
	explicit := func(of *dispatch.Config) { of.Explicit = true }
	for _, c := range []struct {
		fact string
		set  func(*dispatch.Config)
		pool func(w *world, raw *sql.DB) gorm.ConnPool
		dry  bool
		want func(w *world, raw *sql.DB, given, got gorm.ConnPool) bool
		err  error
	}{
		{
			"the database's own is wrapped", nil,
			func(_ *world, raw *sql.DB) gorm.ConnPool { return raw }, false,
			func(w *world, raw *sql.DB, _, got gorm.ConnPool) bool { return got == w.Pools.Wrap(raw) }, nil,
		},
		{
			"not for a statement that is not run", nil,
			func(_ *world, raw *sql.DB) gorm.ConnPool { return raw }, true,
			func(_ *world, _ *sql.DB, given, got gorm.ConnPool) bool { return got == given }, nil,
		},
		{
			"one of another plugin that begins cannot be followed", nil,
			func(_ *world, raw *sql.DB) gorm.ConnPool { return &beginner{raw} }, false,
			func(_ *world, _ *sql.DB, given, got gorm.ConnPool) bool { return got == given }, fault.ErrForeignPool,
		},
		{
			"nor need it be, if only explicit transactions are", explicit,
			func(_ *world, raw *sql.DB) gorm.ConnPool { return &beginner{raw} }, false,
			func(_ *world, _ *sql.DB, given, got gorm.ConnPool) bool { return got == given }, nil,
		},
		{
			"a transaction is what it is", nil,
			func(w *world, _ *sql.DB) gorm.ConnPool { return w.play("+1x").Statement.ConnPool }, false,
			func(_ *world, _ *sql.DB, given, got gorm.ConnPool) bool { return got == given }, nil,
		},
		{
			"one whose end cannot be seen stays", explicit,
			func(w *world, _ *sql.DB) gorm.ConnPool { return w.foreign().Statement.ConnPool }, false,
			func(_ *world, _ *sql.DB, given, got gorm.ConnPool) bool { return got == given }, nil,
		},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			var set []func(*dispatch.Config)
			if c.set != nil {
				set = append(set, c.set)
			}
			w := newWorld(t, set...)
			w.connect("a@after")
			raw, err := w.db.DB()
			require.NoError(t, err)
			db := w.db.Session(&gorm.Session{DryRun: c.dry}).Model(&item{})
			given := c.pool(w, raw)
			db.Statement.ConnPool = given
			w.Track(db)
			require.ErrorIs(t, db.Error, c.err)
			assert.True(t, c.want(w, raw, given, db.Statement.ConnPool))
		})
	}
}

func TestAStatementWithoutATransactionIsRefusedThatWouldWaitForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("n@send")
	w.does["n"] = func(f *dispatch.Frame) error {
		raw, err := w.db.DB()
		require.NoError(t, err)
		raw.SetMaxOpenConns(1)
		write := w.db.Session(&gorm.Session{Context: f, SkipDefaultTransaction: true}).Model(&item{})
		w.Track(write)
		require.ErrorIs(t, write.Error, fault.ErrOtherSession)
		read := w.db.WithContext(f).Model(&item{})
		w.Sends(read)
		require.ErrorIs(t, read.Error, fault.ErrOtherSession)
		return nil
	}
	tx := w.db.Begin()
	require.NoError(t, w.write(tx, "+1x"))
	assert.Equal(t, "n:+1x", w.heard())
	require.NoError(t, tx.Rollback().Error)
}

func TestTheErrorOfAWriteThatWaitedInVainNamesTheCure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.connect("n@send")
	locked := errors.New("database is locked")
	w.does["n"] = func(f *dispatch.Frame) error {
		db := w.db.WithContext(f).Model(&item{})
		delivery.Saw(db)
		require.NoError(t, db.Error)
		_ = db.AddError(locked)
		delivery.Saw(db)
		require.ErrorIs(t, db.Error, fault.ErrOtherSession)
		require.ErrorIs(t, db.Error, locked)
		return nil
	}
	tx := w.db.Begin()
	require.NoError(t, w.write(tx, "+1x"))
	assert.Equal(t, "n:+1x", w.heard())
	require.NoError(t, tx.Rollback().Error)
}
