// Package otelsignals makes OpenTelemetry traces and metrics of signals: a span for every send and one for every call of a receiver,
// how many sends there are, how long receivers take, and what waits for a commit.
//
//	observer, err := otelsignals.New()
//	if err != nil {
//		return err
//	}
//	err = db.Use(signals.Plugin{Observer: observer})
//
// For a custom signal, give it to [signals.Signal.Observe]. [signals.Observers] sets it beside another observer, such as the one that logs.
//
// # Traces
//
// A send is a span "post_save Product" within the span of the write's context: db.WithContext(ctx) puts it there. Each call of a
// receiver is a span "post_save Product mail" within it, named by the receiver's UID, or else by the file and line of its Connect.
// What a receiver writes with its context, or through the event's DB, is within the span of the call.
//
// What runs when the transaction has ended has no share in the time of the request that wrote: a send to a receiver with AfterCommit or
// AfterRollback, and the delivery to a Durable one, begins a trace of its own, whose first span has a link to the span of the write.
// It is sampled by itself. A receiver with BeforeCommit still runs in the transaction, and its spans stay within that of the write.
//
// Attributes are those of the semantic conventions [1.43.0] where these have one:
//
//	signals.signal          "post_save"
//	signals.sender          "Product", not on custom signals
//	signals.phase           "send", "before_commit", "after_commit", "after_rollback", "after_failure", "durable"
//	signals.events          how many rows it is about
//	signals.actor           who has written, if signals.WithActor names somebody who has a text
//	signals.receiver.name   on calls: the UID, or "shop.go:12"
//	signals.lane            on calls on a lane: its name
//	code.file.path          on calls: where the receiver was connected
//	code.line.number        the same
//	db.collection.name      table of the rows, not on custom signals
//	error.type              of what failed
//
// A step that fails has the status Error, and a call that fails an event "exception" too, with the stack if it was a panic. No value of a
// row is recorded. The texts of errors are, and may hold what a receiver put into them.
//
// # Metrics
//
//	signals.sends               counter           sends, by signal, sender, phase and error.type
//	signals.receiver.duration   histogram, s      calls of receivers, by the same and signals.receiver.name
//	signals.waiting             up-down counter   sends that wait for the end of their transaction, by signal, sender and phase
//
// With the option [Lanes], for each signals.lane:
//
//	signals.lane.depth          up-down counter   calls that wait
//	signals.lane.age            gauge, s          how long the oldest of them has waited
//	signals.lane.running        up-down counter   calls that run
//	signals.lane.calls          counter           calls that were made, by signals.outcome, which is "done" or "failed"
//	signals.lane.rejected       counter           calls that were not made, because the lane was full or shut down
//
// Failures are the sends and calls that have an error.type, as the conventions for [recording errors] want it.
//
// # Across processes
//
// [Headers] puts the trace of a write into what an outbox keeps, and [Extract] takes it out again:
//
//	outbox.Config{Source: "/shop", Headers: otelsignals.Headers, Context: otelsignals.Extract}
//
// links durable receivers to the write also when another process calls them. Where a message arrives on another machine,
//
//	ctx = otelsignals.Extract(ctx, message.Extensions)
//
// lets what is done about it belong to the trace of the write.
// These are the attributes traceparent and tracestate of the CloudEvents extension for [distributed tracing].
//
// [1.43.0]: https://github.com/open-telemetry/semantic-conventions/tree/v1.43.0/docs
// [recording errors]: https://opentelemetry.io/docs/specs/semconv/general/recording-errors/
// [distributed tracing]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md
package otelsignals
