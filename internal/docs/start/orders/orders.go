// Package orders has the orders of a shop, and the rules for them.
package orders

import (
	"cmp"
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// ErrTotal is the error of an order with a total below zero.
var ErrTotal = errors.New("the total is below zero")

// Order is a row of the table orders.
type Order struct {
	ID     uint
	Email  string
	Total  int
	Status string
}

// Connect connects the rules for orders. Call it once for each database, after db.Use.
func Connect(db *gorm.DB) {
	signals.For[Order](db).PreSave.Connect(check, signals.UID("orders.check"))
}

// check refuses a wrong total, and gives an order its first status.
func check(_ context.Context, e signals.SaveEvent[*Order]) error {
	if e.Instance.Total < 0 {
		return ErrTotal
	}
	e.Instance.Status = cmp.Or(e.Instance.Status, "new")
	return nil
}

// Pay marks an order as paid. It knows nothing of mails.
func Pay(db *gorm.DB, id uint) error {
	return db.Model(&Order{}).Where("id = ?", id).Update("status", "paid").Error
}
