package outbox

import (
	"context"
	"database/sql"
	"runtime"
	"sync"
	"time"
	"weak"

	"github.com/gorm-signals/signals"
	"gorm.io/gorm"
)

// own are the events that one transaction has kept for the receivers of one name, in their order. After the commit they go to the crew of
// the receivers, in the process that has written them.
type own struct {
	ob     *Outbox
	name   string
	events []*held
	end    func() // forgets them, when the transaction has ended; nil when nobody else knows them
}

// ownKey names what a transaction has kept for one name. The pointer keeps no transaction alive. Neither does the outbox: the contexts of the
// events know the transaction, so that what waits for its commit alone holds them.
type ownKey struct {
	tx   weak.Pointer[sql.Tx]
	name string
}

// ownOf returns what a transaction has kept for the receivers of a name.
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
	runtime.AddCleanup(sqlTx, func(end func()) { end() }, o.end) // when it is rolled back
	return o
}

// add adds events that have just been written under a claim, by a write with this context.
func (o *own) add(ctx context.Context, records []record, claimed time.Time) {
	ctx = context.WithoutCancel(ctx)
	o.ob.mu.Lock()
	defer o.ob.mu.Unlock()
	for i := range records {
		o.events = append(o.events, &held{record: &records[i], until: claimed.Add(o.ob.Claim), call: call{ctx: ctx}})
	}
}

// committed hands all events to the crew, when the first write of them is told of the commit. Those of a savepoint that was rolled back are among
// them; the table does not know them.
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
	if c.full() {
		o.ob.leaveOwn(ctx, events)
		return
	}
	if !o.ob.Eager || ctx.Value(calledKey{}) != nil {
		c.take(events, nil)
		return
	}
	var handled sync.WaitGroup
	c.take(events, &handled)
	handled.Wait()
}

// calledKey marks the context of a durable receiver: what it writes does not wait for workers, which may all be waiting as it does.
type calledKey struct{}

// leaveOwn leaves events of this process to Run.
func (ob *Outbox) leaveOwn(ctx context.Context, events []*held) {
	for len(events) > 0 {
		some := events[:min(len(events), batch)]
		events = events[len(some):]
		ob.look(ctx, some)
		ob.leave(ctx, some)
	}
	ob.wake()
}
