package natsjs_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

// kept is a message that counts calls of InProgress.
type kept struct {
	jetstream.Msg

	err   error
	times int
}

// InProgress counts its calls.
func (k *kept) InProgress() error {
	k.times++
	return k.err
}

func TestAMessageThatIsDoneMeanwhileKeepsNoOtherFromTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sub := natsjs.Subscriber(&nats.Conn{}, "SIGNALS", natsjs.Durable("search"), natsjs.AckWait(time.Second))
		done, waiting := &kept{err: jetstream.ErrMsgAlreadyAckd}, &kept{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		natsjs.KeepAlive(ctx, sub, done, waiting)
		assert.GreaterOrEqual(t, waiting.times, 2, "more than once in AckWait, or the server delivers it again")
	})
}

// elsewhere is a consumer with one open message that another process has.
type elsewhere struct{ jetstream.Consumer }

// Info returns its state.
func (elsewhere) Info(context.Context) (*jetstream.ConsumerInfo, error) {
	return &jetstream.ConsumerInfo{NumAckPending: 1, Delivered: jetstream.SequenceInfo{Stream: 7}}, nil
}

func TestAProcessThatWasStoppedWaitsForWhatHasComeMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sub := natsjs.Subscriber(&nats.Conn{}, "SIGNALS", natsjs.Durable("search"), natsjs.AckWait(time.Second))
		look := natsjs.Holding(t.Context(), sub, elsewhere{})
		assert.True(t, look())
		time.Sleep(time.Hour)
		assert.True(t, look(), "nobody has read since")
		began := time.Now()
		for look() {
			time.Sleep(100 * time.Millisecond)
		}
		assert.WithinRange(t, time.Now(), began.Add(2*time.Second), began.Add(5*time.Second), "another process has it")
	})
}
