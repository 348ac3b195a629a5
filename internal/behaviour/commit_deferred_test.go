package behaviour_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestErrorsAndPanicsOfDeferredReceiversGoToTheHandlerOneByOne(t *testing.T) {
	t.Parallel()
	var handled []string
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{ErrorHandler: func(_ context.Context, err error) {
		if failed, ok := errors.AsType[*signals.ReceiverError](err); ok {
			handled = append(handled, failed.Receiver)
		}
		panic("a handler that panics disturbs nobody")
	}}, &Product{})
	products := signals.For[Product](db)
	products.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return errBoom }, signals.AfterCommit(), signals.UID("e"))
	products.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { panic("no") }, signals.AfterCommit(), signals.UID("p"))
	h := hear(db)
	require.NoError(t, db.Create(&Product{Name: "a"}).Error, "the write has succeeded")
	assert.Equal(t, []string{"e", "p"}, handled)
	assert.Equal(t, []string{"before saved a", "after saved a"}, h.take())
}

func TestOnCommitAndOnRollback(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	h := &heard{}
	note := func(what string) func(context.Context) error {
		return func(context.Context) error { h.add("%s", what); return nil }
	}
	require.NoError(t, signals.OnCommit(db, note("at once")))
	require.NoError(t, signals.OnRollback(db, note("never")))
	require.ErrorIs(t, signals.OnCommit(db, func(context.Context) error { return errBoom }), errBoom)
	assert.Equal(t, []string{"at once"}, h.take())
	var kept *gorm.DB
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		kept = tx
		require.NoError(t, signals.OnCommit(tx, note("committed")))
		require.NoError(t, signals.OnRollback(tx, note("rolled back")))
		return nil
	}))
	assert.Equal(t, []string{"committed"}, h.take())
	require.ErrorIs(t, signals.OnCommit(kept, note("late")), sql.ErrTxDone)
	require.ErrorContains(t, signals.OnCommit(db, nil), "nil")
	plain := testkit.Open(t, &gorm.Config{})
	require.ErrorIs(t, signals.OnCommit(plain, note("x")), signals.ErrNotInstalled)
	require.ErrorIs(t, signals.Transaction(plain, func(*gorm.DB) error { return nil }), signals.ErrNotInstalled)
}

func TestATransactionWhoseEndCannotBeSeenIsUpToThePolicy(t *testing.T) {
	t.Parallel()
	for policy, want := range map[signals.UntrackedPolicy][]string{
		signals.Refuse: nil, signals.RunNow: {"before saved a", "after saved a"}, signals.Drop: nil,
	} {
		for name, tracking := range map[string]signals.Tracking{"a foreign transaction": signals.TrackAll, "TrackExplicit": signals.TrackExplicit} {
			t.Run(fmt.Sprint(name, " ", policy), func(t *testing.T) {
				t.Parallel()
				db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Tracking: tracking, Untracked: policy}, &Product{})
				h := hear(db)
				write := func(tx *gorm.DB) error { return tx.Create(&Product{Name: "a"}).Error }
				var err error
				if tracking == signals.TrackExplicit {
					err = db.Transaction(func(tx *gorm.DB) error {
						_, isRaw := tx.Statement.ConnPool.(*sql.Tx)
						assert.True(t, isRaw, "TrackExplicit leaves it as it is")
						return write(tx)
					})
				} else {
					pool, poolErr := db.DB()
					require.NoError(t, poolErr)
					raw, beginErr := pool.BeginTx(t.Context(), nil)
					require.NoError(t, beginErr)
					tx := db.Session(&gorm.Session{NewDB: true, Context: t.Context()})
					tx.Statement.ConnPool = raw
					err = write(tx)
					require.NoError(t, raw.Commit())
				}
				if policy == signals.Refuse {
					require.ErrorIs(t, err, signals.ErrUntracked)
				} else {
					require.NoError(t, err)
				}
				assert.Equal(t, want, h.take())
			})
		}
	}
}

// foreignPool is a pool of another plugin that lies over the database's own and begins transactions.
type foreignPool struct{ gorm.ConnPool }

// BeginTx begins a transaction of the pool below.
func (p *foreignPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	below, ok := p.ConnPool.(gorm.ConnPoolBeginner)
	if !ok {
		return nil, gorm.ErrInvalidTransaction
	}
	return below.BeginTx(ctx, opts)
}

func TestAPoolOfAnotherPluginOverOursIsRefusedUnlessTrackingIsExplicit(t *testing.T) {
	t.Parallel()
	over := func(db *gorm.DB) *gorm.DB {
		tx := db.Session(&gorm.Session{NewDB: true, Context: context.Background()})
		tx.Statement.ConnPool = &foreignPool{tx.Statement.ConnPool}
		return tx
	}
	db := open(t, &Product{})
	err := over(db).Create(&Product{Name: "a"}).Error
	require.ErrorIs(t, err, signals.ErrForeignPool)
	require.ErrorContains(t, err, "TrackExplicit")
	assert.Zero(t, count[Product](t, db))
	explicit := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Tracking: signals.TrackExplicit}, &Product{})
	pool := explicit.Statement.ConnPool
	_, raw := pool.(*sql.DB)
	assert.True(t, raw, "TrackExplicit leaves the database's pool as it is")
}

func TestAnEventThatIsKeptHasALiveSessionAfterItsTransaction(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	var kept signals.SaveEvent[*Product]
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		kept = e
		return nil
	})
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error { return tx.Create(&Product{Name: "a"}).Error }))
	var stored Product
	require.NoError(t, kept.DB().First(&stored).Error)
	assert.Equal(t, "a", stored.Name)
}

func TestOptionsOfPhasesThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	products := signals.For[Product](db)
	saved := func(context.Context, signals.SaveEvent[*Product]) error { return nil }
	for want, connect := range map[string]func(){
		"connect to post_save": func() { products.PreSave.Connect(saved, signals.AfterCommit()) },
		"Net goes with":        func() { products.PostSave.Connect(saved, signals.Net()) },
		"one phase":            func() { products.PostSave.Connect(saved, signals.AfterCommit(), signals.BeforeCommit()) },
		"belong to model": func() {
			signals.New[view]("v").Connect(func(context.Context, view) error { return nil }, signals.AfterCommit(), signals.Net())
		},
	} {
		assert.Contains(t, testkit.PanicOf(connect), want)
	}
	plain := testkit.Open(t, &gorm.Config{})
	require.ErrorContains(t, plain.Use(signals.Plugin{Tracking: 9}), "Tracking is 9")
}
