package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorm-signals/signals"
	"gorm.io/gorm"
)

// Durable makes a receiver of post_save or post_delete one that survives: its events are written into the outbox in the write's
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
	return ob.keep(ctx, tx, records, ob.Claim, func(ctx context.Context) error {
		ob.runAllOwn(ctx, records, claimed)
		return nil
	})
}

// runAllOwn runs the records that this process has just committed. Should a receiver end the goroutine, the others are left to Run.
func (ob *Outbox) runAllOwn(ctx context.Context, records []record, claimed time.Time) {
	next := 0
	defer func() {
		if next == len(records) {
			return
		}
		if err := ob.store.unclaim(ob.db.WithContext(context.WithoutCancel(ctx)), records[next:]); err != nil {
			ob.failed(ctx, err)
		}
		ob.wake()
	}()
	for next < len(records) {
		r := &records[next]
		next++
		ob.runOwn(ctx, r, claimed)
	}
}

// runOwn runs a record that this process has just committed, unless an earlier one of its row waits. It was claimed when it was
// written, which may be long ago in a long transaction.
func (ob *Outbox) runOwn(ctx context.Context, r *record, claimed time.Time) {
	db := ob.db.WithContext(ctx)
	waits, behind, err := ob.store.own(db, r)
	mine := true
	if err == nil && waits && !behind && time.Since(claimed) > ob.Claim/2 {
		claimed = time.Now()
		mine, err = ob.store.claimOwn(db, r, ob.Claim)
	}
	switch {
	case err != nil:
	case !waits || !mine: // committed nowhere, or somebody else has it
		return
	case behind:
		err = ob.store.release(db, r)
	default:
		ob.try(ctx, r, claimed.Add(ob.Claim))
	}
	if err != nil {
		ob.failed(ctx, fmt.Errorf("outbox: %s is tried later: %w", r, err))
	}
	ob.wake() // it may be the turn of others now
}

// errEnded is the error of a receiver that does not return.
var errEnded = errors.New("the receiver has ended its goroutine with runtime.Goexit, as FailNow of a test does: return an error instead")

// try calls the receiver of a claimed record and notes how that went. It reports whether the record is out of the way. A receiver that ends
// the goroutine has failed, and that is noted on the way out.
func (ob *Outbox) try(ctx context.Context, r *record, until time.Time) (out bool) {
	err, returned := errEnded, false
	defer func() {
		if !returned {
			_, _ = ob.note(ctx, r, err)
		}
	}()
	err = ob.deliver(ctx, r, until)
	returned = true
	db := ob.db.WithContext(context.WithoutCancel(ctx))
	switch {
	case err == nil:
		if err = ob.store.finish(db, r.Sequence); err != nil {
			ob.failed(ctx, fmt.Errorf("outbox: %s is done, but that could not be noted, and it will be tried again: %w", r, err))
		}
		return err == nil
	case ctx.Err() != nil: // it is not to blame
		if err = ob.store.release(db, r); err != nil {
			ob.failed(ctx, err)
		}
		return false
	}
	parked, _ := ob.note(ctx, r, err)
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

// batch is how many records are read at once.
const batch = 500

// Run calls durable receivers whose events wait: those that failed, those of a process that died, and those behind them. It also
// deletes what has been done for longer than Config.Retain. Run it in one process at least; several share the work. It returns
// when ctx ends and the receivers have returned.
func (ob *Outbox) Run(ctx context.Context) {
	woken, stop := ob.woken()
	defer stop()
	var group sync.WaitGroup
	defer group.Wait()
	running := map[string]bool{}
	var cleaning cleaner
	for {
		for name := range ob.connected() {
			if !running[name] { // one that is slow or fails holds no other up
				running[name] = true
				group.Go(func() { ob.runReceiver(ctx, name) })
			}
		}
		if err := cleaning.clean(ctx, ob); err != nil && ctx.Err() == nil {
			ob.failed(ctx, fmt.Errorf("outbox: Run: %w", err))
		}
		if !wait(ctx, woken, ob.Poll) {
			return
		}
	}
}

// runReceiver tries the events of the receivers of one name until ctx ends.
func (ob *Outbox) runReceiver(ctx context.Context, name string) {
	woken, stop := ob.woken()
	defer stop()
	for {
		n, err := ob.sweep(ctx, name)
		if err != nil && ctx.Err() == nil {
			ob.failed(ctx, fmt.Errorf("outbox: Run: %w", err))
		}
		if n > 0 && err == nil {
			continue
		}
		if !wait(ctx, woken, ob.Poll) {
			return
		}
	}
}

// sweep tries what is due for a receiver once, and returns how many records it found.
func (ob *Outbox) sweep(ctx context.Context, name string) (n int, err error) {
	db := ob.db.WithContext(ctx)
	records, err := ob.store.eligible(db, name, ob.connected()[name], batch)
	if err != nil {
		return 0, err
	}
	blocked := map[string]bool{}
	for i := range records {
		r := &records[i]
		if ctx.Err() != nil {
			return i, ctx.Err()
		}
		if blocked[r.Subject] {
			continue
		}
		until := time.Now().Add(ob.Claim)
		mine, err := ob.store.claim(db, r, ob.Claim)
		if err != nil {
			return i, err
		}
		out := false
		if mine {
			apart(func() { out = ob.try(ctx, r, until) })
		}
		blocked[r.Subject] = !out
	}
	return len(records), nil
}

// connected returns the types of events that are heard here, by name of the receiver.
func (ob *Outbox) connected() map[string][]string {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	types := map[string][]string{}
	for _, r := range ob.receivers {
		types[r.Name] = append(types[r.Name], durableType(r))
	}
	return types
}
