package signals_test

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

func ExampleAfterFailure() {
	db := exampleDB(&Parcel{})
	parcels := signals.For[Parcel](db)
	parcels.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
		if e.Instance.Total < 0 {
			return errors.New("the total is below zero")
		}
		return nil
	}, signals.UID("check"))
	parcels.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
		fmt.Println("not stored:", e.Instance.Status, e.Instance.Total)
		fmt.Println(e.Err())
		return nil
	}, signals.AfterFailure())

	_ = db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&Parcel{Status: "new", Total: 10}).Error; err != nil {
			return err
		}
		return tx.Create(&Parcel{Status: "new", Total: -1}).Error
	})

	// Output:
	// not stored: new -1
	// signals: receiver check of pre_save of Parcel: the total is below zero
}
