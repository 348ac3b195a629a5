package start_test

import (
	"context"
	"fmt"
	"log"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/start/mail"
	"github.com/gorm-signals/signals/internal/docs/start/orders"
)

func Example() {
	db, err := open(":memory:") // a file: "shop.db?_txlock=immediate"
	if err != nil {
		log.Fatal(err)
	}
	orders.Connect(db)
	mails := mail.Connect(db, printMail)

	order := orders.Order{Email: "ann@example.com", Total: 30}
	if err := db.Create(&order).Error; err != nil {
		log.Fatal(err)
	}
	fmt.Println("order", order.ID, "is", order.Status)
	fmt.Println(db.Model(&orders.Order{}).Where("id = ?", order.ID).Update("total", -1).Error)
	if err := orders.Pay(db, order.ID); err != nil { // returns before the mail is sent
		log.Fatal(err)
	}
	if err := mails.Shutdown(context.Background()); err != nil { // waits for the mails
		log.Fatal(err)
	}

	// Output:
	// order 1 is new
	// signals: receiver orders.check of pre_save of Order: the total is below zero
	// to ann@example.com: order 1 is paid
}

// open opens the database with the plugin and the tables.
func open(dsn string) (*gorm.DB, error) {
	db, err := gorm.Open(sqlite.Open(dsn))
	if err != nil {
		return nil, err
	}
	if err := db.Use(signals.Plugin{}); err != nil {
		return nil, err
	}
	return db, db.AutoMigrate(&orders.Order{})
}

// printMail stands for a mail server.
func printMail(_ context.Context, to, text string) error {
	fmt.Printf("to %s: %s\n", to, text)
	return nil
}
