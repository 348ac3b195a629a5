// Package natsjs carries events of package outbox over NATS JetStream, the native engine: [Sink] is where a relay drains the outbox
// into, and [Sub] receives on another machine.
//
//	nc, err := natsjs.Connect("nats://127.0.0.1:4222")
//	err = natsjs.EnsureStream(ctx, nc, jetstream.StreamConfig{Name: "SIGNALS"})
//
//	sink, err := natsjs.NewSink(nc, "SIGNALS") // where the rows change
//	go ob.Relay(sink).Run(ctx)
//
//	sub := natsjs.Subscriber(nc, "SIGNALS", natsjs.Durable("search"), natsjs.Inbox(searchDB)) // on another machine
//	outbox.On(sub, func(ctx context.Context, e outbox.Event[ProductV1]) error { ... }, "com.acme.products.*.v1")
//	err = sub.Run(ctx)
//
// # On the wire
//
// The subject is the name of the stream and the type of the event: SIGNALS.com.acme.products.created.v1. So a table is
// SIGNALS.com.acme.products.> to everybody who filters. The row is not part of it, as JetStream keeps a record in memory for every
// subject. What a token of NATS cannot hold is written as %20, and an empty token as %. Attributes travel as headers in the binary
// mode of CloudEvents, ce-id, ce-type and so on, percent-encoded as its binding for NATS asks; the id is also Nats-Msg-Id, by which
// the server drops what comes twice within the duplicate window of the stream.
//
// # Order
//
// A [Sub] handles the messages of one row one after the other, in the order of the stream. One that fails is tried again in place:
// later ones of its row wait, other rows go on. After MaxTries, or an error that outbox.Permanent made, it is parked: the server
// is told to deliver it no more, OnDead is called, and the row goes on. It stays in the stream, as all messages do.
//
// A consumer that dies leaves messages that the server delivers again only after AckWait, while it delivers new ones at once. So
// Run first asks the server whether there are such messages, and if there are keeps what comes until they have come too. It does
// the same whenever a number is missing in the count that the server keeps of its deliveries, as after a cut connection.
//
// Several processes that run one durable share its work, and the order of a row then holds in each of them but not over them all:
// give the inbox outbox.DropStale, or run one process and another durable for what is independent.
//
// # Filters
//
// From version 2.10 on the server delivers only what the handlers' types name. Older ones deliver the whole stream, and the rest is
// left out here: they skip messages when the filter of a consumer changes, as it does with every new handler.
//
// # At least once
//
// A message is acknowledged when all its handlers have returned nil. When the process or the server dies before the
// acknowledgement arrives the message comes again; with an [Inbox] its effect on that database happens once even then, so a plain
// acknowledgement does, and nobody waits for the server to confirm it.
package natsjs
