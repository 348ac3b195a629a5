package signals_test

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Parcel is the model of the examples of options.
type Parcel struct {
	ID     uint
	Status string
	Total  int
}

func ExampleBecomes() {
	db := exampleDB(&Parcel{})
	signals.For[Parcel](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
		fmt.Println("ship parcel", e.Key())
		return nil
	}, signals.Becomes("Status", "paid"))

	db.Create(&[]Parcel{{Status: "new"}, {Status: "new"}})
	db.Model(&Parcel{}).Where("id = ?", 2).Update("status", "paid")
	db.Model(&Parcel{}).Where("id = ?", 2).Update("total", 30)

	// Output:
	// ship parcel 2
}

func ExampleOnCreate() {
	db := exampleDB(&Parcel{})
	signals.For[Parcel](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
		fmt.Println("welcome, parcel", e.Key())
		return nil
	}, signals.OnCreate())

	parcel := Parcel{Status: "new"}
	db.Create(&parcel)
	db.Model(&parcel).Update("status", "paid")

	// Output:
	// welcome, parcel 1
}

func ExampleOnUpdate() {
	db := exampleDB(&Parcel{})
	signals.For[Parcel](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
		fmt.Println("parcel", e.Key(), "is", e.Instance.Status)
		return nil
	}, signals.OnUpdate())

	parcel := Parcel{Status: "new"}
	db.Create(&parcel)
	db.Model(&parcel).Update("status", "paid")

	// Output:
	// parcel 1 is paid
}

func ExampleOnce() {
	started := signals.New[string]("started")
	started.Connect(func(_ context.Context, name string) error {
		fmt.Println("warm up for", name)
		return nil
	}, signals.Once())

	_ = started.Send(context.Background(), "shop")
	_ = started.Send(context.Background(), "shop again")

	// Output:
	// warm up for shop
}

func ExampleFirst() {
	started := signals.New[string]("started")
	say := func(text string) signals.Receiver[string] {
		return func(context.Context, string) error {
			fmt.Println(text)
			return nil
		}
	}
	started.Connect(say("then the rest"), signals.Priority(1000))
	started.Connect(say("at the very end"), signals.Last())
	started.Connect(say("before everybody"), signals.First())

	_ = started.Send(context.Background(), "shop")

	// Output:
	// before everybody
	// then the rest
	// at the very end
}

func ExampleLast() {
	db := exampleDB(&Parcel{})
	parcels := signals.For[Parcel](db).PreSave
	parcels.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
		fmt.Println("checked:", e.Instance.Total)
		return nil
	}, signals.Last())
	parcels.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
		e.Instance.Total = 7
		return nil
	})
	db.Create(&Parcel{})

	// Output:
	// checked: 7
}

func ExampleBeforeCommit() {
	db := exampleDB(&Parcel{})
	signals.For[Parcel](db).PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Parcel]) error {
		var total int64
		err := events[0].DB().Model(&Parcel{}).Select("SUM(total)").Scan(&total).Error
		if err == nil && total > 100 {
			err = errors.New("more than 100 in all")
		}
		return err
	}, signals.BeforeCommit(), signals.UID("limit"))

	err := db.Transaction(func(tx *gorm.DB) error {
		tx.Create(&Parcel{Total: 90})
		return tx.Create(&Parcel{Total: 20}).Error
	})
	fmt.Println(err)

	// Output:
	// signals: receiver limit of post_save of Parcel: more than 100 in all
}

func ExampleAfterRollback() {
	db := exampleDB(&Parcel{})
	signals.For[Parcel](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Parcel]) error {
		fmt.Println("take the label of parcel", e.Key(), "back")
		return nil
	}, signals.AfterRollback())

	_ = db.Transaction(func(tx *gorm.DB) error {
		tx.Create(&Parcel{})
		return errors.New("no parcel after all")
	})

	// Output:
	// take the label of parcel 1 back
}

func ExampleChangeEvent() {
	db := exampleDB(&Page{})
	signals.For[Page](db).PostChange.Connect(func(_ context.Context, e signals.ChangeEvent[*Page]) error {
		fmt.Println(e.Kind, "page", e.Key())
		return nil
	}, signals.AfterCommit())

	page := Page{Title: "home"}
	db.Create(&page)
	db.Model(&page).Update("views", 1)
	db.Delete(&page)
	db.Unscoped().Model(&page).Update("deleted_at", nil)
	db.Unscoped().Delete(&page)

	// Output:
	// created page 1
	// updated page 1
	// soft_deleted page 1
	// restored page 1
	// deleted page 1
}

// Journal has methods that are named after signals.
type Journal struct{ lines []string }

// PostSave is connected to post_save.
func (j *Journal) PostSave(_ context.Context, e signals.SaveEvent[*Parcel]) error {
	j.lines = append(j.lines, fmt.Sprint("saved ", e.Key()))
	return nil
}

// PostDelete is connected to post_delete.
func (j *Journal) PostDelete(_ context.Context, events []signals.DeleteEvent[*Parcel]) error {
	j.lines = append(j.lines, fmt.Sprint("deleted ", len(events)))
	return nil
}

// ConnectOptions lets PostDelete run after the commit.
func (j *Journal) ConnectOptions(signal string) []signals.ConnectOption {
	if signal == "post_delete" {
		return []signals.ConnectOption{signals.AfterCommit()}
	}
	return nil
}

func ExampleConnectAll() {
	db, journal := exampleDB(&Parcel{}), &Journal{}
	disconnect := signals.ConnectAll[Parcel](db, journal, signals.UID("journal"))

	db.Create(&[]Parcel{{Status: "new"}, {Status: "new"}})
	db.Where("status = ?", "new").Delete(&Parcel{})
	fmt.Println(journal.lines, disconnect(), signals.Receivers(db))

	// Output:
	// [saved 1 saved 2 deleted 2] true []
}

func ExampleGroup() {
	db := exampleDB(&Parcel{})
	var module signals.Group
	parcels := signals.For[Parcel](db)
	module.Add(
		parcels.PostSave.Connect(func(context.Context, signals.SaveEvent[*Parcel]) error { return nil }),
		parcels.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Parcel]) error { return nil }),
	)
	fmt.Println(len(signals.Receivers(db)), module.Disconnect(), len(signals.Receivers(db)))

	// Output:
	// 2 true 0
}

func ExampleWithActor() {
	db, ctx := exampleDB(&Product{}), context.Background()
	signals.For[Product](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Product]) error {
		fmt.Println(e.Instance.Name, "was saved by", signals.Actor(ctx))
		return nil
	}, signals.AfterCommit())

	db.WithContext(signals.WithActor(ctx, "ann")).Create(&Product{Name: "lamp"})

	// Output:
	// lamp was saved by ann
}

func ExampleEvent() {
	db := exampleDB(&Parcel{}, &Product{})
	note := func(what string, e signals.Event) error {
		fmt.Println(what, e.Schema().Name, e.Key())
		return nil
	}
	all := signals.Implementing[any](db)
	all.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[any]) error { return note("saved", e) })
	all.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[any]) error { return note("deleted", e) })

	db.Create(&Parcel{})
	db.Create(&Product{})
	db.Delete(&Product{}, 1)

	// Output:
	// saved Parcel 1
	// saved Product 1
	// deleted Product 1
}
