package natsjs

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/nats-io/nats.go/jetstream"
)

// releaseEvery is how often a holding receiver asks the server for open messages.
const releaseEvery = 50 * time.Millisecond

// stopped is the longest time between two questions to the server. If more has passed, the process or its machine was stopped.
const stopped = 5 * time.Second

// receiver brings messages into the order of the stream. Only the goroutine of Run uses it.
//
// The server delivers the open messages of a lost process or connection again when their AckWait is over, and all other messages at once. If there
// may be such messages, the receiver holds back new ones, until the server has no open message that this process does not have. Then it sorts them
// and lets them be handled.
type receiver struct {
	last    uint64 // the server's number of the latest delivery; 0 for none in this session
	holding bool
	since   time.Time // when holding began
	asked   time.Time // when the server was last asked
	held    []*delivery
	shared  bool // other processes have messages of this durable
}

// hold begins to hold messages back.
func (r *receiver) hold(last uint64) {
	r.last, r.holding, r.since, r.asked = last, true, time.Now(), time.Time{}
}

// receive accepts a message from the server.
func (r *run) receive(handling context.Context, msg jetstream.Msg) {
	meta, err := msg.Metadata()
	if err != nil { // no delivery of a consumer
		r.log.LogAttrs(handling, slog.LevelError, "natsjs: a message came that is none of JetStream", r.attrs(slog.Any("error", err))...)
		return
	}
	gap := meta.Sequence.Consumer != r.last+1
	r.last = meta.Sequence.Consumer
	if gap && !r.holding && !r.shared {
		r.hold(r.last)
	}
	d, over := r.take(msg, position{meta.Sequence.Stream, meta.Timestamp.UnixNano()})
	if over {
		r.answer(handling, "ack", msg.Ack)
	}
	if d == nil {
		return
	}
	d.m, d.bad = decode(msg.Headers(), msg.Data())
	d.row = d.m.Subject
	if d.bad != nil {
		d.m = outbox.Message{ID: msg.Headers().Get(jetstream.MsgIDHeader), Data: msg.Data()}
		d.row = " " + strconv.FormatUint(d.at.sequence, 10) // not an event: a row of its own
	}
	if r.holding {
		r.held = append(r.held, d)
		return
	}
	r.dispatch(handling, d)
}

// tryRelease lets the held messages be handled if no earlier message is missing. If a missing one should have come long ago, another process has it,
// and tryRelease waits no longer.
func (r *run) tryRelease(ctx, handling context.Context, consumer jetstream.Consumer) {
	now := time.Now()
	ago := now.Sub(r.asked)
	if ago < releaseEvery {
		return
	}
	if !r.asked.IsZero() && ago > stopped {
		r.since = r.since.Add(ago) // the messages of that time are still to be read
	}
	r.asked = now
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	info, err := consumer.Info(ctx)
	if err != nil {
		r.since = time.Now() // without a server, no message can come
		return
	}
	missing := info.NumAckPending - r.upTo(info.Delivered.Stream)
	if missing > 0 {
		if time.Since(r.since) < 2*r.ackWait+2*time.Second {
			return
		}
		r.shared = true
		r.log.LogAttrs(ctx, slog.LevelWarn, "natsjs: other processes work for this durable: the order of a row holds in each, not over all",
			r.attrs(slog.Int("elsewhere", missing))...)
	}
	if r.last == 0 {
		r.last = info.Delivered.Consumer
	}
	slices.SortFunc(r.held, inStreamOrder)
	for _, d := range r.held {
		r.dispatch(handling, d)
	}
	r.held, r.holding = nil, false
}
