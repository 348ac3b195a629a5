// Package sinktest tests an [outbox.Sink]: it shows whether the sink and its engine keep what a relay relies on.
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
// Each case tests one promise. If it fails, it says what came instead, and why the promise matters. Cases that need an ability which the engine
// lacks, such as dropping duplicates, are skipped, and [Run] logs their names.
package sinktest
