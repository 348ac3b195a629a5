// Command search keeps an index of the products of the shop in a database of its own.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/gorm-signals/signals/outbox"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox/natsjs"
	"github.com/gorm-signals/signals/outbox/natsjs/internal/programs/products/api"
)

// Entry is a row of the index.
type Entry struct {
	ID   uint
	Text string
}

func main() {
	path, url := flag.String("db", "search.db", "path of the database"), flag.String("nats", "nats://127.0.0.1:4222", "address of the server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *path, *url)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run receives until ctx ends, and then lets the handlers that run return.
func run(ctx context.Context, path, url string) error {
	db, err := gorm.Open(sqlite.Open(path + "?_txlock=immediate&_busy_timeout=5000&_journal_mode=wal"))
	if err != nil {
		return err
	}
	nc, err := natsjs.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	sub := natsjs.Subscriber(nc, api.Stream, natsjs.Durable("search"), natsjs.Inbox(db))
	outbox.On(sub, index, "com.acme.products.created.v1", "com.acme.products.updated.v1")
	outbox.On(sub, remove, "com.acme.products.deleted.v1")
	if err := errors.Join(db.AutoMigrate(&Entry{}), sub.Migrate(ctx)); err != nil {
		return err
	}
	return sub.Run(ctx)
}

// index writes in the transaction of the inbox: an event that arrives twice has its effect once.
func index(_ context.Context, e outbox.Event[api.ProductV1]) error {
	log.Printf("%s %s: %s", e.Type, e.Subject, e.Payload.Name)
	return e.DB().Save(&Entry{ID: e.Payload.ID, Text: e.Payload.Name}).Error
}

func remove(_ context.Context, e outbox.Event[api.ProductV1]) error {
	return e.DB().Delete(&Entry{}, e.Payload.ID).Error
}
