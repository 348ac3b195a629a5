package product_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

// crashed runs f in a transaction whose COMMIT fails. Nobody then knows what is stored, so that nothing is cleaned up: as
// if the process had been killed before the COMMIT.
func (s *testShop) crashed(f func(tx *gorm.DB)) {
	s.t.Helper()
	for _, sql := range []string{
		"CREATE TABLE IF NOT EXISTS parents(id INTEGER PRIMARY KEY)",
		"CREATE TABLE IF NOT EXISTS kids(parent INTEGER REFERENCES parents(id) DEFERRABLE INITIALLY DEFERRED)",
	} {
		require.NoError(s.t, s.db.Exec(sql).Error)
	}
	require.ErrorContains(s.t, s.db.Transaction(func(tx *gorm.DB) error {
		f(tx)
		return tx.Exec("INSERT INTO kids VALUES (99)").Error
	}), "FOREIGN KEY")
	require.ErrorIs(s.t, s.handled.take(), signals.ErrOutcomeUnknown)
}

func (s *testShop) sweep() product.Swept {
	s.t.Helper()
	swept, err := product.Sweep(s.t.Context(), s.db, s.store, 0)
	require.NoError(s.t, err)
	return swept
}

// removeButNotPurge leaves what a crash between the commit of a delete and the purge leaves.
func (s *testShop) removeButNotPurge(image *product.Image) {
	s.t.Helper()
	to := fmt.Sprintf("%d-%d-random-%s", time.Now().UnixNano(), image.ID, image.File)
	require.NoError(s.t, os.Rename(filepath.Join(s.dir, image.File), filepath.Join(s.dir, ".trash", to)))
	require.NoError(s.t, s.db.Exec("DELETE FROM images WHERE id = ?", image.ID).Error)
}

func TestSweepPutsBackWhatLiesAsideAndHasItsRow(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	s.crashed(func(tx *gorm.DB) { require.NoError(t, tx.Delete(image).Error) })
	assert.Len(t, s.aside(), 1)
	assert.Empty(t, s.files())
	assert.Equal(t, product.Swept{PutBack: []string{"a.png"}}, s.sweep())
	s.agree("a.png")
	assert.Zero(t, s.sweep(), "nothing is left to do")
}

func TestSweepPurgesWhatLiesAsideWithoutARow(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.removeButNotPurge(s.mug("a.png"))
	assert.Equal(t, product.Swept{Purged: []string{"a.png"}}, s.sweep())
	s.agree()
}

func TestSweepRemovesFilesThatNoRowNames(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	s.crashed(func(tx *gorm.DB) { s.replace(tx, image, "b.png") })
	assert.Equal(t, product.Swept{Strays: []string{"b.png"}}, s.sweep())
	s.agree("a.png")
}

func TestSweepGivesARowTheFileItHadBeforeTheCrash(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	again := func(tx *gorm.DB) {
		require.NoError(t, tx.Where("file = ?", "a.png").Delete(&product.Image{}).Error)
		_, err := product.AddImage(tx, s.store, image.ProductID, "a.png", strings.NewReader("never"))
		require.NoError(t, err)
	}
	s.crashed(again)
	assert.Equal(t, "never", s.content("a.png"))
	s.sweep()
	s.agree("a.png")
	assert.Equal(t, "a.png", s.content("a.png"))

	s.crashed(func(tx *gorm.DB) {
		again(tx)
		again(tx)
		require.NoError(t, tx.Where("1 = 1").Delete(&product.Image{}).Error)
	})
	s.sweep()
	s.agree("a.png")
	assert.Equal(t, "a.png", s.content("a.png"))

	s.crashed(func(tx *gorm.DB) {
		again := s.imageIn(tx, "a.png")
		require.NoError(t, tx.Delete(again).Error)
		require.NoError(t, product.StoreFile(tx, s.store, "a.png", strings.NewReader("never"), func(tx *gorm.DB) error {
			return tx.Create(again).Error
		}))
		require.NoError(t, tx.Delete(again).Error)
	})
	assert.Len(t, s.aside(), 2, "both of the same row")
	s.sweep()
	s.agree("a.png")
	assert.Equal(t, "a.png", s.content("a.png"))
}

func TestSweepKeepsANewFileThatTookTheNameOfADeletedOne(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	s.removeButNotPurge(image)
	fresh, err := product.AddImage(s.db, s.store, image.ProductID, "a.png", strings.NewReader("new"))
	require.NoError(t, err)
	s.crashed(func(tx *gorm.DB) { require.NoError(t, tx.Delete(fresh).Error) })
	assert.Len(t, s.aside(), 2)
	s.sweep()
	s.agree("a.png")
	assert.Equal(t, "new", s.content("a.png"))
}

