package product_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/product"
)

// The ways in which image cleaners lose or leak files. Every test ends with rows and files that agree.

// mug makes a product with one image, whose file holds its own name.
func (s *testShop) mug(file string) *product.Image {
	s.t.Helper()
	p := s.add("Mug", 1000, 1)
	image, err := product.AddImage(s.db, s.store, p.ID, file, strings.NewReader(file))
	require.NoError(s.t, err)
	return image
}

// replace gives an image another file.
func (s *testShop) replace(db *gorm.DB, image *product.Image, file string) {
	s.t.Helper()
	require.NoError(s.t, product.ReplaceImage(db, s.store, image, file, strings.NewReader(file)))
}

// thumb gives an image a second file.
func (s *testShop) thumb(db *gorm.DB, image *product.Image, file string) {
	s.t.Helper()
	require.NoError(s.t, product.StoreFile(db, s.store, file, strings.NewReader(file), func(tx *gorm.DB) error {
		return tx.Model(image).Update("thumb", file).Error
	}))
}

// imageIn reads the row of an image in a transaction.
func (s *testShop) imageIn(tx *gorm.DB, file string) *product.Image {
	s.t.Helper()
	var image product.Image
	require.NoError(s.t, tx.Where("file = ?", file).Take(&image).Error)
	return &image
}

func TestReplaceThenCommitRemovesTheOldFile(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image := s.mug("a.png")
		committed(t, s.db, func(tx *gorm.DB) {
			s.replace(tx, image, "b.png")
			assert.Equal(t, []string{"a.png", "b.png"}, s.files(), "others still see the old row")
		})
		s.agree("b.png")
		image.Thumb = "b.png"
		require.NoError(t, s.store.Save("c.png", picture()))
		image.File = "c.png"
		require.NoError(t, s.db.Save(image).Error)
		s.agree("b.png", "c.png")
		require.NoError(t, s.db.Model(image).Updates(map[string]any{"file": "b.png", "thumb": ""}).Error)
		s.agree("b.png")
	})
}

func TestReplaceThenRollbackThenSaveAgainLosesNothing(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image := s.mug("a.png")
		rolledBack(t, s.db, func(tx *gorm.DB) { s.replace(tx, image, "b.png") })
		s.agree("a.png")
		require.Equal(t, "b.png", image.File, "the struct knows nothing of the rollback")
		require.ErrorIs(t, s.db.Save(image).Error, fs.ErrNotExist, "b.png went with the rollback")
		s.agree("a.png")
		s.replace(s.db, image, "b.png")
		s.agree("b.png")
	})
}

func TestReplaceThenRollbackToASavepointThenSaveAgainKeepsTheNewFile(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image := s.mug("a.png")
		committed(t, s.db, func(tx *gorm.DB) {
			rolledBack(t, tx, func(tx *gorm.DB) { s.replace(tx, image, "b.png") })
			require.NoError(t, tx.Save(image).Error)
		})
		s.agree("b.png")
		rolledBack(t, s.db, func(tx *gorm.DB) {
			rolledBack(t, tx, func(tx *gorm.DB) { s.replace(tx, image, "c.png") })
			require.NoError(t, tx.Save(image).Error)
		})
		s.agree("b.png")
	})
}

func TestSaveOfOtherColumnsLeavesTheFileToTheFullSave(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image, other := s.mug("a.png"), s.add("Lamp", 1000, 1)
		require.NoError(t, s.store.Save("b.png", picture()))
		image.File, image.ProductID = "b.png", other.ID
		require.NoError(t, s.db.Select("product_id").Save(image).Error)
		assert.Equal(t, []string{"a.png", "b.png"}, s.files(), "the row still names a.png")
		require.NoError(t, s.db.Omit("file").Save(image).Error)
		assert.Equal(t, []string{"a.png", "b.png"}, s.files())
		require.NoError(t, s.db.Save(image).Error)
		s.agree("b.png")
	})
}

func TestFromAToBToAInOneTransactionKeepsAAndRemovesB(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		image := s.mug("a.png")
		back := func(tx *gorm.DB) {
			s.replace(tx, image, "b.png")
			image.File = "a.png"
			require.NoError(t, tx.Save(image).Error)
		}
		committed(t, s.db, back)
		s.agree("a.png")
		rolledBack(t, s.db, back)
		s.agree("a.png")
		committed(t, s.db, func(tx *gorm.DB) {
			rolledBack(t, tx, back)
			s.replace(tx, image, "c.png")
		})
		s.agree("c.png")
	})
}

func TestAConditionalUpdateOfThePathRemovesTheOldFiles(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		for _, file := range []string{"a1.png", "a2.png", "b1.png"} {
			s.mug(file)
		}
		update := func(file any) func(tx *gorm.DB) {
			return func(tx *gorm.DB) {
				changed := tx.Model(&product.Image{}).Where("file LIKE ?", "a%").Update("file", file)
				require.NoError(t, changed.Error)
			}
		}
		require.NoError(t, s.store.Save("none.png", picture()))
		rolledBack(t, s.db, update("none.png"))
		assert.Equal(t, []string{"a1.png", "a2.png", "b1.png", "none.png"}, s.files())
		require.NoError(t, s.store.Save("moved-a1.png", picture()))
		require.NoError(t, s.store.Save("moved-a2.png", picture()))
		committed(t, s.db, update(gorm.Expr("'moved-' || file")))
		require.NoError(t, s.db.Model(s.image("moved-a2.png")).Update("file", "none.png").Error)
		s.agree("b1.png", "moved-a1.png", "none.png")

		err := s.db.Model(&product.Image{}).Where("1 = 1").Update("file", gorm.Expr("'../' || file")).Error
		require.ErrorIs(t, err, product.ErrBadName, "also when the database makes the name")
		s.agree("b1.png", "moved-a1.png", "none.png")
	})
}

func TestTwoCopiesInMemoryReplacingInTurnLeaveTheLastFile(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		one := s.mug("a.png")
		two := s.image("a.png")
		s.replace(s.db, one, "b.png")
		for _, file := range []string{"c.png", "d.png"} {
			require.NoError(t, s.store.Save(file, picture()))
		}
		two.File = "c.png"
		require.NoError(t, s.db.Save(two).Error)
		one.File = "d.png"
		require.NoError(t, s.db.Save(one).Error)
		s.agree("d.png")
		require.ErrorIs(t, s.db.Save(two).Error, fs.ErrNotExist, "c.png went when the other copy was saved")
		s.agree("d.png")
	})
}
