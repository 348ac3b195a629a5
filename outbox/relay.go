package outbox

import (
	"context"
	"fmt"
	"time"
)

// Relay sends published events to an engine. [Outbox.Relay] makes it.
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

// Batch is how many events a relay reads at once, 1 to 10,000; the default is 500. The engine gets the first event of each row together, then the
// next ones.
func Batch(n int) RelayOption {
	return func(r *Relay) { r.batch = min(max(n, 1), 10_000) }
}

// Lease is how long a relay may be silent before another one takes over; the default is 10 seconds.
func Lease(d time.Duration) RelayOption {
	return func(r *Relay) { r.lease = max(d, time.Millisecond) }
}

// Wake makes the relay look at the table whenever the channel delivers, for instance after a NOTIFY of another process on PostgreSQL. Otherwise the
// relay finds events of other processes after Config.Poll.
func Wake(news <-chan struct{}) RelayOption {
	return func(r *Relay) { r.woken = append(r.woken, news) }
}

// Relay makes a relay to an engine. Run relays in as many processes as you like: one works, the others stand by. If two work at once for a moment,
// they may send an event twice, with the same id. Relay panics if sink is nil.
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

// longestSend limits one call of the engine, longestPause the wait for an engine that cannot be reached.
const (
	longestSend  = 30 * time.Second
	longestPause = 30 * time.Second
)

// leaseName is the name of the relays' lease in the table of leases.
const leaseName = "relay"

// Run sends events until ctx ends. It reports errors to Config.ErrorHandler and goes on. It also deletes events that were done more than
// Config.Retain ago.
func (r *Relay) Run(ctx context.Context) {
	woken, stop := r.ob.woken()
	defer stop()
	for _, news := range r.woken {
		go forward(ctx, news, woken)
	}
	db := r.ob.db.WithContext(context.WithoutCancel(ctx))
	defer func() { _ = r.ob.store.endLease(db, leaseName, r.id) }() // without this the lease ends by itself, later
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
		case IsUnavailable(err): // new events do not bring the engine back
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

// forward wakes one channel whenever another one delivers.
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

// Drain sends one batch and returns how many events the engine has stored. It takes no lease: run no other relay meanwhile. If the engine cannot be
// reached, Drain returns an Unavailable error. A single event that fails is tried again later and is no error of Drain.
func (r *Relay) Drain(ctx context.Context) (sent int, err error) {
	sent, _, err = r.drain(ctx, func(context.Context) (bool, error) { return true, nil })
	return sent, err
}

// keeps returns a function that renews the lease, which was just taken, between the sends of a batch. It reports false if another relay has the
// lease. That relay sends the rest: two relays would mix up the order of a row.
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

// drain is Drain, and also returns how many events were due. It stops when leads reports false.
func (r *Relay) drain(ctx context.Context, leads func(ctx context.Context) (bool, error)) (sent, found int, err error) {
	records, err := r.ob.store.eligible(r.ob.db.WithContext(ctx), "", nil, r.batch)
	if err != nil {
		return 0, 0, err
	}
	found = len(records)
	blocked := map[string]bool{} // subjects with an event that failed
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

// firsts splits records into the first one of each row and the others. It keeps their order and leaves out blocked rows.
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

// send sends one event of each row and stores the answers of the engine.
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
	// If this context could end, sent events would not be marked, and the relay would send them again.
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

// hand calls the sink with messages, and returns one error or nil for each.
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
		for i, err := range errs {
			answers[i] = sound(err)
		}
	}
	for i, err := range answers {
		if err != nil && limited.Err() != nil { // the time was over, which is no fault of a message
			answers[i] = Unavailable(err)
		}
	}
	return answers
}

// call calls the sink. It returns an error if the sink panics or ends its goroutine.
func (r *Relay) call(ctx context.Context, messages []Message) (errs []error, failure error) {
	failure = guarded(fmt.Sprintf("%T", r.sink), func() { errs = r.sink.Send(ctx, messages) })
	return errs, failure
}

// fail stores that an event failed by itself. Later events of its row wait, unless it was parked.
func (r *Relay) fail(ctx context.Context, rec *record, cause error, blocked map[string]bool) error {
	parked, err := r.ob.note(ctx, rec, cause)
	blocked[rec.Subject] = !parked
	return err
}
