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

// releaseEvery is how often a holding receiver asks the server whether all has come.
const releaseEvery = 50 * time.Millisecond

// stopped is how long a holding receiver does not ask when its process was stopped, or its machine.
const stopped = 5 * time.Second

// receiver brings messages into the order of the stream. Only the goroutine of Run uses it.
//
// The server delivers a message again when its AckWait is over, and everything else at once. So when messages may be on their way
// that were delivered to a process or a connection that is gone, the receiver holds back what comes until the server has no message
// out that is not in hand, and lets all go then, sorted.
type receiver struct {
	last    uint64 // the server's number of the delivery that came last; 0 for none in this session
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

// receive takes a message from the server.
func (r *run) receive(handling context.Context, msg jetstream.Msg) {
	meta, err := msg.Metadata()
	if err != nil { // nothing that a consumer delivers
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
		d.row = " " + strconv.FormatUint(d.at.sequence, 10) // no event: it waits for nobody
	}
	if r.holding {
		r.held = append(r.held, d)
		return
	}
	r.dispatch(handling, d)
}

// tryRelease lets go what was held back, if nothing is missing any more. It gives up when what is missing ought to have come long
// ago: other processes have it then.
func (r *run) tryRelease(ctx, handling context.Context, consumer jetstream.Consumer) {
	now := time.Now()
	ago := now.Sub(r.asked)
	if ago < releaseEvery {
		return
	}
	if !r.asked.IsZero() && ago > stopped {
		r.since = r.since.Add(ago) // what has come meanwhile was not read yet
	}
	r.asked = now
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	info, err := consumer.Info(ctx)
	if err != nil {
		r.since = time.Now() // the server is away, and cannot deliver
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
