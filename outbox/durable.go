package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gorm-signals/signals"
	"gorm.io/gorm"
)

// Durable makes a receiver of post_save, post_delete, post_change, m2m_changed or a custom signal survive a crash. The outbox writes the events into
// its table, in the transaction of the write. The write does not wait: after the commit, goroutines of the outbox call the receiver in this process.
// If a call fails or the process dies, [Outbox.Run] calls the receiver again, here or in another process that has connected a receiver of this name,
// until it returns nil or the event is parked. So the receiver is called at least once: make its effect safe to repeat, or use [InTx].
//
// Events wait under the name, 100 bytes at most: keep it from one version of the program to the next. Receivers of different signals may share a
// name. Events of one name and row are handled in the order of their writes. [signals.Durable] says what an event holds.
//
// The context of a call ends with the claim, see Config.Claim, or after [Timeout]. It has the values of the write's context, or in calls by Run those
// of Run's context. In both cases signals.Actor returns the text of the actor of the write. Config.Context can add more.
//
// Connect panics if ob is nil, or if the name or an option is not valid. Call [Outbox.Shutdown] when the program ends, so that other processes need
// not wait for its claims to end.
func Durable(ob *Outbox, name string, opts ...DurableOption) signals.ConnectOption {
	if ob == nil {
		return signals.Durable(nil, name)
	}
	return signals.Durable(keeper{ob, ob.settingsOf(opts)}, name)
}

// identity names a durable receiver in the table: its name, and the type of its records.
type identity struct{ name, eventType string }

// registered is a connected durable receiver with its options.
type registered struct {
	signals.DurableReceiver
	settings
}

// keeper is the store of the receivers that were connected with the same options.
type keeper struct {
	ob *Outbox
	settings
}

// Register implements [signals.Store]: Connect calls it for each durable receiver. Programs call [Durable] instead.
func (ob *Outbox) Register(r signals.DurableReceiver) error {
	return keeper{ob, ob.settingsOf(nil)}.Register(r)
}

// Keep implements [signals.Store]: it writes events for a durable receiver, in the transaction of the write.
func (ob *Outbox) Keep(ctx context.Context, tx *gorm.DB, r signals.DurableReceiver, events []signals.KeptEvent) error {
	return keeper{ob, ob.settingsOf(nil)}.Keep(ctx, tx, r, events)
}

// Register implements [signals.Store].
func (k keeper) Register(r signals.DurableReceiver) error {
	switch {
	case k.problem != "":
		return errors.New("outbox: " + k.problem)
	case len(r.Name) > 100:
		return fmt.Errorf("outbox: the name of a durable receiver has at most 100 bytes, and %q has %d", r.Name, len(r.Name))
	}
	ob := k.ob
	ob.mu.Lock()
	id := identity{r.Name, durableType(r)}
	if other := ob.receivers[id]; other.Connected != nil && other.Connected() && other.Of != r.Of {
		ob.mu.Unlock()
		return fmt.Errorf("outbox: %q is the name of a receiver of another signal %q, such as that of another struct for the table, or of another call of "+
			"signals.New: this receiver would take its events. Give it another name, or connect it to that signal", r.Name, id.eventType)
	}
	ob.receivers[id] = registered{r, k.settings}
	most := 1
	for _, other := range ob.receivers {
		if other.Name == r.Name {
			most = max(most, other.workers)
		}
	}
	c := ob.crewLocked(r.Name)
	ob.mu.Unlock()
	c.mu.Lock()
	c.limit = most
	c.mu.Unlock()
	ob.wake() // so that Run starts to look for the name
	return nil
}

// durableType returns the type of a durable receiver's records: its signal and the table of the model.
func durableType(r signals.DurableReceiver) string {
	return strings.TrimSuffix(r.Signal+" "+r.Table, " ")
}

// Keep implements [signals.Store].
func (k keeper) Keep(ctx context.Context, tx *gorm.DB, r signals.DurableReceiver, events []signals.KeptEvent) error {
	records := make([]record, len(events))
	for i, e := range events {
		records[i] = record{
			ID: newID(time.Now()), Channel: r.Name, Type: durableType(r), Subject: Subject(cmp.Or(e.Table, r.Table), e.Key...), ContentType: "application/json",
			Data: e.Data,
		}
	}
	if k.delay > 0 || k.ob.crewOf(r.Name).full() { // Run calls the receiver, here or in another process
		_, err := k.ob.keep(ctx, tx, records, due{after: k.delay}, func(context.Context) error {
			k.ob.wake()
			return nil
		})
		return err
	}
	claimed := time.Now()
	var o *own
	followed, err := k.ob.keep(ctx, tx, records, due{after: k.ob.Claim, claimed: true}, func(ctx context.Context) error {
		o.committed(ctx)
		return nil
	})
	if followed && err == nil {
		o = k.ob.ownOf(tx, r.Name)
		o.add(tx.Statement.Context, records, claimed)
	}
	return err
}

