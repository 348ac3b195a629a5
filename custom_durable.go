package signals

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
)

// keepCustom makes a receiver give its events to a store, as JSON. The store calls the receiver's own function later.
func keepCustom[E any](c *channel, r *receiver, store Store) {
	if reflect.TypeFor[E]().Kind() == reflect.Interface {
		panic(fmt.Sprintf("signals: Connect to %s at %s: Durable keeps events as JSON, and nobody knows which type to make of that for an %s: use a struct",
			c.Name, r.Info.Location, reflect.TypeFor[E]()))
	}
	if _, err := json.Marshal(*new(E)); err != nil {
		panic(fmt.Sprintf("signals: Connect to %s at %s: Durable keeps events as JSON, and %s cannot be written so: %v",
			c.Name, r.Info.Location, reflect.TypeFor[E](), err))
	}
	inner := *r
	d := c.durable(r, store, func(ctx context.Context, tx *gorm.DB, data []byte) error {
		var event E
		if err := json.Unmarshal(data, &event); err != nil {
			return fmt.Errorf("signals: what was kept for %s cannot be read: %w", inner.UID, err)
		}
		return deliverCustom(ctx, tx, &inner.Entry, func(ctx context.Context) error { return callCustom[E](ctx, &inner, unsafe.Pointer(&event)) })
	})
	keep := Receiver[E](func(ctx context.Context, event E) error {
		data, err := json.Marshal(event)
		if err != nil {
			return fmt.Errorf("signals: an event of %s cannot be kept: %w", c.Name, err)
		}
		return keepInTransaction(ctx, store, d, KeptEvent{Key: orderedBy(reflect.ValueOf(&event)), Table: c.Name, Data: data})
	})
	r.function, r.several = function(unsafe.Pointer(&keep)), false
}

// orderedBy returns the key of an event. If the event type has none, it makes a new key, so that no event waits for another.
func orderedBy(event reflect.Value) []any {
	if key := keyOf(event); key != nil {
		return key
	}
	return []any{rand.Text()}
}

// keepInTransaction keeps an event of a custom signal in the transaction of its send. If the send is in none, it opens one.
func keepInTransaction(ctx context.Context, store Store, d DurableReceiver, e KeptEvent) error {
	f := dispatch.FrameOf(ctx)
	reg, current := f.Place()
	if reg == nil {
		return errors.New("signals: a durable receiver listens to " + d.Signal + ", and its events are kept in a transaction: send them with SendIn(tx, event)")
	}
	db := reg.DB.Session(&gorm.Session{NewDB: true, Context: f.Keeping()})
	db.Statement.ConnPool = current
	return inTransaction(db, func(tx *gorm.DB) error { return store.Keep(ctx, tx, d, []KeptEvent{e}) })
}

// deliverCustom calls a durable receiver of a custom signal. If tx is not nil, custom signals that the receiver sends with its context belong to that
// transaction.
func deliverCustom(ctx context.Context, tx *gorm.DB, e *dispatch.Entry, call func(ctx context.Context) error) (err error) {
	ctx = dispatch.Afresh(ctx)
	if reg := registryOf(tx); reg != nil {
		ctx = dispatch.Within(ctx, reg, tx.Statement.ConnPool)
	}
	returned := false
	defer func() {
		if !returned {
			if failed := e.Recover(recover()); failed != nil {
				err = failed
			}
		}
	}()
	err = call(ctx)
	if returned = true; err != nil {
		return e.Failure(err)
	}
	return nil
}
