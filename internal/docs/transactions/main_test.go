package transactions_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

// Order is a row of the table orders.
type Order struct {
	ID   uint
	Name string
}

func Example() {
	db := open()
	saved := signals.For[Order](db).PostSave
	saved.Connect(say("post_save"))
	saved.Connect(say("before the commit"), signals.BeforeCommit())
	saved.Connect(say("after the commit"), signals.AfterCommit())
	saved.Connect(say("after the rollback"), signals.AfterRollback())
	saved.Connect(say("after the failure"), signals.AfterFailure())

	fmt.Println("1. a call alone")
	ended(db.Create(&Order{Name: "lamp"}).Error)

	fmt.Println("2. a transaction with a nested one that is rolled back")
	ended(db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&Order{Name: "pen"}).Error; err != nil {
			return err
		}
		_ = tx.Transaction(func(tx *gorm.DB) error { // a savepoint
			return errors.Join(tx.Create(&Order{Name: "ink"}).Error, errors.New("no ink"))
		})
		fmt.Println("   the nested transaction has ended")
		return signals.OnCommit(tx, func(context.Context) error {
			fmt.Println("   a function after the commit")
			return nil
		})
	}))

	fmt.Println("3. a transaction that is rolled back")
	ended(db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&[]Order{{Name: "cup"}, {Name: "pot"}}).Error; err != nil {
			return err
		}
		return errors.New("sold out")
	}))

	fmt.Println("4. a call that fails")
	ended(db.Create(&Order{ID: 1, Name: "lamp again"}).Error)

	// Output:
	// 1. a call alone
	//    post_save: lamp
	//    before the commit: lamp
	//    after the commit: lamp
	//    the error is <nil>
	// 2. a transaction with a nested one that is rolled back
	//    post_save: pen
	//    post_save: ink
	//    the nested transaction has ended
	//    before the commit: pen
	//    after the rollback: ink
	//    after the commit: pen
	//    a function after the commit
	//    the error is <nil>
	// 3. a transaction that is rolled back
	//    post_save: cup
	//    post_save: pot
	//    after the rollback: pot
	//    after the rollback: cup
	//    the error is sold out
	// 4. a call that fails
	//    after the failure: lamp again
	//    the error is UNIQUE constraint failed: orders.id
}

// open opens a database with the plugin and the table.
func open() *gorm.DB {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	if err == nil {
		err = errors.Join(db.Use(signals.Plugin{}), db.AutoMigrate(&Order{}))
	}
	if err != nil {
		log.Fatal(err)
	}
	return db
}

// ended prints how a call or a transaction has ended.
func ended(err error) { fmt.Println("   the error is", err) }

// say returns a receiver that prints.
func say(when string) signals.Receiver[signals.SaveEvent[*Order]] {
	return func(_ context.Context, e signals.SaveEvent[*Order]) error {
		fmt.Println("  ", when+":", e.Instance.Name)
		return nil
	}
}
