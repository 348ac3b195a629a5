package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"github.com/gorm-signals/signals/outbox/natsembed"
	"github.com/gorm-signals/signals/outbox/natsjs"
	"github.com/nats-io/nats.go/jetstream"
	"gorm.io/gorm"
)

const (
	stream  = "SIGNALS"
	ackWait = time.Second
)

// url returns the address of the broker.
func (s settings) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.Port) }

// broker runs a JetStream server, and prints a line when clients can connect.
func broker(ctx context.Context, s settings) error {
	server, err := natsembed.Start(natsembed.Config{Dir: s.Broker, Port: s.Port})
	if err != nil {
		return err
	}
	nc, err := server.Connect()
	if err != nil {
		return err
	}
	if err = natsjs.EnsureStream(ctx, nc, jetstream.StreamConfig{Name: stream}); err != nil {
		return err
	}
	fmt.Println("ready")
	select {}
}

// relay sends published events to the broker.
func relay(ctx context.Context, s settings) error {
	_, ob, err := openWriterDB(s)
	if err != nil {
		return err
	}
	nc, err := natsjs.Connect(s.url())
	if err != nil {
		return err
	}
	sink, err := natsjs.NewSink(nc, stream)
	if err != nil {
		return err
	}
	ob.Relay(mortalSink{sink}, outbox.Lease(500*time.Millisecond)).Run(ctx)
	return nil
}

// mortalSink dies at times right after the broker has stored messages, before the relay marks them. The test itself would seldom kill it at that
// moment.
type mortalSink struct{ outbox.Sink }

// Send sends the messages, and then may die.
func (m mortalSink) Send(ctx context.Context, messages []outbox.Message) []error {
	answers := m.Sink.Send(ctx, messages)
	dieOnceIn(60)
	return answers
}

// dieOnceIn kills this process in one of n calls on average, as kill -9 does.
func dieOnceIn(n int) {
	if rand.IntN(n) > 0 {
		return
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
		select {}
	}
}

// dieAfterCommit calls dieOnceIn right after a transaction has committed.
func dieAfterCommit(tx *gorm.DB, n int) error {
	return signals.OnCommit(tx, func(context.Context) error {
		dieOnceIn(n)
		return nil
	})
}

// consume runs a consumer that writes a row for every event.
func consume(ctx context.Context, s settings) error {
	db, err := openConsumerDB(s)
	if err != nil {
		return err
	}
	nc, err := natsjs.Connect(s.url())
	if err != nil {
		return err
	}
	opts := []natsjs.Option{
		natsjs.Durable(consumerName), natsjs.AckWait(ackWait),
		natsjs.OnDead(func(_ context.Context, m outbox.Message, err error) { fmt.Fprintln(os.Stderr, "parked:", m.ID, err) }),
	}
	if s.Inbox {
		opts = append(opts, natsjs.Inbox(db))
	}
	sub := natsjs.Subscriber(nc, stream, opts...)
	odds := max(500, s.Changes/20)
	outbox.On(sub, func(ctx context.Context, e outbox.Event[changed]) error {
		if s.Inbox {
			return errors.Join(handle(e.DB(), e), dieAfterCommit(e.DB(), odds)) // JetStream has no acknowledgement yet
		}
		err := handle(db.WithContext(ctx), e)
		dieOnceIn(odds)
		return err
	})
	return sub.Run(ctx)
}

// handle writes the row of an event.
func handle(tx *gorm.DB, e outbox.Event[changed]) error {
	parts := strings.Split(e.Type, ".") // "items.created.v1"
	kind := parts[len(parts)-2]
	return tx.Create(&handled{
		EventID: e.ID, Subject: e.Subject, Sequence: e.Sequence,
		Item: e.Payload.Item, Pos: position(e.Payload.N, kind), Mark: e.Payload.Mark, Kind: kind,
	}).Error
}
