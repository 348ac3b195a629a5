package signals_test

import (
	"context"
	"errors"
	"fmt"

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
