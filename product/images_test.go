package product_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

func TestAProductTakesItsImagesAlong(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(db *gorm.DB, mug *product.Product) *gorm.DB{
		"by value": func(db *gorm.DB, mug *product.Product) *gorm.DB { return db.Delete(mug) },
		"by key":   func(db *gorm.DB, mug *product.Product) *gorm.DB { return db.Delete(&product.Product{}, mug.ID) },
		"by condition": func(db *gorm.DB, _ *product.Product) *gorm.DB {
			return db.Where("name = ?", "Mug").Delete(&product.Product{})
		},
		"by slice": func(db *gorm.DB, mug *product.Product) *gorm.DB { return db.Delete(&[]product.Product{*mug}) },
		"read with its key alone": func(db *gorm.DB, mug *product.Product) *gorm.DB {
			return db.Delete(&product.Product{ID: mug.ID})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			mug := s.add("Mug", 1000, 1, "mug-1.png", "mug-2.png")
			lamp := s.add("Lamp", 1000, 1, "lamp-1.png")

			done := remove(s.db.Unscoped(), mug)
			require.NoError(t, done.Error)
			assert.EqualValues(t, 1, done.RowsAffected)
			assert.Equal(t, []string{"lamp-1.png"}, s.files())
			assert.EqualValues(t, 1, s.rows(&product.Image{}))
			assert.EqualValues(t, 1, s.rows(&product.Image{}, "product_id = ?", lamp.ID))
			assert.EqualValues(t, 1, s.rows(&product.Product{}))
		})
	}
}

func TestDeleteByConditionRemovesTheFilesOfExactlyThoseProducts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var kept []string
	for i := range 30 {
		a, b := fmt.Sprintf("%02d-a.png", i), fmt.Sprintf("%02d-b.png", i)
		s.add(fmt.Sprintf("Product %d", i), 100, i%3, a, b)
		if i%3 > 0 {
			kept = append(kept, a, b)
		}
	}
	done := s.db.Unscoped().Where("stock = 0").Delete(&product.Product{})
	require.NoError(t, done.Error)
	assert.EqualValues(t, 10, done.RowsAffected)
	assert.Equal(t, kept, s.files())
	assert.EqualValues(t, 40, s.rows(&product.Image{}))
}

func TestManyProductsTakeManyImagesAlong(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	products := make([]product.Product, 1200) // more than two batches of a conditional delete
	for i := range products {
		products[i] = product.Product{Name: fmt.Sprint(i), Images: []product.Image{{File: fmt.Sprintf("%04d.png", i)}}}
		require.NoError(t, s.store.Save(products[i].Images[0].File, picture()))
	}
	require.NoError(t, s.db.CreateInBatches(products, 300).Error)
	done := s.db.Unscoped().Where("name <> ?", "7").Delete(&product.Product{})
	require.NoError(t, done.Error)
	assert.EqualValues(t, 1199, done.RowsAffected)
	assert.Equal(t, []string{"0007.png"}, s.files())
}

func TestArchivingKeepsTheImages(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1, "mug.png")
	require.NoError(t, s.db.Delete(mug).Error)
	assert.Equal(t, []string{"mug.png"}, s.files())
	assert.EqualValues(t, 1, s.rows(&product.Image{}))

	require.NoError(t, s.db.Unscoped().Model(mug).Update("deleted_at", nil).Error)
	var back product.Product
	require.NoError(t, s.db.Preload("Images").First(&back, mug.ID).Error)
	assert.Len(t, back.Images, 1)
	assert.Empty(t, s.outbox.take(), "a product that comes back is not new")

	require.NoError(t, s.db.Delete(mug).Error)
	require.NoError(t, s.db.Unscoped().Delete(mug).Error)
	assert.Empty(t, s.files())
}

func TestAFileGoesWithItsLastImage(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug, set := s.add("Mug", 1000, 1, "shared.png"), s.add("Set of mugs", 1000, 1)
	require.NoError(t, s.db.Create(&product.Image{ProductID: set.ID, File: "shared.png"}).Error)

	require.NoError(t, s.db.Unscoped().Delete(mug).Error)
	assert.Equal(t, []string{"shared.png"}, s.files(), "another product shows it")
	require.NoError(t, s.db.Where("product_id = ?", set.ID).Delete(&product.Image{}).Error)
	assert.Empty(t, s.files(), "an image that is deleted by itself takes its file along too")
}

