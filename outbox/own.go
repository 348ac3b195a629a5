package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"time"
	"weak"

	"github.com/gorm-signals/signals"
	"gorm.io/gorm"
)

// own holds the events that one transaction has written for the receivers of one name, in their order. After the commit this process hands them to
// the crew of these receivers.
type own struct {
	ob     *Outbox
	name   string
	events []*held
	end    func() // removes it from Outbox.own; nil if it is not in there
}

// ownKey names the events of one transaction for one name. The weak pointer keeps no transaction alive, and neither does the outbox: the contexts of
// the events refer to the transaction, so only the functions that wait for its commit hold the events.
type ownKey struct {
	tx   weak.Pointer[sql.Tx]
	name string
}

// ownOf returns the events that a transaction has written for the receivers of a name.
func (ob *Outbox) ownOf(tx *gorm.DB, name string) *own {
	o := &own{ob: ob, name: name}
	sqlTx, ok := signals.SQLTx(tx)
	if !ok {
		return o
	}
	key := ownKey{weak.Make(sqlTx), name}
	o.end = func() {
		ob.mu.Lock()
		defer ob.mu.Unlock()
		delete(ob.own, key)
	}
	ob.mu.Lock()
	defer ob.mu.Unlock()
	if known := ob.own[key].Value(); known != nil {
		return known
	}
	ob.own[key] = weak.Make(o)
	runtime.AddCleanup(sqlTx, func(end func()) { end() }, o.end) // for a transaction that is rolled back
	return o
}

// add adds events that a write with this context has just inserted under a claim.
func (o *own) add(ctx context.Context, records []record, claimed time.Time) {
	ctx = context.WithoutCancel(ctx)
	o.ob.mu.Lock()
	defer o.ob.mu.Unlock()
	for i := range records {
		o.events = append(o.events, &held{record: &records[i], until: claimed.Add(o.ob.Claim), call: call{ctx: ctx}})
	}
}

// committed hands all events of the transaction to the crew. The first write that learns of the commit does this for all. The events may include
// those of a rolled back savepoint, which the crew does not find in the table.
func (o *own) committed(ctx context.Context) {
	if o.end != nil {
		o.end()
	}
	o.ob.mu.Lock()
	events := o.events
	o.events = nil
	o.ob.mu.Unlock()
	if len(events) == 0 {
		return
	}
	c := o.ob.crewOf(o.name)
	if !o.ob.Eager || ctx.Value(calledKey{}) != nil || c.leaves() { // after Shutdown the crew gives the claims up
		c.take(events, nil)
		return
	}
	handled := make(chan struct{}, len(events))
	c.take(events, handled)
	o.await(ctx, handled)
}

// await waits until the events of the transaction are handled. A receiver that obeys its context takes Config.Claim at most. If none of the events is
// handled for twice this time, the workers may be waiting for the writer: await reports that and returns.
func (o *own) await(ctx context.Context, handled <-chan struct{}) {
	most := 2 * o.ob.Claim
	for range cap(handled) {
		timer := time.NewTimer(most)
		select {
		case <-handled:
			timer.Stop()
		case <-timer.C:
			o.ob.failed(ctx, fmt.Errorf("outbox: under Config.Eager a write has waited for receivers of %q for %s, and waits no longer: "+
				"let receivers write through the event's DB or with the context of their call, and let no db.Connection hold the only connection of the pool",
				o.name, most))
			return
		}
	}
}

// calledKey marks the context of a durable receiver. Under Config.Eager a write of a receiver must not wait for workers: all of them may be waiting
// so.
type calledKey struct{}
