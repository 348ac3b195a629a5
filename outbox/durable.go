package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gorm-signals/signals"
	"gorm.io/gorm"
)

// Durable makes a receiver of post_save, post_delete or post_change one that survives: its events are written into the outbox in the write's
// transaction, it is called right after the commit, and [Outbox.Run] calls it again, here or in another process that has connected
// a receiver of this name, until it returns nil or is parked. See [signals.Durable].
//
// Its context ends when the claim on the event does, see Config.Claim.
func Durable(ob *Outbox, name string) signals.ConnectOption {
	if ob == nil {
		return signals.Durable(nil, name)
	}
	return signals.Durable(ob, name)
}

// Register is called when a durable receiver is connected. It is part of [signals.Store].
func (ob *Outbox) Register(r signals.DurableReceiver) error {
	if len(r.Name) > 100 {
		return fmt.Errorf("outbox: the name of a durable receiver has at most 100 bytes, and %q has %d", r.Name, len(r.Name))
	}
	ob.mu.Lock()
	ob.receivers[r.Name+" "+durableType(r)] = r
	ob.mu.Unlock()
	ob.wake() // Run has to know
	return nil
}

// durableType is the type of the records of a durable receiver.
func durableType(r signals.DurableReceiver) string { return r.Signal + " " + r.Table }

// Keep writes events for a durable receiver in the transaction of the write. It is part of [signals.Store].
func (ob *Outbox) Keep(ctx context.Context, tx *gorm.DB, r signals.DurableReceiver, events []signals.KeptEvent) error {
	records := make([]record, len(events))
	for i, e := range events {
		records[i] = record{
			ID: newID(time.Now()), Channel: r.Name, Type: durableType(r), Subject: Subject(cmp.Or(e.Table, r.Table), e.Key...), ContentType: "application/json",
			Data: e.Data,
		}
	}
	claimed := time.Now()
	var o *own
	var from int
	followed, err := ob.keep(ctx, tx, records, ob.Claim, func(ctx context.Context) error {
		o.run(ctx, from, from+len(records))
		return nil
	})
	if followed && err == nil {
		o = ob.ownOf(tx, r.Name)
		from = o.add(records, claimed)
	}
	return err
}

// errEnded is the error of a receiver that does not return.
var errEnded = errors.New("the receiver has ended its goroutine with runtime.Goexit, as FailNow of a test does: return an error instead")

// try calls the receiver of an event that is mine, and notes how that went. It reports whether the event is out of the way. A receiver that
// ends the goroutine has failed, and that is noted on the way out.
func (ob *Outbox) try(ctx context.Context, r *held) (out bool) {
	err, returned := errEnded, false
	defer func() {
		if !returned {
			_, _ = ob.note(ctx, r.record, err)
		}
	}()
	err = ob.deliver(ctx, r.record, r.until)
	returned = true
	switch {
	case err == nil:
		ob.noteDone(ctx, r)
		return true
	case ctx.Err() != nil: // it is not to blame
		ob.giveUp(ctx, r)
		return false
	}
	parked, _ := ob.note(ctx, r.record, err)
	return parked
}

// deliver calls the receiver of a record until its time is over.
func (ob *Outbox) deliver(ctx context.Context, r *record, until time.Time) error {
	ob.mu.Lock()
	receiver := ob.receivers[r.Channel+" "+r.Type]
	ob.mu.Unlock()
	m, err := r.message(ob.Source)
	if err != nil {
		return err
	}
	limited, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	limited = actorOf(limited, m.Extensions)
	if ob.Context != nil {
		limited = ob.Context(limited, m.Extensions)
	}
	return receiver.Deliver(limited, r.Data)
}

// apart calls a function on a goroutine of its own and waits for it. So a receiver that ends its goroutine does not end the caller's.
func apart(f func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f()
	}()
	<-ended
}

// note notes a failed try, and reports whether the record was parked.
func (ob *Outbox) note(ctx context.Context, r *record, cause error) (parked bool, err error) {
	r.Tries++
	parked = r.Tries >= ob.MaxTries || IsPermanent(cause)
	text := "is tried again"
	if parked {
		text = "is parked, see Outbox.Dead,"
	}
	ob.failed(ctx, fmt.Errorf("outbox: %s %s after %d tries: %w", r, text, r.Tries, cause))
	err = ob.store.fail(ob.db.WithContext(context.WithoutCancel(ctx)), r, cause, ob.Backoff(r.Tries), parked)
	ob.wake() // it may be its turn again, or that of others
	if err != nil {
		err = fmt.Errorf("outbox: a failed try of %s could not be noted: %w", r, err)
		ob.failed(ctx, err)
	}
	return parked && err == nil, err
}

// String names the record in errors.
func (r *record) String() string {
	text := "event " + r.ID + " of " + r.Subject
	if r.Channel != "" {
		text += " for " + r.Channel
	}
	return text
}
