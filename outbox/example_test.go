package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gorm-signals/signals"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/outbox"
)

// Lamp is the model of the examples.
type Lamp struct {
	ID    uint
	Name  string
	Price int64
}

// LampV1 is what other programs are told of a lamp.
type LampV1 struct {
	ID   uint   `json:"id"`
	Name string `json:"name"`
}

// printer is an engine that prints.
type printer struct{}

func (printer) Send(_ context.Context, messages []outbox.Message) []error {
	for _, m := range messages {
		fmt.Println(m.Type, m.Subject, string(m.Data))
	}
	return nil
}

func ExamplePublish() {
	db, done := shop()
	defer done()
	ctx := context.Background()

	ob, err := outbox.Install(db, outbox.Config{Source: "/shop", TypePrefix: "com.acme"}) // after db.Use(signals.Plugin{})
	check(err)
	check(ob.Migrate(ctx))
	outbox.Publish[Lamp](ob, outbox.Saved, outbox.Deleted,
		outbox.Payload(func(l *Lamp) any { return LampV1{l.ID, l.Name} }), outbox.Version(1))

	lamp := Lamp{Name: "lamp", Price: 30}
	check(db.Create(&lamp).Error)
	err = db.Transaction(func(tx *gorm.DB) error {
		check(tx.Create(&Lamp{Name: "chair"}).Error)
		return errors.New("no chair after all")
	})
	fmt.Println(err)
	check(db.Delete(&lamp).Error)

	_, err = ob.Relay(printer{}).Drain(ctx) // a program calls go ob.Relay(sink).Run(ctx)
	check(err)

	// Output:
	// no chair after all
	// com.acme.lamps.created.v1 lamps/1 {"id":1,"name":"lamp"}
	// com.acme.lamps.deleted.v1 lamps/1 {"id":1,"name":"lamp"}
}

func ExampleDurable() {
	db, done := shop()
	defer done()
	ctx, stop := context.WithCancel(context.Background())
	ob, err := outbox.Install(db, outbox.Config{
		Source:       "/shop",
		Backoff:      func(int) time.Duration { return time.Millisecond },
		ErrorHandler: func(_ context.Context, err error) { fmt.Println("later:", errors.Unwrap(errors.Unwrap(err))) },
	})
	check(err)
	check(ob.Migrate(ctx))

	tries := 0
	signals.For[Lamp](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Lamp]) error {
		if tries++; tries == 1 {
			return errors.New("the search engine is away")
		}
		fmt.Println("indexed:", e.Instance.Name)
		stop()
		return nil
	}, outbox.Durable(ob, "search"))

	check(db.Create(&Lamp{Name: "lamp"}).Error) // does not wait for the search engine
	ob.Run(ctx)                                 // a program calls go ob.Run(ctx)
	check(ob.Shutdown(context.Background()))    // before it closes the database

	// Output:
	// later: the search engine is away
	// indexed: lamp
}

func ExampleInbox() {
	db, done := shop()
	defer done()
	ctx := context.Background()
	inbox := outbox.NewInbox(db, "stock")
	check(inbox.Migrate(ctx))

	m := outbox.Message{ID: "01890000-0000-7000-8000-000000000001", Source: "/shop", Type: "com.acme.lamps.created.v1", Subject: "lamps/1"}
	for range 2 { // the engine delivers it twice
		check(inbox.Handle(ctx, m, func(ctx context.Context, m outbox.Message) error {
			return outbox.InboxTx(ctx).Create(&Lamp{Name: m.Subject}).Error
		}))
	}
	var lamps int64
	check(db.Model(&Lamp{}).Count(&lamps).Error)
	fmt.Println(lamps, "lamp")

	// Output:
	// 1 lamp
}

func ExampleOutbox_Requeue() {
	db, done := shop()
	defer done()
	ctx := context.Background()
	ob, err := outbox.Install(db, outbox.Config{Source: "/shop", ErrorHandler: func(context.Context, error) {}})
	check(err)
	check(ob.Migrate(ctx))
	large := true
	signals.For[Lamp](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Lamp]) error {
		if large {
			return outbox.Permanent(errors.New("the picture is too large")) // trying again is no use
		}
		return nil
	}, outbox.Durable(ob, "pictures"))
	check(db.Create(&Lamp{Name: "lamp"}).Error)
	check(ob.Wait(ctx)) // as a test does

	dead, err := ob.Dead(ctx)
	check(err)
	for _, e := range dead {
		fmt.Println(e.Receiver, e.Subject, e.Tries)
	}
	large = false
	n, err := ob.Requeue(ctx, dead[0].ID)
	fmt.Println(n, err)

	// Output:
	// pictures lamps/1 1
	// 1 <nil>
}

// shop opens a database for an example.
func shop() (db *gorm.DB, done func()) {
	dir, err := os.MkdirTemp("", "shop")
	check(err)
	db, err = gorm.Open(sqlite.Open(filepath.Join(dir, "shop.db")+"?_txlock=immediate&_busy_timeout=5000&_journal_mode=wal"),
		&gorm.Config{Logger: logger.Discard})
	check(err)
	check(db.Use(signals.Plugin{}))
	check(db.AutoMigrate(&Lamp{}))
	return db, func() {
		pool, err := db.DB()
		check(err)
		check(pool.Close())
		check(os.RemoveAll(dir))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
