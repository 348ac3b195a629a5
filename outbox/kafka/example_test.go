package kafka_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/gorm-signals/signals/outbox/kafka"
)

// A sink stores two events of one row, as a relay would, and a consumer reads them in their order.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cluster, err := kfake.NewCluster(kfake.SeedTopics(3, "shop")) // a Kafka in this process
	check(err)
	defer cluster.Close()

	producer, err := kafka.Connect(cluster.ListenAddrs())
	check(err)
	defer producer.Close()
	sink, err := kafka.NewSink(producer, kafka.Topic("shop"))
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

	consumer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("shop"))
	check(err)
	defer consumer.Close()
	for read := 0; read < 2; {
		fetches := consumer.PollFetches(ctx)
		check(fetches.Err())
		for _, record := range fetches.Records() {
			m, err := kafka.Message(record)
			check(err)
			fmt.Println(m.Subject, string(m.Data))
			read++
		}
	}
	// Output:
	// stored: true
	// stored: true
	// products/7 {"id":7,"name":"Chair"}
	// products/7 {"id":7,"name":"Armchair"}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