func TestSweepLeavesAloneWhatIsYoungAndWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	foreign := filepath.Join(s.dir, ".trash", "notes.txt")
	require.NoError(t, os.WriteFile(foreign, nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, ".hidden"), nil, 0o600))
	s.crashed(func(tx *gorm.DB) {
		s.replace(tx, image, "b.png")
		require.NoError(t, tx.Delete(image).Error)
	})
	require.NoError(t, s.store.Save("stray.png", picture()))
	before, files := s.aside(), s.files()
	swept, err := product.Sweep(t.Context(), s.db, s.store, time.Hour)
	require.NoError(t, err)
	assert.Zero(t, swept)
	assert.Equal(t, before, s.aside())
	assert.Equal(t, files, s.files())
	s.sweep()
	assert.FileExists(t, foreign)
	assert.Equal(t, []string{".hidden", "a.png"}, s.files())
}

func TestSweepInTheMiddleOfADeleteDoesNoHarm(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	within := func(tx *gorm.DB) {
		require.NoError(t, tx.Delete(image).Error)
		assert.Equal(t, []string{"a.png"}, s.sweep().PutBack, "for everybody else the row is there")
		require.Equal(t, []string{"a.png"}, s.files())
	}
	rolledBack(t, s.db, within)
	s.agree("a.png")
	committed(t, s.db, within)
	s.agree()
}

func TestSweepIsSafeWhileTheShopRuns(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1)
	stop, swept := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(swept)
		for {
			select {
			case <-stop:
				return
			default:
				_, err := product.Sweep(t.Context(), s.db, s.store, time.Minute)
				assert.NoError(t, err)
			}
		}
	}()
	var wg sync.WaitGroup
	for worker := range 3 {
		wg.Go(func() {
			for i := range 8 {
				name := fmt.Sprintf("%d-%d.png", worker, i)
				image, err := product.AddImage(s.db, s.store, mug.ID, name, picture())
				if !assert.NoError(t, err) {
					return
				}
				err = s.db.Transaction(func(tx *gorm.DB) error {
					if deleted := tx.Delete(image); deleted.Error != nil || i%2 == 0 {
						return deleted.Error
					}
					return errBack
				})
				if i%2 == 0 {
					assert.NoError(t, err)
				} else {
					assert.ErrorIs(t, err, errBack)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	<-swept
	require.Len(t, s.files(), 12)
	s.agree(s.files()...)
}

func TestSweepGoesByCommittedRows(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	committed(t, s.db, func(tx *gorm.DB) {
		_, err := product.Sweep(t.Context(), tx, s.store, 0)
		require.ErrorContains(t, err, "not with a transaction")
		_, err = product.Connect(tx, s.config())
		require.ErrorContains(t, err, "transaction")
	})
}

func TestSweepTellsWhatItCouldNotDo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	one, two := s.mug("a.png"), s.mug("b.png")
	s.crashed(func(tx *gorm.DB) {
		require.NoError(t, tx.Delete(one).Error)
		require.NoError(t, tx.Delete(two).Error)
	})
	inTheWay := filepath.Join(s.dir, "a.png")
	require.NoError(t, os.Mkdir(inTheWay, 0o755))
	swept, err := product.Sweep(t.Context(), s.db, s.store, 0)
	require.ErrorContains(t, err, "a.png")
	assert.Equal(t, product.Swept{PutBack: []string{"b.png"}}, swept)
	require.NoError(t, os.Remove(inTheWay))
	s.sweep()
	s.agree("a.png", "b.png")
}

func TestSweepTouchesNothingWhenTheRowsCannotBeAsked(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.removeButNotPurge(s.mug("a.png"))
	require.NoError(t, s.db.Exec("ALTER TABLE images RENAME TO hidden").Error)
	swept, err := product.Sweep(t.Context(), s.db, s.store, 0)
	require.ErrorContains(t, err, "no such table")
	assert.Zero(t, swept)
	assert.Empty(t, s.files())
	assert.Len(t, s.aside(), 1)
}

func TestStoreFileNeedsAConnectedStore(t *testing.T) {
	t.Parallel()
	_, err := product.AddImage(openDB(t), openStore(t), 1, "a.png", picture())
	require.ErrorContains(t, err, "Connect")
}
