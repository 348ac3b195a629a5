// Package natsjs carries events of package outbox over NATS JetStream: a relay sends them to a [Sink], and a [Sub] receives them on another machine.
//
//	nc, err := natsjs.Connect("nats://127.0.0.1:4222")
//	err = natsjs.EnsureStream(ctx, nc, jetstream.StreamConfig{Name: "SIGNALS"})
//
//	sink, err := natsjs.NewSink(nc, "SIGNALS") // where the rows change
//	go ob.Relay(sink).Run(ctx)
//
//	sub := natsjs.Subscriber(nc, "SIGNALS", natsjs.Durable("search"), natsjs.Inbox(searchDB)) // on another machine
//	err = sub.Migrate(ctx)                                                                    // the table of the inbox
//	outbox.On(sub, func(ctx context.Context, e outbox.Event[ProductV1]) error { ... }, "com.acme.products.*.v1")
//	err = sub.Run(ctx)
//
// # On the wire
//
// The subject is the name of the stream and the type of the event: SIGNALS.com.acme.products.created.v1. So the filter SIGNALS.com.acme.products.>
// selects a table. The subject does not name the row, because JetStream keeps a record in memory for every subject. Characters that a token of NATS
// cannot hold are written as %20 and the like, and an empty token as %.
//
// Attributes are headers in the binary mode of CloudEvents, such as ce-id and ce-type, percent-encoded as its binding for NATS asks. The id is also
// Nats-Msg-Id: within the duplicate window of the stream, the server drops a second message with the same id.
//
// # Order
//
// A [Sub] handles the messages of one row one after the other, in the order of the stream. It tries a message that fails again in place: later
// messages of its row wait, other rows go on. After [MaxTries], or an error that outbox.Permanent made, it parks the message: it calls [OnDead],
// tells the server not to deliver the message again, and goes on with the row. The message stays in the stream, as all messages do.
//
// If a consumer dies, the server delivers its open messages again only after [AckWait], but new messages at once. So Run first asks the server for
// open messages. If there are any, it holds new messages back until the open ones have come too. It does the same if a number is missing in the
// server's count of deliveries, as after a lost connection.
//
// Several processes with the same durable share its messages. The order of a row then holds within each process, but not over all of them. Give the
// inbox outbox.DropStale, or run one process, and another durable for independent work.
//
// # Filters
//
// Since version 2.10, the server delivers only messages that match the types of the handlers. Older servers deliver the whole stream, and Sub leaves
// the rest out: they skip messages when the filter of a consumer changes, as it does with every new handler.
//
// # At least once
//
// Sub acknowledges a message when all its handlers have returned nil. If the process or the server dies before the acknowledgement arrives, the
// message comes again. With an [Inbox], its effect on that database happens once even then. So Sub does not wait for the server to confirm an
// acknowledgement.
package natsjs
