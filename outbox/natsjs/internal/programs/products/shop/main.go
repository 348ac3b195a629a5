// Command shop stores a product, and with it an event for other programs.
package main

import (
	"context"
	"errors"
	"flag"
	"log"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox/natsjs/internal/programs/products/api"
)

// Product is a row of the table products.
type Product struct {
	ID    uint
	Name  string
	Price int64
	Cost  int64 // which nobody else gets
}

func main() {
	path, name := flag.String("db", "shop.db", "path of the database"), flag.String("name", "lamp", "of the product")
	flag.Parse()
	if err := run(context.Background(), *path, *name); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path, name string) error {
	db, err := gorm.Open(sqlite.Open(path + "?_txlock=immediate&_busy_timeout=5000&_journal_mode=wal"))
	if err != nil {
		return err
	}
	if err = db.Use(signals.Plugin{}); err != nil {
		return err
	}
	ob, err := outbox.Install(db, outbox.Config{Source: "/shop", TypePrefix: "com.acme"})
	if err != nil {
		return err
	}
	if err := errors.Join(db.AutoMigrate(&Product{}), ob.Migrate(ctx)); err != nil {
		return err
	}
	outbox.Publish[Product](ob, outbox.Version(1), outbox.Payload(func(p *Product) any { return api.ProductV1{ID: p.ID, Name: p.Name, Price: p.Price} }))

	return db.WithContext(ctx).Create(&Product{Name: name, Price: 30, Cost: 12}).Error // and com.acme.products.created.v1
}
