package product_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

// views returns the counted and the recorded views of a product.
func (s *testShop) views(id uint) (counted int64, users []string) {
	s.t.Helper()
	var p product.Product
	require.NoError(s.t, s.db.Unscoped().First(&p, id).Error)
	views := s.db.Model(&product.ProductView{}).Where("product_id = ?", id).Order("id")
	require.NoError(s.t, views.Pluck("user", &users).Error)
	return p.Views, users
}

func TestViewsAreRecordedAndCounted(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug, lamp := s.add("Mug", 1000, 1), s.add("Lamp", 1000, 1)
	for _, user := range []string{"ann", "bob", "ann"} {
		require.NoError(t, product.Viewed.Send(t.Context(), product.View{Product: mug, User: user, DB: s.db}))
	}
	counted, users := s.views(mug.ID)
	assert.EqualValues(t, 3, counted)
	assert.Equal(t, []string{"ann", "bob", "ann"}, users)
	counted, users = s.views(lamp.ID)
	assert.Zero(t, counted)
	assert.Empty(t, users)
}

func TestViewsFromManyGoroutinesCountExactly(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				assert.NoError(t, product.Viewed.Send(t.Context(), product.View{Product: mug, User: "ann", DB: s.db}))
			}
		})
	}
	wg.Wait()
	counted, users := s.views(mug.ID)
	assert.EqualValues(t, 200, counted)
	assert.Len(t, users, 200)
}

func TestAViewIsNoChangeOfTheProduct(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1)
	sent := 0
	signals.For[product.Product](s.db).PreSave.Connect(countSaves(&sent))
	require.NoError(t, product.Viewed.Send(t.Context(), product.View{Product: mug, DB: s.db}))
	assert.Zero(t, sent)
	var stored product.Product
	require.NoError(t, s.db.First(&stored, mug.ID).Error)
	assert.True(t, mug.UpdatedAt.Equal(stored.UpdatedAt))
}

func TestTwoShopsCountTheirOwnViews(t *testing.T) {
	t.Parallel()
	one, two := newShop(t), newShop(t)
	mug, lamp := one.add("Mug", 1000, 1), two.add("Lamp", 1000, 1)
	require.Equal(t, mug.ID, lamp.ID)
	require.NoError(t, product.Viewed.Send(t.Context(), product.View{Product: mug, User: "ann", DB: one.db}))
	counted, _ := one.views(mug.ID)
	assert.EqualValues(t, 1, counted)
	counted, _ = two.views(lamp.ID)
	assert.Zero(t, counted)
}

func TestAViewRollsBackWithItsTransaction(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1)
	err := s.db.Transaction(func(tx *gorm.DB) error {
		if err := product.Viewed.Send(t.Context(), product.View{Product: mug, User: "ann", DB: tx}); err != nil {
			return err
		}
		return gorm.ErrInvalidTransaction
	})
	require.ErrorIs(t, err, gorm.ErrInvalidTransaction)
	counted, users := s.views(mug.ID)
	assert.Zero(t, counted)
	assert.Empty(t, users)
}

func TestConditionsOfTheSessionDoNotReachTheCounter(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1)
	require.NoError(t, product.Viewed.Send(t.Context(),
		product.View{Product: mug, DB: s.db.Model(&product.Image{}).Where("file = ?", "x")}))
	counted, _ := s.views(mug.ID)
	assert.EqualValues(t, 1, counted)
}

func TestAViewOfNothingIsAnError(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	gone := s.add("Mug", 1000, 1)
	require.NoError(t, s.db.Delete(gone).Error)
	require.ErrorIs(t, product.Viewed.Send(t.Context(), product.View{Product: gone, DB: s.db}), gorm.ErrRecordNotFound)
	assert.Zero(t, s.rows(&product.ProductView{}), "what is not counted is not recorded")
	for _, view := range []product.View{{}, {Product: gone}, {DB: s.db}, {Product: &product.Product{}, DB: s.db}} {
		require.ErrorContains(t, product.Viewed.Send(t.Context(), view), "product: a View needs")
	}
}
