// Package watermillsink sends the events of an outbox through any publisher of Watermill: Redis Streams, AMQP and others. It knows
// Watermill and no engine; the publisher comes from the module of the engine.
//
//	publisher, err := redisstream.NewPublisher(redisstream.PublisherConfig{Client: client}, logger)
//	sink := watermillsink.New(publisher, watermillsink.Topic("shop"))
//	go ob.Relay(sink).Run(ctx)
//
// # What is sent
//
// The payload of the Watermill message is the data of the event, its UUID is the id of the event, and its metadata are the
// attributes as headers of a CloudEvent in binary mode, such as ce_type, with the content type in content-type.
//
// # Order
//
// A row's events keep their order when the topic and the engine keep it. One call of Publish is made per message, so each has an
// error of its own, and the calls for different rows run at the same time. Those for one row never do, not even when a Send was
// given up on before Publish has returned. For Kafka there is module outbox/kafka; with a Kafka publisher of Watermill,
// [PartitionKey] keeps the events of a row in one partition.
//
// # What keeps an event
//
// An event is stored when Publish says so, and the engine's settings say what that is worth. Redis loses up to a second of them in
// a crash unless appendfsync is always, and a Maxlens of the publisher drops the oldest events of a stream whether they were read or
// not. Redis suppresses no duplicates, so consumers have an [outbox.Inbox].
//
// # Receiving
//
// Handler makes a handler of a Watermill router out of an [outbox.Handler], and Message reads a message that arrived:
//
//	router.AddConsumerHandler("search", "shop", subscriber, watermillsink.Handler(func(ctx context.Context, m outbox.Message) error {
//		return inbox.Handle(ctx, m, index)
//	}))
package watermillsink
