package natsjs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// run is one call of Sub.Run.
type run struct {
	*Sub
	*hand
	receiver

	slots   chan struct{}   // taken by each running handler
	stop    <-chan struct{} // closed when no handler may start any more
	working sync.WaitGroup  // rows with a worker
}

// Run receives messages until ctx ends, and then returns nil. It goes on after lost connections and restarts of the server. When ctx ends, running
// handlers may finish: see [Grace]. Their context does not end with ctx. Messages that no handler has begun go back to the server.
//
// Run fails if no handler is connected, or if the connection is closed. It logs other errors and goes on.
func (s *Sub) Run(ctx context.Context) error {
	s.running.Store(true)
	if len(s.routes) == 0 {
		return errors.New("natsjs: Run without a handler would throw every message away: call outbox.On or Handle before it")
	}
	r := &run{Sub: s, hand: newHand(), slots: make(chan struct{}, s.concurrency), stop: ctx.Done()}
	handling, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	alive, sleep := context.WithCancel(handling)
	var keeper sync.WaitGroup
	keeper.Go(func() { r.keepAlive(alive) })

	var err error
	for pause := time.Duration(0); ctx.Err() == nil; pause = min(2*pause+100*time.Millisecond, 5*time.Second) {
		if !rest(r.stop, pause) {
			break
		}
		began := time.Now()
		failure := r.session(ctx, handling)
		if s.nc.IsClosed() && ctx.Err() == nil {
			err = errors.New("natsjs: the connection was closed while Run received: close it after Run has returned")
			break
		}
		if time.Since(began) > time.Minute {
			pause = 0
		}
		if ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelError, "natsjs: receiving was interrupted and goes on", r.attrs(slog.Any("error", failure))...)
		}
	}
	r.finish(ctx, abandon, func() { sleep(); keeper.Wait() })
	return err
}

// attrs adds the stream and the durable to attributes of a log entry.
func (r *run) attrs(more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{slog.String("stream", r.stream), slog.String("durable", r.durable)}, more...)
}

// session receives until ctx ends, or until an error after which the consumer must be opened again.
func (r *run) session(ctx, handling context.Context) error {
	js, err := jetstream.New(r.nc)
	if err != nil {
		return err
	}
	consumer, err := r.open(ctx, js)
	if err != nil {
		return err
	}
	r.hold(0)
	r.tryRelease(ctx, handling, consumer)
	messages, err := consumer.Messages(
		jetstream.PullMaxMessages(min(r.inFlight, 500)), jetstream.PullExpiry(10*time.Second), jetstream.PullHeartbeat(2*time.Second))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		next := jetstream.NextContext(ctx)
		if r.holding {
			r.tryRelease(ctx, handling, consumer)
		}
		if r.holding {
			next = jetstream.NextMaxWait(releaseEvery)
		}
		if ctx.Err() != nil {
			r.drain(handling, messages)
			return nil
		}
		switch msg, err := messages.Next(next); {
		case err == nil:
			r.receive(handling, msg)
		case errors.Is(err, nats.ErrTimeout), ctx.Err() != nil: // look around
		default:
			return err
		}
	}
}

// open creates the consumer on the server, or updates it to the options.
func (r *run) open(ctx context.Context, js jetstream.JetStream) (jetstream.Consumer, error) {
	config := jetstream.ConsumerConfig{
		Durable:       r.durable,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       r.ackWait,
		MaxDeliver:    -1, // Run counts the tries
		MaxAckPending: r.inFlight,
	}
	filters := r.wanted()
	if !atLeast(r.nc, 2, 10, 0) {
		// A server of version 2.9 skips messages of the stream when the filter of a consumer changes. So it gets only the subjects of Filter, and
		// never a change; Sub applies the patterns of the handlers.
		filters = r.filters
		known, err := js.Consumer(ctx, r.stream, r.durable)
		switch {
		case errors.Is(err, jetstream.ErrConsumerNotFound):
		case err != nil:
			return nil, err
		default:
			filters = []string{known.CachedInfo().Config.FilterSubject}
		}
	}
	if len(filters) == 1 { // older servers know only one filter
		config.FilterSubject = filters[0]
	} else {
		config.FilterSubjects = filters
	}
	return js.CreateOrUpdateConsumer(ctx, r.stream, config)
}

// drain receives the messages that the client has already buffered, so that finish can give them back.
func (r *run) drain(handling context.Context, messages jetstream.MessagesContext) {
	r.holding = true
	messages.Drain()
	for {
		msg, err := messages.Next(jetstream.NextMaxWait(time.Second))
		if err != nil {
			return
		}
		r.receive(handling, msg)
	}
}

// keepAlive tells the server every third of AckWait that open messages are in work, until ctx ends.
func (r *run) keepAlive(ctx context.Context) {
	age := r.ackWait / 3
	tick := time.NewTicker(age / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, msg := range r.stale(age) {
			err := msg.InProgress()
			if err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) { // without a connection the server delivers them again, and take knows them
				break
			}
		}
	}
}

// finish waits for handlers, and gives unhandled messages back to the server.
func (r *run) finish(ctx context.Context, abandon, sleep func()) {
	over := make(chan struct{})
	go func() {
		r.working.Wait()
		close(over)
	}()
	if !within(over, r.grace) {
		r.log.LogAttrs(ctx, slog.LevelWarn, "natsjs: handlers did not finish in time, and their contexts end",
			r.attrs(slog.Duration("grace", r.grace))...)
		abandon()
		within(over, time.Second)
	}
	sleep()
	if within(over, 0) { // otherwise the message of a handler that still runs would come again too early
		for _, msg := range r.stale(0) {
			if err := msg.Nak(); err != nil {
				break // it comes again after AckWait
			}
		}
	}
	_ = r.nc.FlushTimeout(2 * time.Second) // messages whose answer is lost come again
}

// within reports whether a channel is closed within d.
func within(c <-chan struct{}, d time.Duration) bool { return !rest(c, d) }

// rest waits for d. It reports false if it was interrupted.
func rest(interrupt <-chan struct{}, d time.Duration) bool {
	select {
	case <-interrupt:
		return false
	default:
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-interrupt:
		return false
	case <-timer.C:
		return true
	}
}
