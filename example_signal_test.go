package signals_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// View is the event of the custom signal in the examples.
type View struct {
	Product string
	User    string
}

func ExampleNew() {
	viewed := signals.New[View]("product_viewed")

	disconnect := viewed.Connect(func(_ context.Context, v View) error {
		fmt.Println(v.User, "looked at", v.Product)
		return nil
	})

	ctx := context.Background()
	fmt.Println(viewed.Send(ctx, View{Product: "lamp", User: "ann"}))
	fmt.Println(disconnect())
	fmt.Println(viewed.Send(ctx, View{Product: "lamp", User: "bob"}))

	// Output:
	// ann looked at lamp
	// <nil>
	// true
	// <nil>
}

func ExampleSignal_Connect() {
	db := exampleDB(&Product{})
	products := signals.For[Product](db)
	say := func(word string) signals.Receiver[signals.SaveEvent[*Product]] {
		return func(_ context.Context, e signals.SaveEvent[*Product]) error {
			fmt.Println(word, e.Instance.Name)
			return nil
		}
	}

	products.PostSave.Connect(say("mail"), signals.UID("mail"))
	products.PostSave.Connect(say("first of all"), signals.Priority(10))
	products.PostSave.Connect(say("then reindex"))
	products.PostSave.Connect(say("mail in colour"), signals.UID("mail")) // in place of the other one

	db.Create(&Product{Name: "lamp"})

	// Output:
	// first of all lamp
	// mail in colour lamp
	// then reindex lamp
}

func ExampleSignal_ConnectBatch() {
	db := exampleDB(&Product{})
	signals.For[Product](db).PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Product]) error {
		fmt.Println(len(events), "rows, from", events[0].Instance.Name, "to", events[len(events)-1].Instance.Name)
		return nil
	})

	db.Create(&[]Product{{Name: "lamp"}, {Name: "desk"}, {Name: "pen"}})
	db.Model(&Product{}).Where("name <> ?", "pen").Update("stock", 5)

	// Output:
	// 3 rows, from lamp to pen
	// 2 rows, from lamp to desk
}

func ExampleSignal_SendRobust() {
	viewed := signals.New[View]("product_viewed")
	viewed.Connect(func(context.Context, View) error { return errors.New("disk full") }, signals.UID("log"))
	viewed.Connect(func(context.Context, View) error { panic("no counter") }, signals.UID("count"))
	viewed.Connect(func(context.Context, View) error { return nil }, signals.UID("recommend"))

	for _, r := range viewed.SendRobust(context.Background(), View{Product: "lamp"}) {
		_, panicked := errors.AsType[*signals.PanicError](r.Err)
		fmt.Println(r.Receiver.UID, "ok:", r.Err == nil, "panic:", panicked)
	}

	// Output:
	// log ok: false panic: false
	// count ok: false panic: true
	// recommend ok: true panic: false
}

func ExampleSignal_SendConcurrent() {
	viewed := signals.New[View]("product_viewed")
	stock, price := make(chan int, 1), make(chan int, 1)
	viewed.Connect(func(context.Context, View) error { stock <- 4; return nil }, signals.UID("stock"))
	viewed.Connect(func(context.Context, View) error { price <- 30; return nil }, signals.UID("price"))

	responses := viewed.SendConcurrent(context.Background(), View{Product: "lamp"})
	for _, r := range responses {
		fmt.Println(r.Receiver.UID, r.Err)
	}
	fmt.Println(<-stock, "in stock for", <-price)

	// Output:
	// stock <nil>
	// price <nil>
	// 4 in stock for 30
}

func ExampleSignal_Send() {
	db := exampleDB(&Product{})
	products := signals.For[Product](db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		fmt.Println("saved", e.Instance.Name)
		return nil
	})

	// GORM does not see this write, so nothing is sent. The program sends the signal by hand.
	db.Exec("INSERT INTO products(name) VALUES ('lamp')")
	event := signals.SaveEvent[*Product]{Instance: &Product{ID: 1, Name: "lamp"}, Created: true}
	fmt.Println(products.PostSave.Send(context.Background(), event))

	// Output:
	// saved lamp
	// <nil>
}

func ExampleFields() {
	db := exampleDB(&Product{})
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		fmt.Println("price list:", e.Instance.Name, e.Instance.Price)
		return nil
	}, signals.Fields("Price"))

	lamp := Product{Name: "lamp", Price: 30}
	db.Create(&lamp)
	db.Model(&lamp).Update("stock", 4)
	db.Model(&lamp).Update("price", 30)
	db.Model(&lamp).Update("price", 25)

	// Output:
	// price list: lamp 30
	// price list: lamp 25
}

