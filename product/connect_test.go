package product_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

func countSaves(n *int) signals.Receiver[signals.SaveEvent[*product.Product]] {
	return func(context.Context, signals.SaveEvent[*product.Product]) error {
		*n++
		return nil
	}
}

func TestConnectingTwiceReplacesTheReceivers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	before := len(signals.Receivers(s.db))
	second := s.config()
	second.Mailer = &outbox{}
	disconnect, err := product.Connect(s.db, second)
	require.NoError(t, err)
	defer disconnect()
	assert.Len(t, signals.Receivers(s.db), before)

	mug := &product.Product{Name: "Mug", Price: 1000}
	require.NoError(t, s.db.Create(mug).Error)
	require.NoError(t, product.Viewed.Send(t.Context(), product.View{Product: mug, DB: s.db}))
	assert.Empty(t, s.outbox.take(), "the first mailer is out of use")
	counted, _ := s.views(mug.ID)
	assert.EqualValues(t, 1, counted)
}

func TestDisconnectLeavesPlainGORM(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	mug := s.add("Mug", 1000, 1, "mug.png")
	s.disconnect()
	s.disconnect() // once more does nothing
	assert.Empty(t, signals.Receivers(s.db))

	require.NoError(t, s.db.Create(&product.Product{Name: "Lamp"}).Error)
	require.NoError(t, s.db.Model(mug).Update("price", 1).Error)
	require.NoError(t, product.Viewed.Send(t.Context(), product.View{Product: mug, DB: s.db}))
	require.NoError(t, s.db.Where("product_id = ?", mug.ID).Delete(&product.Image{}).Error)
	assert.Empty(t, s.outbox.take())
	assert.Equal(t, []string{"mug.png"}, s.files())
	counted, _ := s.views(mug.ID)
	assert.Zero(t, counted)
}

func TestConnectRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	whole := s.config()

	_, err := product.Connect(nil, whole)
	require.ErrorContains(t, err, "gorm.Open")
	_, err = product.Connect(openDB(t), whole)
	require.ErrorIs(t, err, signals.ErrNotInstalled)
	for name, spoil := range map[string]func(*product.Shop){
		"Images":     func(shop *product.Shop) { shop.Images = nil },
		"Mailer":     func(shop *product.Shop) { shop.Mailer = nil },
		"sender":     func(shop *product.Shop) { shop.From = "" },
		"recipients": func(shop *product.Shop) { shop.To = []string{"nobody"} },
		"recipient":  func(shop *product.Shop) { shop.To = nil },
	} {
		shop := whole
		spoil(&shop)
		_, err = product.Connect(s.db, shop)
		require.ErrorContains(t, err, name)
	}
}
