package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/gorm-signals/signals/outbox"        //nolint:depguard // The demo is a program of its own module.
	"github.com/gorm-signals/signals/outbox/natsjs" //nolint:depguard // The demo is a program of its own module.
	"github.com/gorm-signals/signals/product"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// stream is the name of the stream, and searchName that of its consumer.
const (
	stream     = "SHOP"
	searchName = "search"
)

// found is a row of the search index.
type found struct {
	ID    uint `gorm:"primaryKey;autoIncrement:false"`
	Name  string
	Price int64
}

// TableName returns the name of the table.
func (found) TableName() string { return "search_index" }

// index keeps the search index until ctx ends.
func index(ctx context.Context, w io.Writer, dir, url string) error {
	db, err := openDB(dir, searchFile)
	if err != nil {
		return err
	}
	nc, err := natsjs.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	sub := natsjs.Subscriber(nc, stream, natsjs.Durable(searchName), natsjs.Inbox(db))
	outbox.On(sub, func(_ context.Context, e outbox.Event[productV1]) error {
		fmt.Fprintln(w, tell(e))
		return apply(e.DB(), e)
	}, typePrefix+".products.*.v1")
	if err = sub.Run(ctx); err != nil {
		return err
	}
	return closeDB(db)
}

// apply changes the index, in the transaction in which the inbox records the event.
func apply(tx *gorm.DB, e outbox.Event[productV1]) error {
	if err := addOne(tx); err != nil {
		return err
	}
	row := found(e.Payload)
	if isDelete(e.Message) {
		return tx.Delete(&row).Error
	}
	return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error
}

func isDelete(m outbox.Message) bool { return strings.HasSuffix(m.Type, ".deleted.v1") }

func tell(e outbox.Event[productV1]) string {
	if isDelete(e.Message) {
		return e.Payload.Name + " is taken out of the index"
	}
	return fmt.Sprintf("%s is in the index for %s", e.Payload.Name, product.FormatPrice(e.Payload.Price))
}

// relay sends events from the shop's database to the server until ctx ends.
func relay(ctx context.Context, dir, url string) error {
	db, ob, err := openShop(dir)
	if err != nil {
		return err
	}
	nc, err := natsjs.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	sink, err := natsjs.NewSink(nc, stream)
	if err != nil {
		return err
	}
	// After one second of silence, another relay may take over.
	ob.Relay(sink, outbox.Lease(second)).Run(ctx)
	return closeDB(db)
}