func ExampleNeeds() {
	db := exampleDB(&Product{})
	db.Create(&Product{Name: "lamp", Price: 30})

	// The cache needs only the key to drop an entry, so the plugin reads nothing else.
	signals.For[Product](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
		fmt.Printf("forget product %d, name %q\n", e.Instance.ID, e.Instance.Name)
		return nil
	}, signals.Needs(signals.Keys))

	db.Where("price > ?", 10).Delete(&Product{})

	// Output:
	// forget product 1, name ""
}

func ExampleIf() {
	db := exampleDB(&Product{})
	created := func(e signals.SaveEvent[*Product]) bool { return e.Created }
	welcome := func(_ context.Context, e signals.SaveEvent[*Product]) error {
		fmt.Println("new:", e.Instance.Name)
		return nil
	}
	signals.For[Product](db).PostSave.Connect(signals.If(created, welcome))

	lamp := Product{Name: "lamp"}
	db.Create(&lamp)
	db.Save(&lamp)

	// Output:
	// new: lamp
}

// outline is an observer that prints sends and calls, indented by their nesting.
type outline struct{}

type depthKey struct{}

func (outline) ObserveStart(ctx context.Context, o signals.Observed) context.Context {
	depth, _ := ctx.Value(depthKey{}).(int)
	receiver := ""
	if o.Receiver != nil {
		receiver = " to " + o.Receiver.UID
	}
	fmt.Println(strings.Repeat("  ", depth) + strings.TrimSpace(fmt.Sprintf("%s %s %s", o.Step, o.Signal, o.Sender)) + receiver)
	return context.WithValue(ctx, depthKey{}, depth+1)
}

func (outline) ObserveEnd(ctx context.Context, o signals.Observed, err error) {
	if depth, _ := ctx.Value(depthKey{}).(int); err != nil {
		fmt.Printf("%s%s failed\n", strings.Repeat("  ", depth-1), o.Step)
	}
}

// Receivers, and their writes through the event's DB, get the context that the observer returns.
func ExampleObserver() {
	db, _ := gorm.Open(sqlite.Open(":memory:"))
	_ = db.Use(signals.Plugin{Observer: outline{}})
	_ = db.AutoMigrate(&Product{}, &Page{})
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		return e.DB().Create(&Page{Title: e.Instance.Name}).Error
	}, signals.UID("write-page"))
	signals.For[Page](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Page]) error { return nil }, signals.UID("index"))

	db.Create(&Product{Name: "lamp"})

	// Output:
	// sending post_save Product
	//   calling post_save Product to write-page
	//     sending post_save Page
	//       calling post_save Page to index
}

func ExampleLogObserver() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" {
				return slog.Attr{} // other values every time
			}
			return a
		},
	}))
	db, _ := gorm.Open(sqlite.Open(":memory:"))
	_ = db.Use(signals.Plugin{Observer: signals.LogObserver(logger)})
	_ = db.AutoMigrate(&Product{})
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil }, signals.UID("index"))

	db.Create(&Product{Name: "lamp"})

	// Output:
	// level=DEBUG msg=signal step=calling signal=post_save phase=send events=1 sender=Product receiver=index
	// level=DEBUG msg=signal step=sending signal=post_save phase=send events=1 sender=Product
}

func ExampleSignal_Observe() {
	viewed := signals.New[string]("product_viewed")
	viewed.Connect(func(context.Context, string) error { return nil }, signals.UID("count"))
	viewed.Observe(outline{})

	_ = viewed.Send(context.Background(), "lamp")

	// Output:
	// sending product_viewed
	//   calling product_viewed to count
}

// stopwatch is an observer that says when a send begins and ends.
type stopwatch string

func (s stopwatch) ObserveStart(ctx context.Context, o signals.Observed) context.Context {
	if o.Step == signals.Sending {
		fmt.Println(s, "starts")
	}
	return ctx
}

func (s stopwatch) ObserveEnd(_ context.Context, o signals.Observed, _ error) {
	if o.Step == signals.Sending {
		fmt.Println(s, "stops")
	}
}

func ExampleObservers() {
	viewed := signals.New[string]("product_viewed")
	viewed.Observe(signals.Observers(stopwatch("outer"), stopwatch("inner")))
	viewed.Connect(func(_ context.Context, product string) error {
		fmt.Println(product, "was viewed")
		return nil
	})

	_ = viewed.Send(context.Background(), "lamp")

	// Output:
	// outer starts
	// inner starts
	// lamp was viewed
	// inner stops
	// outer stops
}
