package signals_test

import (
	"context"
	"fmt"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

type Lamp struct{ ID, Price int }

func Example() {
	db, _ := gorm.Open(sqlite.Open(":memory:")) // a real program looks at the errors
	_ = db.Use(signals.Plugin{})
	_ = db.AutoMigrate(&Lamp{})
	signals.For[Lamp](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Lamp]) error {
		fmt.Println("created:", e.Created, "changes:", e.Changes())
		return nil // an error would roll the write back
	})
	db.Create(&Lamp{Price: 30})
	db.Model(&Lamp{}).Where("price > ?", 20).Update("price", 25) // one signal per matching row

	// Output:
	// created: true changes: [{ID id <nil> 1} {Price price <nil> 30}]
	// created: false changes: [{Price price 30 25}]
}
