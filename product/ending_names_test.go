package product_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

func TestDeleteAndCreateWithTheSameNameInOneTransaction(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image := s.mug("a.png")
		again := func(content string) func(tx *gorm.DB) {
			return func(tx *gorm.DB) {
				var stored product.Image
				require.NoError(t, tx.Where("file = ?", "a.png").Take(&stored).Error)
				require.NoError(t, tx.Delete(&stored).Error)
				_, err := product.AddImage(tx, s.store, image.ProductID, "a.png", strings.NewReader(content))
				require.NoError(t, err)
			}
		}
		rolledBack(t, s.db, again("never"))
		s.agree("a.png")
		assert.Equal(t, "a.png", s.content("a.png"))
		committed(t, s.db, func(tx *gorm.DB) { rolledBack(t, tx, again("never")) })
		s.agree("a.png")
		assert.Equal(t, "a.png", s.content("a.png"))
		committed(t, s.db, again("new"))
		s.agree("a.png")
		assert.Equal(t, "new", s.content("a.png"))
		rolledBack(t, s.db, func(tx *gorm.DB) { again("never")(tx); again("nor this")(tx) })
		s.agree("a.png")
		assert.Equal(t, "new", s.content("a.png"))
		committed(t, s.db, func(tx *gorm.DB) { again("twice")(tx); again("last")(tx) })
		s.agree("a.png")
		assert.Equal(t, "last", s.content("a.png"))
	})
}

func TestDeleteAndCreateOfTheSameRowInOneTransaction(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image := s.mug("a.png")
		same := func(tx *gorm.DB) {
			require.NoError(t, tx.Delete(image).Error)
			require.NoError(t, tx.Create(image).Error)
		}
		rolledBack(t, s.db, same)
		s.agree("a.png")
		committed(t, s.db, same)
		s.agree("a.png")
		withNewFile := func(tx *gorm.DB) {
			require.NoError(t, tx.Delete(image).Error)
			require.NoError(t, product.StoreFile(tx, s.store, "a.png", strings.NewReader("new"), func(tx *gorm.DB) error {
				return tx.Create(image).Error
			}))
		}
		rolledBack(t, s.db, withNewFile)
		s.agree("a.png")
		assert.Equal(t, "a.png", s.content("a.png"))
		committed(t, s.db, withNewFile)
		s.agree("a.png")
		assert.Equal(t, "new", s.content("a.png"))
	})
}

func TestAFileThatTwoRowsNameGoesWithTheSecond(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		one, two := s.mug("a.png"), s.mug("b.png")
		three := s.mug("c.png")
		for _, image := range []*product.Image{two, three} {
			require.NoError(t, s.db.Model(image).Update("file", "a.png").Error)
		}
		s.agree("a.png")
		committed(t, s.db, func(tx *gorm.DB) {
			require.NoError(t, tx.Delete(one).Error)
			assert.Equal(t, []string{"a.png"}, s.files(), "others show it meanwhile")
		})
		s.agree("a.png")
		rolledBack(t, s.db, func(tx *gorm.DB) {
			require.NoError(t, tx.Delete(two).Error)
			require.NoError(t, tx.Delete(three).Error)
		})
		s.agree("a.png")
		committed(t, s.db, func(tx *gorm.DB) {
			require.NoError(t, tx.Delete(two).Error)
			s.replace(tx, three, "d.png")
		})
		s.agree("d.png")
		require.NoError(t, s.db.Model(s.mug("e.png")).Update("file", "d.png").Error)
		require.NoError(t, s.db.Where("1 = 1").Delete(&product.Image{}).Error)
		s.agree()
	})
}

func TestAFileThatTwoFieldsNameGoesWithTheSecond(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image := s.mug("a.png")
		require.NoError(t, s.db.Model(image).Update("thumb", "a.png").Error)
		s.replace(s.db, image, "b.png")
		s.agree("a.png", "b.png")
		other := s.mug("c.png")
		require.NoError(t, s.db.Model(other).Update("thumb", "b.png").Error)
		require.NoError(t, s.db.Delete(image).Error)
		s.agree("b.png", "c.png")
		require.NoError(t, s.db.Model(other).Updates(map[string]any{"file": "b.png", "thumb": "c.png"}).Error)
		s.agree("b.png", "c.png")
		require.NoError(t, s.db.Model(other).Update("thumb", "b.png").Error)
		s.agree("b.png")
		require.NoError(t, s.db.Delete(other).Error)
		s.agree()
	})
}

func TestANameIsTakenWhileItsFileLiesAside(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	committed(t, s.db, func(tx *gorm.DB) {
		rolledBack(t, tx, func(tx *gorm.DB) { require.NoError(t, tx.Delete(image).Error) })
		_, err := product.AddImage(tx, s.store, image.ProductID, "a.png", picture())
		require.ErrorIs(t, err, fs.ErrExist)
	})
	s.agree("a.png")
	assert.Equal(t, "a.png", s.content("a.png"))
}

func TestANewFileThatHasTakenTheNameOfADeletedOneStays(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	image := s.mug("a.png")
	var other *gorm.DB
	committed(t, s.db, func(tx *gorm.DB) {
		require.NoError(t, signals.OnCommit(tx, func(context.Context) error { // runs before the purge
			other = s.db.Begin()
			_, err := product.AddImage(other, s.store, image.ProductID, "a.png", strings.NewReader("new"))
			return err
		}))
		require.NoError(t, tx.Delete(image).Error)
	})
	assert.Empty(t, s.aside())
	require.NoError(t, other.Commit().Error)
	s.agree("a.png")
	assert.Equal(t, "new", s.content("a.png"))
}
