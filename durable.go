package signals

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/change"
	"github.com/gorm-signals/signals/internal/delivery"
	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/pool"
)

// Store keeps the events of receivers connected with [Durable] until the receivers have handled them. Package outbox has a Store that keeps them in a
// table.
type Store interface {
	// Register is called when a receiver is connected. If it returns an error, Connect panics.
	Register(r DurableReceiver) error

	// Keep stores events for a receiver. tx is a session in the transaction of the write. An error fails the write. If the plugin cannot see the end
	// of the transaction, OnCommit of tx returns ErrUntracked, whatever Plugin.Untracked says.
	Keep(ctx context.Context, tx *gorm.DB, r DurableReceiver, events []KeptEvent) error
}

// DurableReceiver is a receiver whose events are kept. Name, Signal and Table together identify it.
type DurableReceiver struct {
	Name   string // the name that Durable was given
	Signal string // "post_save", "post_delete", "post_change", "m2m_changed", or the name of a custom signal
	Table  string // table of the model; empty for a custom signal

	// Of identifies the signal within this process: receivers of one signal have equal values. A store must not give the events of one signal to a
	// receiver of another one, which may have the same names.
	Of any

	// Connected reports whether the receiver is connected to its signal now. A receiver with the same UID, or a disconnect, ends that.
	Connected func() bool

	// Deliver calls the receiver with the Data of a kept event, which this process or an earlier one has kept. The call is outside any transaction. A
	// panic is an error.
	Deliver func(ctx context.Context, data []byte) error

	// DeliverIn is Deliver in the transaction of tx. The event's DB is a session in it, so writes of the receiver are committed or rolled back with
	// it.
	DeliverIn func(ctx context.Context, tx *gorm.DB, data []byte) error
}

// KeptEvent is an event in a form that outlives the process.
type KeptEvent struct {
	Key   []any  // primary key of the row; for a custom signal, the key that orders its events
	Table string // table of the row: the model's, or another one given to db.Table; for a custom signal, its name
	Data  []byte // the argument of Deliver
}

// Durable makes a receiver survive a crash. A store keeps its events in the transaction of the write. After the commit, the store calls the receiver
// until it returns nil: at least once for each event, and perhaps more often. Durable goes with PostSave, PostDelete, PostChange and M2MChanged of
// one model, through For, and with custom signals. It implies Atomic.
//
// The name becomes the receiver's UID. Do not change it later: kept events wait for a receiver of their name. A receiver of PostSave and one of
// PostDelete may share a name, and then get the events of a row in the order of its changes.
//
// The store keeps columns and no associations. A receiver of M2MChanged gets only the actions after the change.
//
// Events of a custom signal are kept as JSON. Send them with SendIn, or with the context of a receiver of a write. If their type has a method Key()
// any, events of one key are handled in order.
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

// Atomic makes sure that the receiver's own writes through the event's DB are committed or rolled back with the write. If GORM opens no transaction
// (SkipDefaultTransaction), the plugin opens one. A write that can have no transaction fails before anything is sent. The option goes with all
// signals of a model but PostLoad.
func Atomic() ConnectOption { return optionFunc(func(o *connectOptions) { o.atomic = true }) }

// checkDurable refuses a receiver whose events a store cannot keep.
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

// checkDurable refuses options that do not go together with Durable.
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

// keep makes a receiver give its events to the store. The store calls the receiver's own function later.
func (c *channel) keep(e *receiver, store Store) {
	if store == nil {
		return
	}
	inner := &dispatch.Entry{Item: e.Item, Info: e.Info, Kind: e.Kind, Call: e.Call, Batch: e.Batch, Errors: e.Errors, Owner: e}
	in := func(ctx context.Context, tx *gorm.DB, data []byte) error {
		return delivery.Deliver(ctx, tx, c.reg, &c.Signal, inner, data)
	}
	r := c.durable(e, store, in)
	e.Keeps, e.Call = true, nil
	e.Batch = func(f *dispatch.Frame, rows []*change.Row) error {
		events := make([]KeptEvent, 0, len(rows))
		for _, row := range rows {
			if row.Linked != nil && M2MAction(row.Linked.Action).Pre() {
				continue // only events after the change are kept
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
		tx := f.Session()
		tx.Statement.Context = f.Keeping()
		return inTransaction(tx, func(tx *gorm.DB) error { return store.Keep(f, tx, r, events) })
	}
}

// durable registers a receiver with a store. deliver calls the receiver with the Data of a kept event, in a transaction unless tx is nil.
func (c *channel) durable(r *receiver, store Store, deliver func(ctx context.Context, tx *gorm.DB, data []byte) error) DurableReceiver {
	d := DurableReceiver{
		Name: r.UID, Signal: c.Name, Of: c, DeliverIn: deliver,
		Deliver:   func(ctx context.Context, data []byte) error { return deliver(ctx, nil, data) },
		Connected: func() bool { return slices.Contains(c.List.Items(), &r.Entry) },
	}
	if c.Scope.Schema != nil {
		d.Table = c.Scope.Schema.Table
	}
	if err := store.Register(d); err != nil {
		panic(fmt.Sprintf("signals: Connect to %s at %s: %v", c.Name, r.Info.Location, err))
	}
	return d
}

// inTransaction calls fn with a session in the transaction of db. If db is in none, as an event that is sent by hand may be, it begins one: a store
// calls the receiver after the commit.
func inTransaction(db *gorm.DB, fn func(tx *gorm.DB) error) error {
	if _, in := pool.Find(db.Statement.ConnPool); in {
		return fn(db)
	}
	return Transaction(db, fn)
}
