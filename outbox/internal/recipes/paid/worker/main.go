// Command worker sends the mails that no other process has sent.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gorm-signals/signals/outbox/internal/recipes/paid/orders"
)

func main() {
	path := flag.String("db", "shop.db", "path of the database")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *path)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run works until ctx ends. Any number of processes may do so: they share the events.
func run(ctx context.Context, path string) error {
	db, ob, err := orders.Open(ctx, path, orders.Log)
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	defer pool.Close()
	ob.Run(ctx) // returns when ctx has ended and the receivers have returned
	limited, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return ob.Shutdown(limited) // notes what is done, and gives up what is not
}
