package watermillsink_test

import (
	"context"
	"fmt"
	"testing"

	watermillmessage "github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/watermillsink"
)

// BenchmarkSend sends 1,000 messages of 500 bytes in each call: go test -run='^$' -bench=Send .
func BenchmarkSend(b *testing.B) {
	engines := map[string]func(b *testing.B) (watermillmessage.Publisher, string){
		"redis": func(b *testing.B) (watermillmessage.Publisher, string) {
			b.Helper()
			addr, stream := redisAddr(b)
			return redisPublisher(b, addr), stream
		},
	}
	messages := make([]message, 1000)
	for i := range messages {
		messages[i] = row(i, 1)
		messages[i].Data = make([]byte, 500)
	}
	for name, open := range engines {
		for _, n := range []int{1, 8, 16, 32, 64, 128, 256, 1000} {
			b.Run(fmt.Sprintf("%s/concurrency=%d", name, n), func(b *testing.B) {
				publisher, topic := open(b)
				sink := watermillsink.New(publisher, watermillsink.Topic(topic), watermillsink.Concurrency(n))
				for b.Loop() {
					require.Nil(b, sink.Send(context.Background(), messages))
				}
				b.ReportMetric(float64(len(messages)*b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
