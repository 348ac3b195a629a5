// Command shop marks orders as paid.
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
	mux.HandleFunc("POST /orders/{id}/pay", func(w http.ResponseWriter, r *http.Request) {
		order := db.WithContext(r.Context()).Model(&mail.Order{}).Where("id = ?", r.PathValue("id"))
		if err := order.Update("status", "paid").Error; err != nil { // waits for no mail
			http.Error(w, "the order could not be paid", http.StatusInternalServerError)
		}
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() { stopped <- server.Shutdown(context.Background()) })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	limited, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return errors.Join(<-stopped, mails.Shutdown(limited)) // waits for mails that are queued or on their way
}

// send stands for a mail server.
func send(_ context.Context, to, text string) error {
	_, err := fmt.Printf("to %s: %s\n", to, text)
	return err
}
