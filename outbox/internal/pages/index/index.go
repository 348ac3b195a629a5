// Package index keeps a search engine up to date with the products that are stored.
package index

import (
	"context"

	"github.com/gorm-signals/signals"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// Product is a row of the table products.
type Product struct {
	ID   uint
	Name string
}

// Engine is a search engine.
type Engine interface {
	Put(ctx context.Context, id uint, name string) error
}

// Connect connects the search engine to the products of a database. Call it once, when the program starts.
func Connect(db *gorm.DB, ob *outbox.Outbox, engine Engine) {
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
		return engine.Put(ctx, e.Instance.ID, e.Instance.Name)
	}, signals.Fields("Name"), outbox.Durable(ob, "index"))
}
