// Package mail tells customers about their orders.
package mail

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/start/orders"
)

// Send sends a mail.
type Send func(ctx context.Context, to, text string) error

// Connect connects the mails about orders, and returns their lane. Call Shutdown of the lane when the program ends.
func Connect(db *gorm.DB, send Send) *signals.Lane {
	lane := signals.NewLane(signals.LaneConfig{Name: "mail", Workers: 4, Timeout: 10 * time.Second})
	signals.For[orders.Order](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*orders.Order]) error {
		return send(ctx, e.Instance.Email, fmt.Sprintf("order %d is paid", e.Instance.ID))
	}, signals.Becomes("Status", "paid"), signals.AfterCommit(), signals.In(lane), signals.UID("mail.paid"))
	return lane
}
