package stock_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/stock"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestTheReceiversOfAKeeperWorkTogether(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true}, &stock.Product{}, &stock.Reservation{})
	var low []string
	keeper := &stock.Keeper{Low: func(name string, left int) { low = append(low, fmt.Sprint(name, " ", left)) }}
	group := keeper.Connect(db)

	require.NoError(t, db.Create(&stock.Product{Name: "lamp", Stock: 12}).Error)
	require.NoError(t, db.Create(&stock.Reservation{ProductID: 1, Amount: 4}).Error)
	assert.Equal(t, []string{"lamp 8"}, low)
	require.ErrorIs(t, db.Create(&stock.Reservation{ProductID: 1, Amount: 9}).Error, stock.ErrStock)
	require.ErrorIs(t, db.Delete(&stock.Product{}, 1).Error, stock.ErrStock)
	require.ErrorIs(t, db.Create(&stock.Reservation{ProductID: 2, Amount: 1}).Error, gorm.ErrRecordNotFound)
	reservations := int64(0)
	require.NoError(t, db.Model(&stock.Reservation{}).Count(&reservations).Error)
	assert.EqualValues(t, 1, reservations, "that which was refused is not stored")
	assert.Len(t, signals.Receivers(db), 4)

	assert.True(t, group.Disconnect())
	assert.Empty(t, signals.Receivers(db))
	require.NoError(t, db.Create(&stock.Reservation{ProductID: 1, Amount: 9}).Error)
}
