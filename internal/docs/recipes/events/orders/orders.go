// Package orders takes orders and says so by a signal of its own.
package orders

import (
	"context"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Order is a row of the table orders.
type Order struct {
	ID    uint
	Email string
	Lines []Line
}

// Line is one product of an order.
type Line struct {
	ID      uint
	OrderID uint
	Product string
	Amount  int
}

// Placed is sent in the transaction that stores an order with its lines.
var Placed = signals.New[OrderPlaced]("order_placed")

// OrderPlaced is the event of Placed.
type OrderPlaced struct {
	OrderID uint
	Lines   int
}

// Key keeps the events of one order in their order, also on a lane.
func (e OrderPlaced) Key() any { return e.OrderID }

// Place stores an order. Receivers without a phase run inside the transaction, and may refuse the order.
func Place(ctx context.Context, db *gorm.DB, order *Order) error {
	return db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(order).Error; err != nil {
			return err
		}
		return Placed.SendIn(tx, OrderPlaced{order.ID, len(order.Lines)})
	})
}
