package natsembed_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gorm-signals/signals/outbox/natsembed"
)

// A program without a network has an engine of its own, which keeps messages on the disk.
func Example() {
	dir, err := os.MkdirTemp("", "nats")
	check(err)
	defer os.RemoveAll(dir)
	server, err := natsembed.Start(natsembed.Config{Dir: dir, InProcess: true})
	check(err)
	defer server.Close()
	nc, err := server.Connect()
	check(err)
	defer nc.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	js, err := jetstream.New(nc)
	check(err)
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "SHOP", Subjects: []string{"shop.>"}})
	check(err)
	stored, err := js.Publish(ctx, "shop.orders", []byte("a blue mug"))
	check(err)
	fmt.Println("stored in", stored.Stream, "as number", stored.Sequence)
	// Output:
	// stored in SHOP as number 1
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
