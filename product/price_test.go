package product_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

func TestMailsAPriceDropOnceWhateverTheFormOfTheWrite(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(db *gorm.DB, p *product.Product) *gorm.DB{
		"Update": func(db *gorm.DB, p *product.Product) *gorm.DB { return db.Model(p).Update("price", 900) },
		"Update by key": func(db *gorm.DB, p *product.Product) *gorm.DB {
			return db.Model(&product.Product{ID: p.ID}).Update("price", 900)
		},
		"Updates struct": func(db *gorm.DB, p *product.Product) *gorm.DB {
			return db.Model(p).Updates(product.Product{Price: 900, Stock: 3})
		},
		"Save": func(db *gorm.DB, p *product.Product) *gorm.DB {
			p.Price = 900
			return db.Save(p)
		},
		"expression": func(db *gorm.DB, p *product.Product) *gorm.DB {
			return db.Model(p).Update("price", gorm.Expr("price - 100"))
		},
		"condition": func(db *gorm.DB, _ *product.Product) *gorm.DB {
			return db.Model(&product.Product{}).Where("name = ?", "Mug").Update("price", 900)
		},
		"price beside an expression": func(db *gorm.DB, p *product.Product) *gorm.DB {
			return db.Model(p).Updates(map[string]any{"price": 900, "stock": gorm.Expr("stock + 1")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			mug := s.add("Mug", 1000, 1)
			s.add("Lamp", 5000, 1)
			require.NoError(t, write(s.db, mug).Error)
			require.NotEmpty(t, s.outbox.mails)
			assert.Contains(t, s.outbox.mails[0].Body, "Before: 10.00\nNow: 9.00")
			assert.Equal(t, []string{"Now 9.00: Mug"}, s.outbox.take())
		})
	}
}

func TestAPriceThatDoesNotDropIsNotMailed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1)
	require.NoError(t, s.db.Model(mug).Update("price", 1000).Error)
	require.NoError(t, s.db.Model(mug).Update("price", 1200).Error)
	require.NoError(t, s.db.Model(mug).Update("price", gorm.Expr("price + 1")).Error)
	require.NoError(t, s.db.Model(mug).Update("price", gorm.Expr("price")).Error)
	require.NoError(t, s.db.Model(mug).Update("name", "Big mug").Error)
	require.NoError(t, s.db.Model(mug).UpdateColumn("price", 1).Error)
	require.NoError(t, s.db.Model(&product.Product{}).Where("name = ?", "nothing").Update("price", 0).Error)
	assert.Empty(t, s.outbox.take())
}

func TestAConditionalExpressionMailsEachProductThatGetsCheaper(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.add("Mug", 1000, 5)
	s.add("Lamp", 5000, 5)
	s.add("Gift", 0, 5)
	s.add("Chair", 9000, 0)
	sale := s.db.Model(&product.Product{}).Where("stock > 0").Update("price", gorm.Expr("price / 2"))
	require.NoError(t, sale.Error)
	assert.EqualValues(t, 3, sale.RowsAffected)
	assert.Equal(t, []string{"Now 5.00: Mug", "Now 25.00: Lamp"}, s.outbox.take())
}

func TestAPriceThatAReceiverLowersIsMailed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1)
	signals.For[product.Product](s.db).PreSave.Connect(
		func(_ context.Context, e signals.SaveEvent[*product.Product]) error {
			e.Instance.Price -= e.Instance.Price % 100
			return nil
		})
	require.NoError(t, s.db.Model(mug).Update("price", 999).Error)
	assert.Equal(t, []string{"Now 9.00: Mug"}, s.outbox.take())
}

func TestAWriteThatFailsLeavesNoMailForTheNextOne(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1)
	require.Error(t, s.db.Model(mug).Update("price", gorm.Expr("price - 5000")).Error, "no price is below zero")
	require.NoError(t, s.db.Model(mug).Update("stock", 2).Error)
	assert.Empty(t, s.outbox.take())
	require.NoError(t, s.db.Model(mug).Update("price", 900).Error)
	assert.Equal(t, []string{"Now 9.00: Mug"}, s.outbox.take())
}

func TestAVetoedPriceIsNotMailed(t *testing.T) {
	t.Parallel()
	s, veto := newShop(t), errors.New("too cheap")
	mug := s.add("Mug", 1000, 1)
	signals.For[product.Product](s.db).PreSave.Connect(
		func(context.Context, signals.SaveEvent[*product.Product]) error { return veto })
	require.ErrorIs(t, s.db.Model(mug).Update("price", 1).Error, veto)
	assert.Empty(t, s.outbox.take(), "the mail comes last, although the veto was connected after it")
}

func TestFormatsPrices(t *testing.T) {
	t.Parallel()
	for cents, want := range map[int64]string{0: "0.00", 5: "0.05", 1990: "19.90", -5: "-0.05", -1990: "-19.90"} {
		assert.Equal(t, want, product.FormatPrice(cents))
	}
}
