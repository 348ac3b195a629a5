package watermillsink_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	watermillmessage "github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	"github.com/gorm-signals/signals/outbox"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox/watermillsink"
)

// Entry is a line in the index of a search machine.
type Entry struct {
	Subject string `gorm:"primaryKey"`
	Text    string
}

// A router of Watermill handles events with an inbox: an event that comes twice has its effect once.
func ExampleHandler() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "watermillsink")
	check(err)
	defer func() { check(os.RemoveAll(dir)) }()
	db, err := gorm.Open(sqlite.Open(filepath.Join(dir, "search.db")), &gorm.Config{TranslateError: true})
	check(err)
	check(db.AutoMigrate(&Entry{}))
	inbox := outbox.NewInbox(db, "search")
	check(inbox.Migrate(ctx))

	engine := gochannel.NewGoChannel(gochannel.Config{BlockPublishUntilSubscriberAck: true}, watermill.NopLogger{})
	router, err := watermillmessage.NewRouter(watermillmessage.RouterConfig{}, watermill.NopLogger{})
	check(err)
	router.AddConsumerHandler("search", "shop", engine, watermillsink.Handler(func(ctx context.Context, m outbox.Message) error {
		fmt.Println("arrived:", m.Type, m.Subject)
		return inbox.Handle(ctx, m, func(ctx context.Context, m outbox.Message) error {
			fmt.Println("indexed:", string(m.Data))
			return outbox.InboxTx(ctx).Create(&Entry{Subject: m.Subject, Text: string(m.Data)}).Error
		})
	}))
	stopped := make(chan error)
	go func() { stopped <- router.Run(ctx) }()
	<-router.Running()

	sink := watermillsink.New(engine, watermillsink.Topic("shop"))
	lamp := outbox.Message{
		ID: "01890000-0000-7000-8000-000000000001", Source: "/shop", Type: "com.acme.products.created.v1", Subject: "products/7",
		ContentType: "application/json", Sequence: 1, Data: []byte(`{"name":"Lamp"}`),
	}
	chair := lamp
	chair.ID, chair.Subject, chair.Data = "01890000-0000-7000-8000-000000000002", "products/8", []byte(`{"name":"Chair"}`)
	for _, m := range []outbox.Message{lamp, lamp, chair} {
		for _, err := range sink.Send(ctx, []outbox.Message{m}) {
			check(err)
		}
	}
	cancel()
	check(<-stopped)
	check(closeDB(db))
	// Output:
	// arrived: com.acme.products.created.v1 products/7
	// indexed: {"name":"Lamp"}
	// arrived: com.acme.products.created.v1 products/7
	// arrived: com.acme.products.created.v1 products/8
	// indexed: {"name":"Chair"}
}

func closeDB(db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return pool.Close()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
