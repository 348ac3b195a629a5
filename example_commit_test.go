package signals_test

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

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
	_ = db.Transaction(func(tx *gorm.DB) error {
		tx.Create(&Product{Name: "lamp"})
		return signals.OnCommit(tx, func(context.Context) error {
			fmt.Println("committed")
			return nil
		})
	})

	// Output:
	// committed
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
