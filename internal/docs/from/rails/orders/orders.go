// Package orders has the orders of a shop, and their receivers.
package orders

import (
	"context"
	"errors"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// ErrShipped is the error of a delete of an order that was shipped.
var ErrShipped = errors.New("the order was shipped")

// Order has lines, which the database deletes with it.
type Order struct {
	ID    uint
	Email string
	State string
	Lines []Line `gorm:"constraint:OnDelete:CASCADE"`
}

// Line is a line of an order.
type Line struct{ ID, OrderID uint }

// Connect connects the receivers. Call it once for each database, after db.Use. Note notes a line of text.
func Connect(db *gorm.DB, note func(words ...any)) {
	orders := signals.For[Order](db)

	// before_save, if: :will_save_change_to_email?
	orders.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		e.Instance.Email = strings.ToLower(e.Instance.Email)
		return nil
	}, signals.Fields("Email"), signals.UID("orders.email"))

	// after_create_commit
	orders.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		note("mail to", e.Instance.Email)
		return nil
	}, signals.OnCreate(), signals.AfterCommit(), signals.UID("orders.mail"))

	// after_update_commit, if: -> { saved_change_to_state?(to: "shipped") }
	orders.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		note("order", e.Instance.ID, "is on its way")
		return nil
	}, signals.OnUpdate(), signals.Becomes("State", "shipped"), signals.AfterCommit(), signals.UID("orders.shipped"))

	// before_destroy, prepend: true
	orders.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Order]) error {
		if e.Instance.State == "shipped" {
			return ErrShipped
		}
		return nil
	}, signals.First(), signals.UID("orders.keep"))

	// after_destroy of a line
	signals.For[Line](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Line]) error {
		note("line", e.Instance.ID, "is deleted, with its order:", e.Cascade)
		return nil
	}, signals.UID("lines.note"))
}
