// Package stock keeps the stock of products in order.
package stock

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// ErrStock is the error of writes that the stock does not allow.
var ErrStock = errors.New("the stock does not allow this")

// Product is a row of the table products.
type Product struct {
	ID    uint
	Name  string
	Stock int
}

// Reservation takes some of a product out of the stock.
type Reservation struct {
	ID        uint
	ProductID uint
	Amount    int
}

// Keeper has a method for each signal of a product that it receives.
type Keeper struct {
	Low func(name string, left int) // is called when less than ten are left
}

// PostSave refuses a stock below zero. Before the SQL, nobody knows what the database makes of stock - 4.
func (k *Keeper) PostSave(_ context.Context, e signals.SaveEvent[*Product]) error {
	if e.Instance.Stock < 0 {
		return ErrStock
	}
	return nil
}

// PreDelete keeps products that are in stock.
func (k *Keeper) PreDelete(_ context.Context, e signals.DeleteEvent[*Product]) error {
	if e.Instance.Stock > 0 {
		return ErrStock
	}
	return nil
}

// PostChange reports a low stock.
func (k *Keeper) PostChange(_ context.Context, e signals.ChangeEvent[*Product]) error {
	if e.Instance.Stock < 10 {
		k.Low(e.Instance.Name, e.Instance.Stock)
	}
	return nil
}

// ConnectOptions returns further options for single methods.
func (k *Keeper) ConnectOptions(signal string) []signals.ConnectOption {
	if signal == "post_change" {
		return []signals.ConnectOption{signals.OnUpdate(), signals.AfterCommit()}
	}
	return nil
}

// Connect connects all receivers. Disconnect of the group disconnects them, for instance at the end of a test.
func (k *Keeper) Connect(db *gorm.DB) *signals.Group {
	var group signals.Group
	group.Add(
		signals.ConnectAll[Product](db, k, signals.UID("stock")),
		signals.For[Reservation](db).PostSave.Connect(reserve, signals.OnCreate(), signals.Atomic(), signals.UID("stock.reserve")),
	)
	return &group
}

// reserve updates the product, whose receivers may refuse it: then the reservation is not stored either.
func reserve(_ context.Context, e signals.SaveEvent[*Reservation]) error {
	result := e.DB().Model(&Product{}).Where("id = ?", e.Instance.ProductID).Update("stock", gorm.Expr("stock - ?", e.Instance.Amount))
	if result.Error == nil && result.RowsAffected == 0 {
		return gorm.ErrRecordNotFound
	}
	return result.Error
}
