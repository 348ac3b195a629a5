package product_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

func TestAFileWrittenAndRolledBackIsRemoved(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		mug := s.add("Mug", 1000, 1)
		write := func(tx *gorm.DB) {
			_, err := product.AddImage(tx, s.store, mug.ID, "a.png", picture())
			require.NoError(t, err)
			assert.Equal(t, []string{"a.png"}, s.files())
		}
		rolledBack(t, s.db, write)
		s.agree()
		committed(t, s.db, func(tx *gorm.DB) { rolledBack(t, tx, write) })
		s.agree()
		rolledBack(t, s.db, func(tx *gorm.DB) {
			write(tx)
			require.NoError(t, tx.Where("1 = 1").Delete(&product.Image{}).Error)
		})
		s.agree()
		committed(t, s.db, write)
		s.agree("a.png")
	})
}

func TestAFileIsRemovedWhenTheContextOfItsTransactionEnds(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	ctx, cancel := context.WithCancel(t.Context())
	tx := s.db.WithContext(ctx).Begin()
	over := make(chan struct{})
	require.NoError(t, signals.OnRollback(tx, func(context.Context) error { close(over); return nil })) // the last to run
	_, err := product.AddImage(tx, s.store, image.ProductID, "b.png", picture())
	require.NoError(t, err)
	require.NoError(t, tx.Delete(image).Error)
	cancel()
	<-over // nobody has called Rollback
	s.agree("a.png")
	require.Error(t, tx.Commit().Error)
	s.agree("a.png")
}

func TestAReceiverThatFailsAfterCommitDisturbsNoOtherFile(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error": func() error { return errBack }, "panic": func() error { panic(errBack) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			for _, file := range []string{"a.png", "b.png", "c.png"} {
				s.mug(file)
			}
			signals.For[product.Image](s.db).PostDelete.Connect(
				func(context.Context, signals.DeleteEvent[*product.Image]) error { return fail() },
				signals.AfterCommit(), signals.Priority(1000))
			committed(t, s.db, func(tx *gorm.DB) {
				require.NoError(t, signals.OnCommit(tx, func(context.Context) error { return fail() }))
				require.NoError(t, tx.Delete(s.imageIn(tx, "a.png")).Error)
				require.NoError(t, tx.Where("1 = 1").Delete(&product.Image{}).Error)
			})
			require.ErrorIs(t, s.handled.take(), errBack)
			s.agree()
		})
	}
}

func TestAFileThatCannotBePurgedKeepsNoOther(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, file := range []string{"a.png", "b.png", "c.png"} {
		s.mug(file)
	}
	var stuck string
	committed(t, s.db, func(tx *gorm.DB) {
		require.NoError(t, tx.Where("1 = 1").Delete(&product.Image{}).Error)
		for _, name := range s.aside() {
			if strings.HasSuffix(name, "-b.png") {
				stuck = filepath.Join(s.dir, ".trash", name)
			}
		}
		require.NoError(t, os.Remove(stuck))
		require.NoError(t, os.MkdirAll(filepath.Join(stuck, "in the way"), 0o755))
	})
	require.ErrorContains(t, s.handled.take(), "b.png")
	assert.Equal(t, []string{filepath.Base(stuck)}, s.aside())
	require.NoError(t, os.RemoveAll(stuck))
	s.agree()
}

func TestADeleteThatFailsInATransactionThatCommitsKeepsTheFile(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	veto, image := errors.New("not this one"), s.mug("a.png")
	moved := 0
	signals.For[product.Image](s.db).PreDelete.Connect(
		func(context.Context, signals.DeleteEvent[*product.Image]) error {
			moved += len(s.aside())
			return veto
		}, signals.Priority(-200))
	committed(t, s.db, func(tx *gorm.DB) { require.ErrorIs(t, tx.Delete(image).Error, veto) })
	assert.Equal(t, 1, moved, "the file was aside when the veto came")
	s.agree("a.png")
}

func TestADeleteThatFailsHalfWayMovesNothingAside(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.mug("a.png")
	bad := s.mug("b.png")
	require.NoError(t, s.db.Exec("UPDATE images SET file = '../x' WHERE id = ?", bad.ID).Error)
	committed(t, s.db, func(tx *gorm.DB) {
		require.ErrorIs(t, tx.Where("1 = 1").Delete(&product.Image{}).Error, product.ErrBadName)
		assert.Empty(t, s.aside())
	})
	require.NoError(t, s.db.Exec("UPDATE images SET file = 'b.png' WHERE id = ?", bad.ID).Error)
	s.agree("a.png", "b.png")
}

func TestAFileIsNotKeptWhenItsTransactionCannotBegin(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	tx := s.db.Begin()
	require.NoError(t, tx.Rollback().Error)
	_, err := product.AddImage(tx, s.store, image.ProductID, "b.png", picture())
	require.Error(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	late := func(tx *gorm.DB) error { cancel(); return tx.Error }
	require.Error(t, product.StoreFile(s.db.WithContext(ctx), s.store, "b.png", cancelling{cancel}, late))
	s.agree("a.png")
}

// cancelling is a picture during whose upload the visitor leaves.
type cancelling struct{ cancel func() }

func (c cancelling) Read([]byte) (int, error) {
	c.cancel()
	return 0, io.EOF
}

func TestARollbackPutsFilesBackAlsoWhenTheRowsCannotBeAsked(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	rolledBack(t, s.db, func(tx *gorm.DB) {
		require.NoError(t, tx.Delete(image).Error)
		require.NoError(t, signals.OnRollback(tx, func(context.Context) error { // runs before the files are put back
			return s.db.Exec("ALTER TABLE images RENAME TO hidden").Error
		}))
	})
	require.ErrorContains(t, s.handled.take(), "no such table")
	require.NoError(t, s.db.Exec("ALTER TABLE hidden RENAME TO images").Error)
	s.agree("a.png")
}
