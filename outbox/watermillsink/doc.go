// Package watermillsink sends the events of an outbox through any publisher of Watermill, for Redis Streams, AMQP and other engines. The publisher
// comes from the module of the engine.
//
//	publisher, err := redisstream.NewPublisher(redisstream.PublisherConfig{Client: client}, logger)
//	sink := watermillsink.New(publisher, watermillsink.Topic("shop"))
//	go ob.Relay(sink).Run(ctx)
//
// # What is sent
//
// The payload of the Watermill message is the data of the event, its UUID is the id of the event. Its metadata are the attributes as headers of a
// CloudEvent in binary mode, such as ce_type, with the content type in content-type.
//
// # Order
//
// If the topic and the engine keep the order, the events of a row keep theirs. Send calls Publish once for each message, so each has an error of its
// own, and calls for different rows run at the same time. Calls for one row never do, even if a Send returned before its Publish. For Kafka there is
// module outbox/kafka. With a Kafka publisher of Watermill, [PartitionKey] keeps the events of a row in one partition.
//
// # What keeps an event
//
// An event is stored when Publish says so, and the settings of the engine decide how safe that is. Redis loses up to a second of events in a crash
// unless appendfsync is always. Maxlens of the publisher drops the oldest events of a stream, read or not. Redis does not drop duplicates, so
// consumers have an [outbox.Inbox].
//
// # Receiving
//
// [Handler] makes a handler for a router of Watermill from an [outbox.Handler], and [Message] decodes a received message:
//
//	router.AddConsumerHandler("search", "shop", subscriber, watermillsink.Handler(func(ctx context.Context, m outbox.Message) error {
//		return inbox.Handle(ctx, m, index)
//	}))
package watermillsink
