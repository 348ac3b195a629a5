// Package kafka sends the events of an outbox to Apache Kafka, or to an engine that speaks its protocol, by the client franz-go.
//
//	client, err := kafka.Connect([]string{"127.0.0.1:9092"})
//	sink, err := kafka.NewSink(client, kafka.Topic("shop"))
//	go ob.Relay(sink).Run(ctx)
//
// # What is sent
//
// A record is an event in the binary mode of the CloudEvents binding for Kafka. Its value is the data, its headers are the
// attributes, such as ce_id and ce_type, and content-type. Its key is the row.
//
// # Order
//
// The key decides the partition, so the events of a row are in one partition, and the client keeps their order there. Adding
// partitions to a topic changes the partition of a row: let consumers read all records before you add one.
//
// # What keeps an event
//
// Send reports an event as stored when all replicas that are in sync have it. The producer is idempotent: a record that the client
// sends again by itself, as after a lost answer, is stored once. A relay that sends an event again, as after a crash, stores a
// second record, so consumers have an [outbox.Inbox].
//
// # Limits
//
// Kafka accepts or refuses a whole batch of records. If it refuses one as too large, Send sends the messages of the batch again, one
// by one, which may change their order. To avoid that, give Connect a kgo.ProducerBatchMaxBytes that is no larger than
// max.message.bytes of the topic.
//
// # Receiving
//
// [Message] reads a record that a consumer of franz-go received:
//
//	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumerGroup("search"), kgo.ConsumeTopics("shop"))
//	fetches := client.PollFetches(ctx)
//	fetches.EachRecord(func(record *kgo.Record) {
//		m, err := kafka.Message(record)
//		err = inbox.Handle(ctx, m, index)
//	})
package kafka
