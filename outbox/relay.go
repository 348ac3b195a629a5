package outbox

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// Relay drains what Publish wrote into an engine.
type Relay struct {
	ob    *Outbox
	sink  Sink
	id    string
	batch int
	lease time.Duration
	woken []<-chan struct{}
}

// RelayOption is an option of [Outbox.Relay].
type RelayOption func(*Relay)

// Batch is how many events are read and sent at once; the default is 500.
func Batch(n int) RelayOption {
	return func(r *Relay) { r.batch = min(max(n, 1), 10_000) }
}

// Lease is for how long a relay may be silent before another one takes over; the default is 10 seconds.
func Lease(d time.Duration) RelayOption {
	return func(r *Relay) { r.lease = max(d, time.Millisecond) }
}

// Wake lets the relay look at the table whenever something comes from a channel: news from another process, such as LISTEN on
// PostgreSQL, that spares waiting for the next look.
func Wake(news <-chan struct{}) RelayOption {
	return func(r *Relay) { r.woken = append(r.woken, news) }
}

// Relay returns a relay into an engine. Run as many as you like, in any process: one of them works, the others stand by. Should two
// work at once for a moment, an event may be sent twice, with the same id.
func (ob *Outbox) Relay(sink Sink, opts ...RelayOption) *Relay {
	if sink == nil {
		panic("outbox: Relay needs a sink, such as that of package natsjs")
	}
	r := &Relay{ob: ob, sink: sink, id: newID(time.Now()), batch: batch, lease: 10 * time.Second}
	for _, opt := range opts {
		opt(r)
	}
	return r
}

// A relay gives an engine so much time for one call, and waits so long at most for one that is away.
const (
	longestSend  = 30 * time.Second
	longestPause = 30 * time.Second
)

// leaseName is what the lease of the relays is called in the table of leases.
const leaseName = "relay"

// Run relays until ctx ends. Errors go to Config.ErrorHandler; nothing but ctx ends it.
func (r *Relay) Run(ctx context.Context) {
	woken, stop := r.ob.woken()
	defer stop()
	for _, news := range r.woken {
		go forward(ctx, news, woken)
	}
	db := r.ob.db.WithContext(context.WithoutCancel(ctx))
	defer func() { _ = r.ob.store.endLease(db, leaseName, r.id) }() // it ends by itself, later
	var away int
	var cleaning cleaner
	for ctx.Err() == nil {
		leads, err := r.ob.store.lease(r.ob.db.WithContext(ctx), leaseName, r.id, r.lease)
		pause, found := r.ob.Poll, 0
		switch {
		case err != nil:
		case !leads:
			pause = r.lease / 3
		default:
			if _, found, err = r.drain(ctx, r.keeps()); err == nil {
				err = cleaning.clean(ctx, r.ob)
			}
		}
		if err != nil && ctx.Err() == nil {
			r.ob.failed(ctx, fmt.Errorf("outbox: relay: %w", err))
		}
		switch {
		case IsUnavailable(err): // news of events do not bring it back
			away++
			if !wait(ctx, nil, min(100*time.Millisecond<<min(away, 16), longestPause)) {
				return
			}
		case err == nil && found > 0:
			away = 0
		case !wait(ctx, woken, pause):
			return
		}
	}
}

// forward wakes one channel whenever another has news.
func forward(ctx context.Context, news <-chan struct{}, woken chan<- struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-news:
			if !ok {
				return
			}
		}
		select {
		case woken <- struct{}{}:
		default:
		}
	}
}

// Drain sends one batch and returns how many events the engine has taken. It asks for no lease. The error of an engine that
// cannot be reached is Unavailable; events that fail by themselves are tried again later and are no error here.
func (r *Relay) Drain(ctx context.Context) (sent int, err error) {
	sent, _, err = r.drain(ctx, func(context.Context) (bool, error) { return true, nil })
	return sent, err
}

// keeps returns a function that keeps the lease, which has just been taken, while a batch is sent. It reports false when another relay
// has it: that one sends the rest, and two would send the events of a row in no order.
func (r *Relay) keeps() func(ctx context.Context) (bool, error) {
	last := time.Now()
	return func(ctx context.Context) (bool, error) {
		if time.Since(last) < r.lease/3 {
			return true, nil
		}
		last = time.Now()
		return r.ob.store.lease(r.ob.db.WithContext(ctx), leaseName, r.id, r.lease)
	}
}

