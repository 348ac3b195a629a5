// Package mail tells customers about their orders.
package mail

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Order is a row of the table orders.
type Order struct {
	ID     uint
	Email  string
	Status string
}

// Send sends a mail.
type Send func(ctx context.Context, to, text string) error

// Connect mails the customer when an order becomes paid. Call Shutdown of the lane when the program ends.
func Connect(db *gorm.DB, send Send) *signals.Lane {
	lane := signals.NewLane(signals.LaneConfig{Name: "mail", Workers: 4, Timeout: 10 * time.Second})
	signals.For[Order](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Order]) error {
		return send(ctx, e.Instance.Email, fmt.Sprintf("Order %d is paid.", e.Instance.ID))
	}, signals.Becomes("Status", "paid"), signals.AfterCommit(), signals.In(lane), signals.UID("mail.paid"))
	return lane
}
