package product_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/product"
)

func TestANestedTransactionThatDeletesAndRollsBackKeepsTheFiles(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image := s.mug("a.png")
		s.thumb(s.db, image, "t.png")
		committed(t, s.db, func(tx *gorm.DB) {
			rolledBack(t, tx, func(tx *gorm.DB) {
				require.NoError(t, tx.Unscoped().Where("1 = 1").Delete(&product.Product{}).Error)
			})
			assert.Len(t, s.aside(), 2, "a savepoint has its files put back when the transaction ends")
		})
		s.agree("a.png", "t.png")
		rolledBack(t, s.db, func(tx *gorm.DB) {
			committed(t, tx, func(tx *gorm.DB) { require.NoError(t, tx.Delete(image).Error) })
		})
		s.agree("a.png", "t.png")
		assert.Equal(t, "a.png", s.content("a.png"))
	})
}

func TestDeletedInASavepointThatIsRolledBackAndThenDeletedAgain(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image := s.mug("a.png")
		twice := func(tx *gorm.DB) {
			rolledBack(t, tx, func(tx *gorm.DB) { require.NoError(t, tx.Delete(image).Error) })
			require.NoError(t, tx.Delete(image).Error)
		}
		rolledBack(t, s.db, twice)
		s.agree("a.png")
		committed(t, s.db, func(tx *gorm.DB) {
			rolledBack(t, tx, twice)
			rolledBack(t, tx, func(tx *gorm.DB) { twice(tx); committed(t, tx, func(*gorm.DB) {}) })
		})
		s.agree("a.png")
		committed(t, s.db, twice)
		s.agree()
		assert.Empty(t, s.named())
	})
}

func TestDeletedInASavepointThatIsRolledBackAndThenReplaced(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image := s.mug("a.png")
		committed(t, s.db, func(tx *gorm.DB) {
			rolledBack(t, tx, func(tx *gorm.DB) { require.NoError(t, tx.Delete(image).Error) })
			s.replace(tx, image, "b.png")
		})
		s.agree("b.png")
	})
}

func TestChangedInMemoryNotSavedThenDeletedRemovesTheStoredFile(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image, other := s.mug("a.png"), s.mug("other.png")
		image.File = other.File
		require.NoError(t, s.db.Delete(image).Error)
		s.agree("other.png")
	})
}

func TestARowLoadedWithItsKeyAloneTakesItsFilesAlong(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		s.thumb(s.db, s.mug("a.png"), "t.png")
		s.mug("other.png")
		var image product.Image
		require.NoError(t, s.db.Select("id").Where("file = ?", "a.png").Take(&image).Error)
		require.Empty(t, image.File)
		require.NoError(t, s.db.Delete(&image).Error)
		s.agree("other.png")
	})
}

func TestADeleteByConditionRemovesTheFilesOfItsRows(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		for _, file := range []string{"a1.png", "a2.png", "b1.png"} {
			s.thumb(s.db, s.mug(file), "t-"+file)
		}
		byCondition := func(tx *gorm.DB) {
			require.NoError(t, tx.Where("file LIKE ?", "a%").Delete(&product.Image{}).Error)
		}
		rolledBack(t, s.db, byCondition)
		s.agree("a1.png", "a2.png", "b1.png", "t-a1.png", "t-a2.png", "t-b1.png")
		committed(t, s.db, byCondition)
		s.agree("b1.png", "t-b1.png")
	})
}

func TestSoftDeleteKeepsFilesAndUnscopedDeleteRemovesThem(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image := s.mug("a.png")
		s.thumb(s.db, image, "t.png")
		mug := &product.Product{ID: image.ProductID}
		require.NoError(t, s.db.Delete(mug).Error)
		s.agree("a.png", "t.png")
		rolledBack(t, s.db, func(tx *gorm.DB) { require.NoError(t, tx.Unscoped().Delete(mug).Error) })
		s.agree("a.png", "t.png")
		require.NoError(t, s.db.Unscoped().Delete(mug).Error)
		s.agree()
	})
}
