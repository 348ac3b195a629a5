// Package sinktest is the conformance suite of engines: it shows that an [outbox.Sink] keeps what a relay relies on.
//
//	func TestSink(t *testing.T) {
//		sinktest.Run(t, func(t *testing.T) sinktest.Engine {
//			stream := openStream(t) // a stream of this test's own, removed by t.Cleanup
//			return sinktest.Engine{
//				Sink:       stream.Sink(),
//				Receive:    stream.Receive,
//				Ordered:    true,
//				MaxPayload: 1 << 20,
//			}
//		})
//	}
//
// Every case is a promise, and a failing one says what came instead and what the promise is good for. An engine that lacks an
// ability, such as the suppression of duplicates, skips the cases that need it, and Run logs which these were.
package sinktest
