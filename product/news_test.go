package product_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

func TestMailsNewProducts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	require.NoError(t, s.db.Create(&[]product.Product{{Name: "Mug", Price: 1990}, {Name: "Lamp"}}).Error)
	assert.Equal(t, "shop@example.com", s.outbox.mails[0].From)
	assert.Contains(t, s.outbox.mails[0].Body, "19.90")
	assert.Equal(t, []string{"New product: Mug", "New product: Lamp"}, s.outbox.take())

	require.NoError(t, s.db.Model(&product.Product{}).Where("name = ?", "Lamp").Update("stock", 3).Error)
	assert.Empty(t, s.outbox.take(), "a changed product is not a new one")
}

func TestFixturesAreNotMailed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	db := s.db.WithContext(signals.Raw(t.Context()))
	p := product.Product{Name: "Mug", Price: 1000}
	require.NoError(t, db.Create(&p).Error)
	require.NoError(t, db.Model(&p).Update("price", 900).Error)
	assert.Empty(t, s.outbox.take())
}

func TestAMailThatCannotBeSentUndoesNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.outbox.err = errors.New("no mail today")
	mug := product.Product{Name: "Mug", Price: 1000}
	require.NoError(t, s.db.Create(&mug).Error)
	require.ErrorIs(t, s.handled.take(), s.outbox.err)
	require.NoError(t, s.db.Model(&mug).Update("price", 900).Error)
	require.ErrorIs(t, s.handled.take(), s.outbox.err)
	assert.EqualValues(t, 1, s.rows(&product.Product{}, "price = 900"))
}

func TestATransactionThatIsRolledBackMailsNothing(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		lamp := s.add("Lamp", 5000, 1)
		write := func(tx *gorm.DB) {
			require.NoError(t, tx.Create(&product.Product{Name: "Mug"}).Error)
			require.NoError(t, tx.Model(&product.Product{}).Where("id = ?", lamp.ID).Update("price", 4000).Error)
			require.NoError(t, tx.Model(lamp).Update("price", gorm.Expr("price - 1000")).Error)
		}
		rolledBack(t, s.db, write)
		committed(t, s.db, func(tx *gorm.DB) {
			rolledBack(t, tx, write)
			require.NoError(t, tx.Create(&product.Product{Name: "Chair"}).Error)
		})
		assert.Equal(t, []string{"New product: Chair"}, s.outbox.take())
		require.NoError(t, s.handled.take())
	})
}

func TestMailsLeaveAfterTheCommit(t *testing.T) {
	t.Parallel()
	inModes(t, func(s *testShop) {
		t := s.t
		lamp := s.add("Lamp", 5000, 1)
		committed(t, s.db, func(tx *gorm.DB) {
			mug := product.Product{Name: "Mug", Price: 1000}
			require.NoError(t, tx.Create(&mug).Error)
			require.NoError(t, tx.Model(lamp).Update("price", gorm.Expr("price - 1000")).Error)
			require.NoError(t, tx.Model(&mug).Update("name", "Blue mug").Error)
			assert.Empty(t, s.outbox.take(), "nothing is early")
		})
		assert.Equal(t, []string{"Now 40.00: Lamp", "New product: Blue mug"}, s.outbox.take())
		require.NoError(t, s.handled.take())
	})
}

func TestOnlyWhatATransactionLeavesIsMailed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	lamp := s.add("Lamp", 5000, 1)
	committed(t, s.db, func(tx *gorm.DB) {
		mug := product.Product{Name: "Mug", Price: 1000}
		require.NoError(t, tx.Create(&mug).Error)
		require.NoError(t, tx.Delete(&mug).Error)
		require.NoError(t, tx.Model(lamp).Update("price", 100).Error)
		require.NoError(t, tx.Model(lamp).Update("price", 5000).Error)
	})
	assert.Empty(t, s.outbox.take(), "the mug is gone again, and the price is back")
	committed(t, s.db, func(tx *gorm.DB) {
		require.NoError(t, tx.Model(lamp).Update("price", 100).Error)
		require.NoError(t, tx.Delete(lamp).Error)
	})
	assert.Empty(t, s.outbox.take(), "nobody can buy it at the lower price")
	require.NoError(t, s.handled.take())
}
