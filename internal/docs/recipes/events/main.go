// Command events takes orders, and packs them in the background.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/events/orders"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, "127.0.0.1:8080", "shop.db?_txlock=immediate")
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends. Then it stops in this order: requests, worker, database.
func run(ctx context.Context, address, dsn string) error {
	db, err := gorm.Open(sqlite.Open(dsn))
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := errors.Join(db.Use(signals.Plugin{}), db.AutoMigrate(&orders.Order{}, &orders.Line{})); err != nil {
		return err
	}
	worker := signals.NewLane(signals.LaneConfig{Name: "packing", Workers: 2, Queue: 500, Timeout: 10 * time.Second})
	orders.Placed.Connect(pack, signals.AfterCommit(), signals.In(worker), signals.UID("packing"))

	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		var order orders.Order
		if json.NewDecoder(r.Body).Decode(&order) != nil || orders.Place(r.Context(), db, &order) != nil {
			http.Error(w, "the order was not taken", http.StatusBadRequest)
		}
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() { stopped <- within(20*time.Second, server.Shutdown) }) // a client may hold its request open
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return errors.Join(<-stopped, within(20*time.Second, worker.Shutdown)) // packs what is queued
}

// within calls a Shutdown with a context that ends after some time.
func within(limit time.Duration, shutdown func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return shutdown(ctx)
}

// pack stands for slow work.
func pack(_ context.Context, e orders.OrderPlaced) error {
	log.Printf("order %d is packed: %d lines", e.OrderID, e.Lines)
	return nil
}