// try calls the receiver of an event that is mine, and stores the result. It reports whether the event is done or parked. If the receiver ends the
// goroutine, the deferred function stores a failed try.
func (ob *Outbox) try(ctx context.Context, r *held) (out bool) {
	err, returned := errEnded, false
	defer func() {
		if !returned {
			_, _ = ob.note(ctx, r.record, err)
		}
	}()
	receiver := ob.receiverOf(r.record)
	if receiver.inTx {
		err = ob.deliverIn(ctx, receiver, r)
	} else {
		err = ob.deliver(ctx, receiver, r, receiver.Deliver)
	}
	returned = true
	switch {
	case errors.Is(err, errTaken):
		return false
	case err == nil && receiver.inTx:
		ob.wake() // other events may be due now
		return true
	case err == nil:
		ob.noteDone(ctx, r)
		return true
	case ctx.Err() != nil || ob.life.Err() != nil: // the process stops, and the receiver is not to blame
		ob.giveUp(ctx, r)
		return false
	}
	parked, _ := ob.note(ctx, r.record, err)
	return parked
}

// receiverOf returns the receiver of a record with its options. A published event has only options.
func (ob *Outbox) receiverOf(r *record) registered {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	if receiver, ok := ob.receivers[identity{r.Channel, r.Type}]; ok {
		return receiver
	}
	return registered{settings: ob.settingsOf(nil)}
}

// deliver calls the receiver of a record, with a context that ends with the claim or after the receiver's Timeout.
func (ob *Outbox) deliver(ctx context.Context, receiver registered, r *held, call func(ctx context.Context, data []byte) error) (err error) {
	defer func() { // such as one of Config.Context: those of the receiver are errors already
		if v := recover(); v != nil {
			err = &signals.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	m, err := r.message(ob.Source)
	if err != nil {
		return err
	}
	until := r.until
	if by := time.Now().Add(receiver.timeout); receiver.timeout > 0 && by.Before(until) {
		until = by
	}
	limited, cancel := context.WithDeadline(context.WithValue(ctx, calledKey{}, true), until)
	defer cancel()
	defer context.AfterFunc(ob.life, cancel)()
	limited = actorOf(limited, m.Extensions)
	if ob.Context != nil {
		limited = ob.Context(limited, m.Extensions)
	}
	return sound(call(limited, r.Data))
}

// errTaken says that the claim on an event has ended and another process may have the event.
var errTaken = errors.New("outbox: the claim on the event has ended")

// deliverIn calls the receiver in a transaction that also marks the record as done.
func (ob *Outbox) deliverIn(ctx context.Context, receiver registered, r *held) error {
	return ob.deliver(ctx, receiver, r, func(ctx context.Context, data []byte) error {
		// The plugin follows this transaction under every Plugin.Tracking, so receivers of what is written in it can wait for its commit.
		return signals.Transaction(ob.db.WithContext(ctx), func(tx *gorm.DB) error {
			if mine, err := ob.store.finishIn(tx, r.record); err != nil || !mine {
				return cmp.Or(err, errTaken)
			}
			return receiver.DeliverIn(context.WithValue(ctx, txKey{}, tx), tx, data)
		})
	})
}

type txKey struct{}

// Tx returns the transaction that [InTx] begins for a call, from the context of the call; nil without InTx. For receivers of models, the event's DB
// is in the same transaction.
func Tx(ctx context.Context) *gorm.DB {
	tx, _ := ctx.Value(txKey{}).(*gorm.DB)
	if tx == nil {
		return nil
	}
	return tx.WithContext(ctx)
}

// note stores a failed try, and reports whether the record was parked.
func (ob *Outbox) note(ctx context.Context, r *record, cause error) (parked bool, err error) {
	receiver := ob.receiverOf(r)
	r.Tries++
	parked = r.Tries >= receiver.maxTries || IsPermanent(cause)
	text := "is tried again"
	if parked {
		text = "is parked, see Outbox.Dead,"
	}
	ob.failed(ctx, fmt.Errorf("outbox: %s %s after %d tries: %w", r, text, r.Tries, cause))
	err = ob.store.fail(ob.db.WithContext(context.WithoutCancel(ctx)), r, cause, ob.pause(ctx, receiver, r.Tries), parked)
	ob.wake() // this event, or others of its row, may be due now
	if err != nil {
		err = fmt.Errorf("outbox: a failed try of %s could not be noted: %w", r, err)
		ob.failed(ctx, err)
	}
	return parked && err == nil, err
}

// pause returns how long an event waits after failed tries. If Backoff does not return, it is the default.
func (ob *Outbox) pause(ctx context.Context, receiver registered, tries int) (d time.Duration) {
	if failure := guarded("Backoff", func() { d = receiver.backoff(tries) }); failure != nil {
		ob.failed(ctx, fmt.Errorf("outbox: the event waits for the default of Backoff: %w", failure))
		return backoff(tries)
	}
	return d
}

// String describes the record in errors.
func (r *record) String() string {
	text := "event " + r.ID + " of " + r.Subject
	if r.Channel != "" {
		text += " for " + r.Channel
	}
	return text
}
