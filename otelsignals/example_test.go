package otelsignals_test

import (
	"context"
	"fmt"

	"github.com/gorm-signals/signals"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/otelsignals"
)

// Lamp is the model of the example.
type Lamp struct {
	ID   uint
	Name string
}

func Example() {
	spans := tracetest.NewInMemoryExporter() // a real program exports elsewhere, and looks at the errors
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	observer, _ := otelsignals.New(otelsignals.TracerProvider(traces))

	db, _ := gorm.Open(sqlite.Open(":memory:"))
	_ = db.Use(signals.Plugin{Observer: observer})
	_ = db.AutoMigrate(&Lamp{})
	products := signals.For[Lamp](db)
	receive := func(context.Context, signals.SaveEvent[*Lamp]) error { return nil }
	products.PostSave.Connect(receive, signals.UID("index"))
	products.PostSave.Connect(receive, signals.UID("mail"), signals.AfterCommit())

	ctx, request := traces.Tracer("shop").Start(context.Background(), "POST /products")
	db.WithContext(ctx).Create(&Lamp{Name: "lamp"})
	request.End()

	for _, s := range spans.GetSpans() {
		switch {
		case s.Parent.IsValid():
			fmt.Println(s.Name, "is within another span")
		case len(s.Links) > 0:
			fmt.Println(s.Name, "is a trace of its own with a link to the write")
		default:
			fmt.Println(s.Name)
		}
	}

	// Output:
	// post_save Lamp index is within another span
	// post_save Lamp is within another span
	// post_save Lamp mail is within another span
	// post_save Lamp is a trace of its own with a link to the write
	// POST /products
}
