package signals_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// outline is an observer that prints what is sent within what.
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

// The context that an observer makes reaches the receivers and, through the event's DB, what they write.
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
