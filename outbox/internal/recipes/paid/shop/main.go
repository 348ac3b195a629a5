// Command shop stores a paid order.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/gorm-signals/signals/outbox/internal/recipes/paid/orders"
)

func main() {
	path, email := flag.String("db", "shop.db", "path of the database"), flag.String("email", "ann@example.com", "of the customer")
	flag.Parse()
	if err := run(context.Background(), *path, *email); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path, email string) error {
	db, ob, err := orders.Open(ctx, path, orders.Log)
	if err != nil {
		return err
	}
	if err := db.Create(&orders.Order{Email: email, Status: "paid"}).Error; err != nil {
		return err
	}
	return ob.Shutdown(ctx) // leaves the mail to the worker, unless it is being sent
}
