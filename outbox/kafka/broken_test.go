package kafka_test

import (
	"runtime"
	"testing"

	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox/kafka"
)

func TestATopicFunctionThatDoesNotReturnFailsOneMessage(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(){
		"panics":             func() { panic("no topic") },
		"ends its goroutine": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t)
			client, err := kafka.Connect([]string{b.addr})
			require.NoError(t, err)
			t.Cleanup(client.Close)
			sink, err := kafka.NewSink(client, func(m outbox.Message) string {
				if m.Subject == row(1, 1).Subject {
					breaks()
				}
				return topic
			})
			require.NoError(t, err)
			errs := make(chan []error, 1)
			go func() {
				defer close(errs) // also if Send panics or ends the goroutine
				defer func() { _ = recover() }()
				errs <- sink.Send(t.Context(), []outbox.Message{row(0, 1), row(1, 1), row(2, 1)})
			}()
			got := <-errs
			require.Len(t, got, 3)
			require.NoError(t, got[0])
			require.ErrorContains(t, got[1], row(1, 1).ID)
			assert.False(t, outbox.IsPermanent(got[1]) || outbox.IsUnavailable(got[1]), "a failed try: %v", got[1])
			require.NoError(t, got[2])
			assert.Len(t, b.records(t, 2), 2, "the others are stored")
		})
	}
}