// drain is Drain that also tells how many events were due. It goes on as long as leads says so.
func (r *Relay) drain(ctx context.Context, leads func(ctx context.Context) (bool, error)) (sent, found int, err error) {
	records, err := r.ob.store.eligible(r.ob.db.WithContext(ctx), "", nil, r.batch)
	if err != nil {
		return 0, 0, err
	}
	found = len(records)
	blocked := map[string]bool{} // rows with an event that failed
	for len(records) > 0 {
		var wave []record
		wave, records = firsts(records, blocked)
		n, err := r.send(ctx, wave, blocked)
		if sent += n; err != nil || len(records) == 0 {
			return sent, found, err
		}
		if goOn, err := leads(ctx); !goOn || err != nil {
			return sent, found, err
		}
	}
	return sent, found, nil
}

// firsts splits records, which are in order, into the first one of each row and the others. It leaves out blocked rows.
func firsts(records []record, blocked map[string]bool) (wave, rest []record) {
	seen := make(map[string]bool, len(records))
	for i := range records {
		switch subject := records[i].Subject; {
		case blocked[subject]:
		case seen[subject]:
			rest = append(rest, records[i])
		default:
			seen[subject] = true
			wave = append(wave, records[i])
		}
	}
	return wave, rest
}

// send sends one event of each row, and notes what the engine says.
func (r *Relay) send(ctx context.Context, wave []record, blocked map[string]bool) (n int, err error) {
	messages, records := make([]Message, 0, len(wave)), make([]*record, 0, len(wave))
	for i := range wave {
		m, bad := wave[i].message(r.ob.Source)
		if bad != nil {
			if err = r.fail(ctx, &wave[i], bad, blocked); err != nil {
				return 0, err
			}
			continue
		}
		messages, records = append(messages, m), append(records, &wave[i])
	}
	if len(messages) == 0 {
		return 0, nil
	}
	failed := r.hand(ctx, messages)
	sequences := make([]uint64, 0, len(records))
	for i, rec := range records {
		if failed[i] == nil {
			sequences = append(sequences, rec.Sequence)
		}
	}
	// Nobody's context ends this: what is sent and not noted is sent again.
	if err = r.ob.store.finish(r.ob.db.WithContext(context.WithoutCancel(ctx)), sequences...); err != nil {
		return 0, fmt.Errorf("%d events are sent, but that could not be noted, and they will be sent again: %w", len(sequences), err)
	}
	for i, rec := range records {
		switch {
		case failed[i] == nil:
		case IsUnavailable(failed[i]):
			err = failed[i]
		default:
			if noting := r.fail(ctx, rec, failed[i], blocked); noting != nil && err == nil {
				err = noting
			}
		}
	}
	return len(sequences), err
}

// hand gives messages to the sink, and returns one answer for each.
func (r *Relay) hand(ctx context.Context, messages []Message) (answers []error) {
	answers = make([]error, len(messages))
	all := func(err error) {
		for i := range answers {
			answers[i] = err
		}
	}
	limited, cancel := context.WithTimeout(ctx, longestSend)
	defer cancel()
	errs, failure := r.call(limited, messages)
	switch {
	case failure != nil:
		all(failure)
		return answers
	case errs == nil:
	case len(errs) != len(messages):
		all(fmt.Errorf("%T answered %d messages with %d errors: see outbox.Sink", r.sink, len(messages), len(errs)))
	default:
		copy(answers, errs)
	}
	for i, err := range answers {
		if err != nil && limited.Err() != nil { // none of them is to blame
			answers[i] = Unavailable(err)
		}
	}
	return answers
}

// call calls the sink. It fails when the sink panics or ends its goroutine.
func (r *Relay) call(ctx context.Context, messages []Message) (errs []error, failure error) {
	apart(func() {
		failure = fmt.Errorf("%T: %w", r.sink, errEnded)
		defer func() {
			if v := recover(); v != nil {
				failure = fmt.Errorf("%T panicked: %v\n%s", r.sink, v, debug.Stack())
			}
		}()
		errs = r.sink.Send(ctx, messages)
		failure = nil
	})
	return errs, failure
}

// fail notes that an event failed by itself. Later ones of its row wait, unless it was parked.
func (r *Relay) fail(ctx context.Context, rec *record, cause error, blocked map[string]bool) error {
	parked, err := r.ob.note(ctx, rec, cause)
	blocked[rec.Subject] = !parked
	return err
}
