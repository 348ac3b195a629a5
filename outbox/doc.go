// Package outbox makes signals survive a crash and reach other machines.
//
// The outbox writes each event into a table, in the transaction of the change. So an event is stored if and only if its change was committed,
// savepoints included. Two readers handle the events later: durable receivers in Go, and a relay that sends published events to an engine.
//
//	ob, err := outbox.Install(db, outbox.Config{Source: "/shop"}) // after db.Use(signals.Plugin{})
//	err = ob.Migrate(ctx)
//
//	signals.For[Product](db).PostSave.Connect(index, outbox.Durable(ob, "search")) // calls index after the commit
//	go ob.Run(ctx)                                                                 // and calls it again if it fails
//
//	outbox.Publish[Product](ob)  // an event for each row that is saved or deleted
//	go ob.Relay(sink).Run(ctx)   // sends them to an engine: see packages natsjs, kafka and watermillsink
//
//	err = ob.Shutdown(context.Background()) // when the program ends, before it closes the database
//
// On another machine, [On] calls a function with the events that a [Subscriber] receives.
//
// The outbox promises that every event is handled at least once, with the same id on every copy, and in order per row. An event that fails is tried
// again, and later events of its row wait. After [Config.MaxTries] tries the outbox parks it, and its row goes on: see [Outbox.Dead]. With an
// [Inbox], the effect of an event on the consumer's database happens exactly once. The outbox promises neither exactly once elsewhere, nor an order
// over different rows, nor events for raw SQL.
package outbox
