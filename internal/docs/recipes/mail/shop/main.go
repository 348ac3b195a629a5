// Command shop takes orders and marks them as paid.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/mail"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, "127.0.0.1:8080", "shop.db?_txlock=immediate")
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends. Then it stops in this order: requests, mails, database.
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
	if err := errors.Join(db.Use(signals.Plugin{}), db.AutoMigrate(&mail.Order{})); err != nil {
		return err
	}
	mails := mail.Connect(db, send)

	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		order := mail.Order{Email: r.FormValue("email")}
		if err := db.WithContext(r.Context()).Create(&order).Error; err != nil {
			http.Error(w, "the order was not taken", http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, order.ID)
	})
	mux.HandleFunc("POST /orders/{id}/pay", func(w http.ResponseWriter, r *http.Request) {
		order := db.WithContext(r.Context()).Model(&mail.Order{}).Where("id = ?", r.PathValue("id"))
		switch paid := order.Update("status", "paid"); { // waits for no mail
		case paid.Error != nil:
			http.Error(w, "the order could not be paid", http.StatusInternalServerError)
		case paid.RowsAffected == 0:
			http.NotFound(w, r)
		}
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() { stopped <- within(20*time.Second, server.Shutdown) }) // a client may hold its request open
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return errors.Join(<-stopped, within(20*time.Second, mails.Shutdown)) // waits for mails that are queued or on their way
}

// within calls a Shutdown with a context that ends after some time.
func within(limit time.Duration, shutdown func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return shutdown(ctx)
}

// send stands for a mail server.
func send(_ context.Context, to, text string) error {
	_, err := fmt.Printf("to %s: %s\n", to, text)
	return err
}
