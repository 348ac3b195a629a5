// Package orders mails the customer of a paid order, even if the process that stored the order dies.
package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gorm-signals/signals"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// Order is a row of the table orders.
type Order struct {
	ID     uint
	Email  string
	Status string
}

// Mail has a key, by which a mail service drops the second copy of a mail.
type Mail struct{ Key, To, Text string }

// Send sends a mail.
type Send func(ctx context.Context, m Mail) error

// Open opens the database in each process that writes orders or sends mails.
func Open(ctx context.Context, path string, send Send) (*gorm.DB, *outbox.Outbox, error) {
	db, err := gorm.Open(sqlite.Open(path + "?_txlock=immediate&_busy_timeout=5000&_journal_mode=wal"))
	if err != nil {
		return nil, nil, err
	}
	if err = db.Use(signals.Plugin{}); err != nil {
		return nil, nil, err
	}
	ob, err := outbox.Install(db, outbox.Config{Source: "/shop"})
	if err != nil {
		return nil, nil, err
	}
	signals.For[Order](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Order]) error {
		key := fmt.Sprintf("order-%d-paid", e.Instance.ID) // the receiver may be called again for one change
		return send(ctx, Mail{key, e.Instance.Email, fmt.Sprintf("Order %d is paid.", e.Instance.ID)})
	}, signals.Becomes("Status", "paid"), outbox.Durable(ob, "mail.paid", outbox.Workers(4), outbox.Timeout(10*time.Second)))
	return db, ob, errors.Join(db.AutoMigrate(&Order{}), ob.Migrate(ctx))
}

// Log stands for the client of a mail service.
func Log(_ context.Context, m Mail) error {
	_, err := fmt.Println(m.Key, "to", m.To+":", m.Text)
	return err
}
