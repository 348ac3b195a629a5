package signals_test

import (
	"context"
	"fmt"
	"log"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

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
