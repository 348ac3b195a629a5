// Command parked lists events that have failed too often, and how much waits. With -requeue, the worker tries the events again.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/gorm-signals/signals/outbox/internal/recipes/paid/orders"
)

func main() {
	path, requeue := flag.String("db", "shop.db", "path of the database"), flag.Bool("requeue", false, "try the events again")
	flag.Parse()
	if err := run(context.Background(), *path, *requeue); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path string, requeue bool) error {
	_, ob, err := orders.Open(ctx, path, orders.Log)
	if err != nil {
		return err
	}
	parked, err := ob.Dead(ctx)
	if err != nil {
		return err
	}
	for _, e := range parked {
		fmt.Printf("%s for %s, %d tries: %s\n", e.Subject, e.Receiver, e.Tries, e.Error)
		if requeue {
			if _, err = ob.Requeue(ctx, e.ID); err != nil {
				return err
			}
		}
	}
	lags, err := ob.Lag(ctx)
	for _, l := range lags {
		fmt.Printf("%s: %d wait, the oldest for %s\n", l.Receiver, l.Pending, l.Age)
	}
	return err
}