func TestAVetoKeepsRowsAndFiles(t *testing.T) {
	t.Parallel()
	veto := errors.New("Lamp is not to go")
	refuseLamp := func(_ context.Context, e signals.DeleteEvent[*product.Product]) error {
		if e.Instance.Name == "Lamp" {
			return veto
		}
		return nil
	}
	for _, priority := range []int{10, 0, -99} {
		t.Run(fmt.Sprint("priority ", priority), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.add("Mug", 1000, 1, "a-mug.png")
			lamp := s.add("Lamp", 1000, 1, "b-lamp.png")
			s.add("Chair", 1000, 1, "c-chair.png")
			signals.For[product.Product](s.db).PreDelete.Connect(refuseLamp, signals.Priority(priority))

			require.ErrorIs(t, s.db.Unscoped().Delete(lamp).Error, veto)
			require.ErrorIs(t, s.db.Unscoped().Where("price = ?", 1000).Delete(&product.Product{}).Error, veto)
			assert.Equal(t, []string{"a-mug.png", "b-lamp.png", "c-chair.png"}, s.files())
			assert.EqualValues(t, 3, s.rows(&product.Product{}))
			assert.EqualValues(t, 3, s.rows(&product.Image{}))
		})
	}
}

func TestAVetoAgainstAnImageKeepsAllFilesOfTheProduct(t *testing.T) {
	t.Parallel()
	s, veto := newShop(t), errors.New("a prize-winning picture")
	mug := s.add("Mug", 1000, 1, "1.png", "2.png", "3.png")
	signals.For[product.Image](s.db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*product.Image]) error {
		if e.Instance.File == "3.png" {
			return veto
		}
		return nil
	})
	require.ErrorIs(t, s.db.Unscoped().Delete(mug).Error, veto)
	assert.Equal(t, []string{"1.png", "2.png", "3.png"}, s.files())
	assert.EqualValues(t, 3, s.rows(&product.Image{}))
}

func TestAMissingFileDoesNotStopADelete(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1, "mug.png")
	require.NoError(t, s.store.Remove("mug.png"))
	require.NoError(t, s.db.Unscoped().Delete(mug).Error)
	assert.Zero(t, s.rows(&product.Product{}))
}

func TestNoRowNamesAFileOutsideTheDirectory(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1, "mug.png")
	for _, name := range []string{"../x", "/etc/passwd", "", "a/b"} {
		require.ErrorIs(t, s.db.Create(&product.Image{ProductID: mug.ID, File: name}).Error, product.ErrBadName)
		_, err := product.AddImage(s.db, s.store, mug.ID, name, picture())
		require.ErrorIs(t, err, product.ErrBadName)
		changed := s.db.Model(&product.Image{}).Where("product_id = ?", mug.ID).Update("file", name)
		require.ErrorIs(t, changed.Error, product.ErrBadName)
	}
	assert.EqualValues(t, 1, s.rows(&product.Image{}))

	// A name that came past the receiver, in plain SQL, is an error when its file is to be removed, and nothing is lost.
	require.NoError(t, s.db.Exec("UPDATE images SET file = ?", "../x").Error)
	require.ErrorIs(t, s.db.Unscoped().Delete(mug).Error, product.ErrBadName)
	assert.EqualValues(t, 1, s.rows(&product.Product{}))
}

func TestAddImageLeavesNoFileWithoutARow(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	_, err := product.AddImage(s.db, s.store, 4711, "mug.png", picture())
	require.ErrorContains(t, err, "product 4711")
	conditions := s.db.Model(&product.Product{}).Where("id = 1")
	_, err = product.AddImage(conditions, s.store, s.add("Mug", 1, 1).ID, "b.png", picture())
	require.NoError(t, err, "conditions of the session do not reach the image")
	require.NoError(t, s.db.Where("1 = 1").Delete(&product.Image{}).Error)
	assert.Empty(t, s.files())
}

func TestTheImageReceiversNeedFewQueries(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for i := range 20 {
		s.add(fmt.Sprint(i), 100, 0, fmt.Sprintf("%d.png", i))
	}
	var calls []int
	signals.For[product.Image](s.db).PreDelete.ConnectBatch(
		func(_ context.Context, events []signals.DeleteEvent[*product.Image]) error {
			calls = append(calls, len(events))
			return nil
		})
	require.NoError(t, s.db.Unscoped().Where("stock = 0").Delete(&product.Product{}).Error)
	assert.True(t, slices.Equal([]int{20}, calls), "images are deleted together, not product by product: %v", calls)
}
