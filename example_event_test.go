package signals_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// AuditEntry is a line of the audit log of ExampleSaveEvent_Changes.
type AuditEntry struct {
	ID   uint
	Text string
}

func ExampleSaveEvent_Original() {
	db := exampleDB(&Product{})
	signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		old, err := e.Original()
		if err != nil || e.Created {
			return err
		}
		if e.Instance.Price < old.Price {
			fmt.Printf("%s: now %d instead of %d\n", e.Instance.Name, e.Instance.Price, old.Price)
		}
		return nil
	})

	lamp := Product{Name: "lamp", Price: 30}
	db.Create(&lamp)
	lamp.Price = 25
	db.Save(&lamp)

	// Output:
	// lamp: now 25 instead of 30
}

func ExampleSaveEvent_Changes() {
	db := exampleDB(&Product{}, &AuditEntry{})
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		for _, c := range e.Changes() {
			text := fmt.Sprintf("%s %d: %s: %v -> %v", e.Schema().Table, e.Instance.ID, c.Column, c.Old, c.New)
			if err := e.DB().Create(&AuditEntry{Text: text}).Error; err != nil {
				return err
			}
		}
		return nil
	}, signals.UID("audit"))

	db.WithContext(signals.Mute(context.Background(), "audit")).Create(&Product{Name: "lamp", Price: 30})
	db.Model(&Product{}).Where("name = ?", "lamp").Updates(map[string]any{"price": 25, "stock": 4})

	var log []AuditEntry
	db.Find(&log)
	for _, entry := range log {
		fmt.Println(entry.Text)
	}

	// Output:
	// products 1: price: 30 -> 25
	// products 1: stock: 0 -> 4
}

func ExampleSaveEvent_Changed() {
	db := exampleDB(&Product{})
	signals.For[Product](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		fmt.Println(e.Changed("Price"), e.Changed(), e.UpdateFields())
		return nil
	})

	lamp := Product{Name: "lamp", Price: 30}
	db.Create(&lamp)                    // a created row is changed
	db.Model(&lamp).Update("price", 30) // the price that it has
	db.Model(&lamp).Update("stock", 4)

	// Output:
	// true true []
	// false false [Price]
	// false true [Stock]
}

func ExampleSaveEvent_Restored() {
	db := exampleDB(&Page{})
	pages := signals.For[Page](db)
	pages.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Page]) error {
		fmt.Println("deleted", e.Instance.Title, "soft", e.Soft)
		return nil
	})
	pages.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Page]) error {
		if e.Restored() {
			fmt.Println("restored", e.Instance.Title)
		}
		return nil
	})

	home := Page{Title: "home"}
	db.Create(&home)
	db.Delete(&home)
	db.Unscoped().Model(&home).Update("deleted_at", nil)

	// Output:
	// deleted home soft true
	// restored home
}

func ExampleDeleteEvent() {
	db := exampleDB(&Product{})
	db.Create(&[]Product{{Name: "pen"}, {Name: "lamp", Stock: 3}})

	errInStock := errors.New("still in stock")
	signals.For[Product](db).PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
		if e.Instance.Stock > 0 {
			return errInStock
		}
		return nil
	}, signals.UID("keep-stock"))

	err := db.Where("price = ?", 0).Delete(&Product{}).Error
	fmt.Println(errors.Is(err, errInStock))
	fmt.Println(err)

	var left int64
	db.Model(&Product{}).Count(&left)
	fmt.Println(left, "products are left")

	// Output:
	// true
	// signals: receiver keep-stock of pre_delete of Product: still in stock
	// 2 products are left
}

func ExampleReceiverError() {
	db := exampleDB(&Product{})
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error {
		panic("out of paper")
	}, signals.UID("print-label"))

	err := db.Create(&Product{Name: "lamp"}).Error

	if failed, ok := errors.AsType[*signals.ReceiverError](err); ok {
		fmt.Println(failed.Signal, failed.Sender, failed.Receiver)
	}
	if panicked, ok := errors.AsType[*signals.PanicError](err); ok {
		fmt.Println("panic:", panicked.Value)
	}

	// Output:
	// post_save Product print-label
	// panic: out of paper
}

type Item struct {
	ID    uint
	Name  string
	Price int
}

func Example_veto() {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if err := db.Use(signals.Plugin{}); err != nil {
		log.Fatal(err)
	}
	if err := db.AutoMigrate(&Item{}); err != nil {
		log.Fatal(err)
	}

	items := signals.For[Item](db)
	items.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		fmt.Println("saved:", e.Instance.Name, "created:", e.Created, "changes:", e.Changes())
		return nil
	})
	items.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Item]) error {
		return fmt.Errorf("%s is on sale", e.Instance.Name) // an error stops the write
	}, signals.UID("keep-items"))

	db.Create(&Item{Name: "lamp", Price: 30})
	db.Model(&Item{}).Where("price > ?", 20).Update("price", 25) // one signal per matching row
	fmt.Println(db.Delete(&Item{}, 1).Error)

	// Output:
	// saved: lamp created: true changes: [{ID id <nil> 1} {Name name <nil> lamp} {Price price <nil> 30}]
	// saved: lamp created: false changes: [{Price price 30 25}]
	// signals: receiver keep-items of pre_delete of Item: lamp is on sale
}

func ExampleAfterCommit() {
	db := exampleDB(&Product{})
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		fmt.Println("mailed:", e.Instance.Name)
		return nil
	}, signals.AfterCommit())

	_ = db.Transaction(func(tx *gorm.DB) error {
		tx.Create(&Product{Name: "lamp"})
		_ = tx.Transaction(func(tx *gorm.DB) error {
			tx.Create(&Product{Name: "chair"})
			return errors.New("no chair after all")
		})
		fmt.Println("still open")
		return nil
	})

	// Output:
	// still open
	// mailed: lamp
}

func ExampleOnCommit() {
	db := exampleDB(&Product{})
	err := db.Transaction(func(tx *gorm.DB) error {
		created := tx.Create(&Product{Name: "lamp"})
		return errors.Join(created.Error, signals.OnCommit(tx, func(context.Context) error {
			fmt.Println("committed")
			return nil
		}))
	})
	fmt.Println(err)

	// Output:
	// committed
	// <nil>
}

func ExampleNet() {
	db := exampleDB(&Product{})
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		fmt.Println(e.Instance.Name, "created:", e.Created, "price:", e.Instance.Price)
		return nil
	}, signals.AfterCommit(), signals.Net())

	_ = db.Transaction(func(tx *gorm.DB) error {
		lamp := Product{Name: "lamp", Price: 30}
		tx.Create(&lamp)
		tx.Model(&lamp).Update("price", 25)
		return tx.Model(&lamp).Update("price", 20).Error
	})

	// Output:
	// lamp created: true price: 20
}

func ExampleSQLTx() {
	db := exampleDB(&Product{})
	_ = db.Transaction(func(tx *gorm.DB) error {
		raw, ok := signals.SQLTx(tx)
		fmt.Printf("%T %t\n", raw, ok)
		return nil
	})

	// Output:
	// *sql.Tx true
}

func ExampleAtomic() {
	db := exampleDBWith(&gorm.Config{SkipDefaultTransaction: true}, &Product{}, &Page{})
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		return e.DB().Create(&Page{Title: e.Instance.Name}).Error
	}, signals.Atomic())

	_ = db.Migrator().DropTable(&Page{})
	fmt.Println(db.Create(&Product{Name: "lamp"}).Error != nil)
	var n int64
	db.Model(&Product{}).Count(&n)
	fmt.Println(n, "products")

	// Output:
	// true
	// 0 products
}
