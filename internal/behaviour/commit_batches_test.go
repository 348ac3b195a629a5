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

// hearCommits notes what products hear after a commit and after a rollback.
func hearCommits(db *gorm.DB) *heard {
	h := &heard{}
	for name, phase := range map[string]signals.ConnectOption{"committed": signals.AfterCommit(), "undone": signals.AfterRollback()} {
		signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
			var n int64
			err := e.DB().Model(&Product{}).Count(&n).Error
			h.add("%s %s of %d", name, e.Instance.Name, n)
			return err
		}, phase)
	}
	return h
}

func batchModes() map[string]*gorm.Config {
	return map[string]*gorm.Config{"default": {}, "PrepareStmt": {PrepareStmt: true}, "CreateBatchSize": {CreateBatchSize: 2}}
}

func TestBatchesUnderTrackExplicitAreHeardAfterTheirCommit(t *testing.T) {
	t.Parallel()
	for name, config := range batchModes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, config, signals.Plugin{Tracking: signals.TrackExplicit}, &Product{})
			pool, err := db.DB()
			require.NoError(t, err)
			pool.SetMaxOpenConns(1)
			h := hearCommits(db)
			create := func(list []Product) error {
				if config.CreateBatchSize > 0 {
					return db.Create(&list).Error
				}
				return db.CreateInBatches(&list, 2).Error
			}
			require.NoError(t, create([]Product{{Name: "a"}, {Name: "b"}, {Name: "c"}}))
			assert.Equal(t, []string{"committed a of 3", "committed b of 3", "committed c of 3"}, h.take())
			require.Error(t, create([]Product{{Name: "d"}, {Name: "e"}, {ID: 1, Name: "twice"}}))
			assert.Equal(t, []string{"undone e of 3", "undone d of 3"}, h.take())
			require.NoError(t, create([]Product{{Name: "f"}}), "one batch has the transaction of its statement")
			assert.Equal(t, []string{"committed f of 4"}, h.take())
		})
	}
}

func TestBatchesInAPlainTransactionUnderTrackExplicitTellNoLie(t *testing.T) {
	t.Parallel()
	for _, undo := range []bool{false, true} {
		t.Run(fmt.Sprint("undone ", undo), func(t *testing.T) {
			t.Parallel()
			var handled []error
			db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{
				Tracking: signals.TrackExplicit, ErrorHandler: func(_ context.Context, err error) { handled = append(handled, err) },
			}, &Product{})
			h := hearCommits(db)
			require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.CreateInBatches([]Product{{Name: "a"}, {Name: "b"}, {Name: "c"}}, 2).Error)
					if undo {
						return errBoom
					}
					return nil
				}); undo {
					require.ErrorIs(t, err, errBoom)
				}
				return nil
			}))
			if undo {
				require.Len(t, handled, 1, "the savepoint was set before the plugin followed the transaction")
				require.ErrorIs(t, handled[0], signals.ErrOutcomeUnknown)
				assert.Empty(t, h.take())
				return
			}
			assert.Empty(t, handled)
			assert.Equal(t, []string{"committed a of 3", "committed b of 3", "committed c of 3"}, h.take())
		})
	}
}

func TestWhatCannotRunBeforeTheCommitOfBatchesSaysWhatHelps(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Tracking: signals.TrackExplicit}, &Product{})
	h := hear(db)
	batches := func(db *gorm.DB) error {
		return db.CreateInBatches([]Product{{Name: "a"}, {Name: "b"}, {Name: "c"}}, 2).Error
	}
	err := batches(db)
	require.ErrorIs(t, err, signals.ErrUntracked)
	require.ErrorContains(t, err, "signals.Transaction")
	assert.Zero(t, count[Product](t, db))
	require.NoError(t, signals.Transaction(db, batches))
	assert.Equal(t, []string{
		"before saved a", "before saved b", "before saved c", "after saved a", "after saved b", "after saved c",
	}, h.take())
}

func TestAPlainTransactionUnderTrackExplicitStaysPlain(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Tracking: signals.TrackExplicit}, &Product{})
	hearCommits(db)
	err := db.Transaction(func(tx *gorm.DB) error {
		_, plain := tx.Statement.ConnPool.(*sql.Tx)
		assert.True(t, plain)
		return tx.Create(&Product{Name: "a"}).Error
	})
	require.ErrorIs(t, err, signals.ErrUntracked)
	require.ErrorContains(t, err, "signals.Transaction")
	require.False(t, errors.Is(err, signals.ErrForeignPool))
}

func TestABatchReceiverGetsTheRowsOfAWriteThatWasRolledBackTogether(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	var tr trace
	for name, phase := range map[string]signals.ConnectOption{"undone": signals.AfterRollback(), "failed": signals.AfterFailure()} {
		signals.For[Product](db).PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Product]) error {
			tr.add("%s %d from %s", name, len(events), events[0].Instance.Name)
			return nil
		}, phase)
	}
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		tr.add("undone %s", e.Instance.Name)
		return nil
	}, signals.AfterRollback(), signals.Last())
	err := db.Transaction(func(tx *gorm.DB) error {
		return errors.Join(tx.Create(&[]Product{{Name: "a"}, {Name: "b"}}).Error, tx.Create(&[]Product{{Name: "c"}, {Name: "d"}, {Name: "e"}}).Error, errBoom)
	})
	require.ErrorIs(t, err, errBoom)
	assert.Equal(t, []string{"undone e", "undone 3 from c", "undone d", "undone c", "undone b", "undone 2 from a", "undone a"}, tr.take())
}
