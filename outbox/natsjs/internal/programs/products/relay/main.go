// Command relay sends the events of the shop to NATS JetStream.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go/jetstream"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox/natsjs"
	"github.com/gorm-signals/signals/outbox/natsjs/internal/programs/products/api"
)

func main() {
	path, url := flag.String("db", "shop.db", "path of the database"), flag.String("nats", "nats://127.0.0.1:4222", "address of the server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *path, *url)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run relays until ctx ends. What was not sent then stays in the table.
func run(ctx context.Context, path, url string) error {
	db, err := gorm.Open(sqlite.Open(path + "?_txlock=immediate&_busy_timeout=5000&_journal_mode=wal"))
	if err != nil {
		return err
	}
	if err = db.Use(signals.Plugin{}); err != nil {
		return err
	}
	ob, err := outbox.Install(db, outbox.Config{Source: "/shop", TypePrefix: "com.acme"}) // as in the shop
	if err != nil {
		return err
	}
	if err = ob.Migrate(ctx); err != nil {
		return err
	}
	nc, err := natsjs.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err = natsjs.EnsureStream(ctx, nc, jetstream.StreamConfig{Name: api.Stream, MaxAge: 30 * 24 * time.Hour}); err != nil {
		return err
	}
	sink, err := natsjs.NewSink(nc, api.Stream)
	if err != nil {
		return err
	}
	ob.Relay(sink).Run(ctx) // in a second process too: one works, the other stands by
	return nil
}
