// Package otelsignals makes OpenTelemetry traces and metrics of signals: a span for every send and for every call of a receiver, the number of sends,
// the duration of calls, and the number of sends that wait for a commit.
//
//	observer, err := otelsignals.New()
//	if err != nil {
//		return err
//	}
//	err = db.Use(signals.Plugin{Observer: observer})
//
// Give the observer to [signals.Signal.Observe] for a custom signal. [signals.Observers] joins it with another observer, such as one that logs.
//
// # Traces
//
// A send is a span "post_save Product" within the span of the write's context, which db.WithContext(ctx) sets. Each call of a receiver is a span
// "post_save Product mail" within it. Its name ends with the receiver's UID, or with the file and line of its Connect. Writes of a receiver with its
// context, or through the event's DB, are within the span of the call.
//
// Receivers that run after the end of the transaction are not part of the request that wrote. So a send to receivers with AfterCommit, AfterRollback
// or AfterFailure, and the delivery to a Durable one, begins a trace of its own. Its first span has a link to the span of the write, and the trace is
// sampled by itself. A receiver with BeforeCommit runs in the transaction, and its spans are within the span of the write.
//
// Attributes follow the semantic conventions [1.43.0] where these have one:
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
// A failed step has the status Error. A failed call also has an event "exception", with the stack if it was a panic. Values of rows are not recorded.
// Texts of errors are recorded, with any values that a receiver has put into them.
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
// Failed sends and calls have an error.type, as the conventions for [recording errors] want it.
//
// # Across processes
//
// [Headers] puts the trace of a write into the headers that an outbox keeps, and [Extract] takes it out again:
//
//	outbox.Config{Source: "/shop", Headers: otelsignals.Headers, Context: otelsignals.Extract}
//
// links durable receivers to the write, even if another process calls them. Where a message arrives on another machine,
//
//	ctx = otelsignals.Extract(ctx, message.Extensions)
//
// makes the work for it part of the trace of the write. The headers are the attributes traceparent and tracestate of the CloudEvents extension for
// [distributed tracing].
//
// [1.43.0]: https://github.com/open-telemetry/semantic-conventions/tree/v1.43.0/docs
// [recording errors]: https://opentelemetry.io/docs/specs/semconv/general/recording-errors/
// [distributed tracing]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md
package otelsignals
