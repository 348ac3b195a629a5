package signals_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

func ExampleNewLane() {
	db := exampleDB(&Parcel{})
	mail := signals.NewLane(signals.LaneConfig{Name: "mail", Workers: 8, Queue: 1000, Timeout: 5 * time.Second})
	signals.For[Parcel](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Parcel]) error {
		_, limited := ctx.Deadline()
		fmt.Println("mailed: parcel", e.Key(), e.Instance.Status, limited)
		return nil
	}, signals.AfterCommit(), signals.In(mail))

	parcel := Parcel{Status: "new"}
	db.Create(&parcel) // returns once it has committed
	db.Model(&parcel).Update("status", "paid")
	if err := mail.Shutdown(context.Background()); err != nil { // when the program ends
		fmt.Println("not delivered:", err)
	}
	fmt.Println(mail.Stats().Done, "done")

	// Output:
	// mailed: parcel 1 new true
	// mailed: parcel 1 paid true
	// 2 done
}

func ExampleLane_Wait() {
	db := exampleDB(&Parcel{})
	index := signals.NewLane(signals.LaneConfig{Name: "index"})
	found := map[string]bool{}
	signals.For[Parcel](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
		found[e.Instance.Status] = true
		return nil
	}, signals.AfterCommit(), signals.In(index))

	db.Create(&Parcel{Status: "new"})
	_ = index.Wait(context.Background()) // what a test does before it looks
	fmt.Println(found)

	// Output:
	// map[new:true]
}

func ExampleLaneError() {
	db := exampleDB(&Parcel{})
	mail := signals.NewLane(signals.LaneConfig{Name: "mail", ErrorHandler: func(_ context.Context, err error) {
		if of, ok := errors.AsType[*signals.LaneError](err); ok {
			fmt.Println(of.Lane, of.Rows[0].Table, of.Rows[0].Key, errors.Is(err, signals.ErrLaneClosed))
		}
	}})
	signals.For[Parcel](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Parcel]) error { return nil },
		signals.AfterCommit(), signals.In(mail))

	_ = mail.Shutdown(context.Background())
	db.Create(&Parcel{Status: "new"})

	// Output:
	// mail parcels [1] true
}

// Placed is the event of a custom signal. Key keeps the events of one order in order on a lane.
type Placed struct{ Order int }

func (p Placed) Key() any { return p.Order }

func ExampleSignal_SendIn() {
	db := exampleDB(&Parcel{})
	placed := signals.New[Placed]("order_placed")
	placed.Connect(func(_ context.Context, e Placed) error {
		fmt.Println("mailed: order", e.Order)
		return nil
	}, signals.AfterCommit())
	placed.Connect(func(_ context.Context, e Placed) error {
		fmt.Println("taken back: order", e.Order)
		return nil
	}, signals.AfterRollback())

	place := func(order int, paid error) error {
		return db.Transaction(func(tx *gorm.DB) error {
			if err := placed.SendIn(tx, Placed{order}); err != nil {
				return err
			}
			fmt.Println("sent: order", order)
			return paid
		})
	}
	_ = place(1, nil)
	_ = place(2, errors.New("no money"))

	// Output:
	// sent: order 1
	// mailed: order 1
	// sent: order 2
	// taken back: order 2
}
