package natsjs_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/natsembed"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

// ProductV1 is what the sender tells of a product.
type ProductV1 struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// A sink stores two events of one row, as a relay would, and a subscriber receives them in their order.
func Example() {
	dir, err := os.MkdirTemp("", "nats")
	check(err)
	defer os.RemoveAll(dir)
	server, err := natsembed.Start(natsembed.Config{Dir: dir, InProcess: true})
	check(err)
	defer server.Close()
	nc, err := server.Connect(natsjs.Options()...)
	check(err)
	defer nc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	check(natsjs.EnsureStream(ctx, nc, jetstream.StreamConfig{Name: "SIGNALS"}))

	sink, err := natsjs.NewSink(nc, "SIGNALS")
	check(err)
	for sequence, name := range []string{"Chair", "Armchair"} {
		errs := sink.Send(ctx, []outbox.Message{{
			ID:          fmt.Sprintf("01890000-0000-7000-8000-00000000000%d", sequence),
			Source:      "/shop",
			Type:        "com.acme.products.updated.v1",
			Subject:     outbox.Subject("products", 7),
			Time:        time.Now(),
			ContentType: "application/json",
			Sequence:    uint64(sequence),
			Data:        fmt.Appendf(nil, `{"id":7,"name":%q}`, name),
		}})
		fmt.Println("stored:", errs == nil)
	}

	sub := natsjs.Subscriber(nc, "SIGNALS", natsjs.Durable("search"))
	outbox.On(sub, func(_ context.Context, e outbox.Event[ProductV1]) error {
		fmt.Println(e.Subject, e.Payload.Name)
		if e.Payload.Name == "Armchair" {
			cancel()
		}
		return nil
	}, "com.acme.products.*.v1")
	check(sub.Run(ctx))
	// Output:
	// stored: true
	// stored: true
	// products/7 Chair
	// products/7 Armchair
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
