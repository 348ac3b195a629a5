package product

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Viewed is sent when somebody looks at a product:
//
//	err := product.Viewed.Send(ctx, product.View{Product: &mug, User: "ann", DB: db})
//
// The code that shows the product sends it; no write of GORM does. It is sent in the transaction of View.DB, if that is one. Send returns the error
// of a receiver, and the caller decides what it means.
var Viewed = signals.New[View]("product_viewed")

// View is the event of Viewed.
type View struct {
	Product *Product
	User    string   // who looked; empty if unknown
	DB      *gorm.DB // the database of the product, or a transaction in it
}

// ProductView is a recorded view. It is history, and stays when the product is deleted.
type ProductView struct { //nolint:revive // View is the event
	ID        uint
	ProductID uint   `gorm:"not null;index"`
	User      string `gorm:"not null"`
	CreatedAt time.Time
}

var errViewOfNothing = errors.New("product: a View needs Product with its ID, and DB: set both before Viewed.Send")

// viewCounter records and counts the views of one database's products.
type viewCounter struct {
	products *signals.ModelSignals[*Product]
}

// count is a receiver of Viewed. Viewed is one signal for the whole program. So with two shops, each counter gets the views of both and ignores those
// of the other. The database adds one, so that no view is lost if many look at once. UpdateColumn sends no signal, because a view is not a change of
// the product.
func (c viewCounter) count(ctx context.Context, v View) error {
	if v.Product == nil || v.Product.ID == 0 || v.DB == nil {
		return errViewOfNothing
	}
	if signals.For[Product](v.DB) != c.products {
		return nil
	}
	db := v.DB.Session(&gorm.Session{NewDB: true, Context: ctx})
	return db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&ProductView{ProductID: v.Product.ID, User: v.User}).Error; err != nil {
			return fmt.Errorf("product: cannot record a view: %w", err)
		}
		counted := tx.Model(&Product{}).Where("id = ?", v.Product.ID).UpdateColumn("views", gorm.Expr("views + 1"))
		if counted.Error != nil {
			return fmt.Errorf("product: cannot count a view: %w", counted.Error)
		}
		if counted.RowsAffected == 0 {
			return fmt.Errorf("product: cannot count a view of product %d, which is not for sale: %w",
				v.Product.ID, gorm.ErrRecordNotFound)
		}
		return nil
	})
}
