package orders_test

import (
	"errors"
	"fmt"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/from/rails/orders"
)

func Example() {
	// SQLite checks foreign keys, and cascades, if it is asked to.
	db, err := gorm.Open(sqlite.Open(":memory:?_foreign_keys=on"), &gorm.Config{Logger: logger.Discard})
	if err == nil {
		err = errors.Join(db.Use(signals.Plugin{}), db.AutoMigrate(&orders.Order{}, &orders.Line{}))
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	orders.Connect(db, func(words ...any) { fmt.Println(words...) })

	db.Create(&orders.Order{Email: "Ann@Example.com", Lines: []orders.Line{{}, {}}})
	db.Model(&orders.Order{}).Where("id = ?", 1).Update("state", "shipped")
	fmt.Println("shipped:", errors.Is(db.Delete(&orders.Order{}, 1).Error, orders.ErrShipped))
	db.Model(&orders.Order{}).Where("id = ?", 1).UpdateColumn("state", "returned") // as update_columns, no receiver runs
	db.Delete(&orders.Order{}, 1)

	// Output:
	// mail to ann@example.com
	// order 1 is on its way
	// shipped: true
	// line 1 is deleted, with its order: true
	// line 2 is deleted, with its order: true
}
