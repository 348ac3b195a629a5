package signals

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
)

// Store keeps the events of receivers that were connected with Durable until the receivers have handled them. Package outbox
// has one that keeps them in a table.
type Store interface {
	// Register tells the store of a receiver, when it is connected.
	Register(r DurableReceiver) error

	// Keep keeps events for a receiver in the write's transaction, which tx is a session of. An error fails the write. When nobody
	// sees the end of the transaction, OnCommit of tx fails with ErrUntracked, whatever Plugin.Untracked says.
	Keep(ctx context.Context, tx *gorm.DB, r DurableReceiver, events []KeptEvent) error
}

// DurableReceiver is a receiver whose events are kept. Name, Signal and Table together name it.
type DurableReceiver struct {
	Name   string // what was given to Durable
	Signal string // "post_save", "post_delete", "post_change", "m2m_changed", or the name of a custom one
	Table  string // of the model; empty for custom signals

	// Deliver calls the receiver with the Data of an event that was kept, in this process or in an earlier one, outside any
	// transaction. A panic is an error.
	Deliver func(ctx context.Context, data []byte) error

	// DeliverIn does so in the transaction that tx is a session of: it is what the event's DB writes in. What the receiver has written
	// stands or falls with it.
	DeliverIn func(ctx context.Context, tx *gorm.DB, data []byte) error
}

// KeptEvent is an event in a form that outlives the process.
type KeptEvent struct {
	Key   []any  // primary key of the row, or what the event of a custom signal is ordered by
	Table string // that holds the row: the model's, or another one that db.Table named; the name of a custom signal
	Data  []byte // what Deliver takes
}

// Durable lets a post_save, post_delete, post_change or m2m_changed receiver of one model survive a crash: its events are kept in a store, in the
// transaction of the write, and the store calls the receiver after the commit, again and again until it returns nil. So it is
// called at least once, and may be called more than once for a change. It implies Atomic.
//
// The name is the receiver's UID. Choose it once: what was kept under a name waits for a receiver of that name. A receiver of
// post_save and one of post_delete may share a name and then hear of a row in the order of its changes.
//
// The event is made from what was kept: columns only, no associations. A receiver of m2m_changed hears of the actions after the change.
//
// Events of a custom signal are kept as JSON, when they are sent with SendIn, or under the context of a receiver of a write. They have an order by
// their key, if their type has a method Key() any.
func Durable(store Store, name string) ConnectOption {
	return optionFunc(func(o *connectOptions) {
		switch {
		case store == nil:
			o.refuse("signals.Durable needs a store, such as that of outbox.Install")
		case name == "":
			o.refuse("signals.Durable needs a name that stays the same from one start of the program to the next")
		}
		o.durable, o.store, o.atomic = name, store, true
	})
}

// Atomic makes a save receiver's own writes through the event's DB stand or fall with the write, also where GORM was told to open
// no transaction (SkipDefaultTransaction): the plugin then opens one. A write that can have none fails before anything is sent.
func Atomic() ConnectOption { return optionFunc(func(o *connectOptions) { o.atomic = true }) }

// checkDurable refuses what cannot be kept.
func (c *channel) checkDurable(o *connectOptions) {
	switch {
	case o.store == nil:
		return
	case (!written(c.Kind) && c.Kind != dispatch.M2mChanged):
		o.refuse("Durable has no meaning for " + c.Name + ": connect to post_save, post_delete, post_change, m2m_changed or a custom signal")
	case c.Scope.Schema == nil:
		o.refuse("Durable needs one model to make events of what was kept: connect with For, once per model")
	case len(c.Scope.Schema.PrimaryFields) == 0:
		o.refuse("Durable needs a primary key, which tells whose order is to be kept: give " + c.Scope.Name + " one")
	}
	o.checkDurable()
}

// checkDurable refuses what does not go together with Durable.
func (o *connectOptions) checkDurable() {
	switch {
	case o.store == nil:
		return
	case o.uid != "" && o.uid != o.durable:
		o.refuse("the name given to Durable is the UID: leave signals.UID out")
	case o.once:
		o.refuse("Once has no meaning for a Durable receiver, which is called until it succeeds: leave Once out, or Durable")
	case o.phase != dispatch.InSend:
		o.refuse("a Durable receiver runs after the commit anyway: leave " + phaseOption(o.phase) + " out")
	}
	o.uid = o.durable
}

// keep puts the store between the signal and a receiver.
func (c *channel) keep(e *receiver, store Store) {
	if store == nil {
		return
	}
	inner := &dispatch.Entry{Item: e.Item, Info: e.Info, Kind: e.Kind, Call: e.Call, Batch: e.Batch, Errors: e.Errors, Owner: e}
	in := func(ctx context.Context, tx *gorm.DB, data []byte) error {
		return delivery.Deliver(ctx, tx, c.reg, &c.Signal, inner, data)
	}
	r := DurableReceiver{Name: e.UID, Signal: c.Name, Table: c.Scope.Schema.Table, DeliverIn: in, Deliver: func(ctx context.Context, data []byte) error {
		return in(ctx, nil, data)
	}}
	if err := store.Register(r); err != nil {
		panic(fmt.Sprintf("signals: Connect to %s at %s: %v", c.Name, e.Info.Location, err))
	}
	e.Keeps, e.Call = true, nil
	e.Batch = func(f *dispatch.Frame, rows []*change.Row) error {
		events := make([]KeptEvent, 0, len(rows))
		for _, row := range rows {
			if row.Linked != nil && M2MAction(row.Linked.Action).Pre() {
				continue // what is about to happen is not kept
			}
			k, err := delivery.KeepRow(row, f, e.Info.Needs)
			if err != nil {
				return err
			}
			events = append(events, KeptEvent(k))
		}
		if len(events) == 0 {
			return nil
		}
		keeping := f.Keeping()
		return store.Keep(f, f.Session().WithContext(keeping), r, events)
	}
}
