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

// own are the events that one transaction has kept for the receivers of one name, in their order. The process that has written them
// calls the receivers right after the commit.
type own struct {
	ob     *Outbox
	events []*held
	looked int             // the table was asked about so many of them
	out    map[uint64]bool // sequences of those that hold up no later event of their row
	end    func()          // forgets them, when the transaction has ended; nil when nobody else knows them
}

// ownKey names what a transaction has kept for one name. The pointer keeps no transaction alive.
type ownKey struct {
	tx   weak.Pointer[sql.Tx]
	name string
}

// ownOf returns what a transaction has kept for the receivers of a name.
func (ob *Outbox) ownOf(tx *gorm.DB, name string) *own {
	o := &own{ob: ob, out: map[uint64]bool{}}
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
	if known := ob.own[key]; known != nil {
		return known
	}
	ob.own[key] = o
	runtime.AddCleanup(sqlTx, func(end func()) { end() }, o.end) // when it is rolled back
	return o
}

// add adds events that have just been written under a claim, and returns where they begin.
func (o *own) add(records []record, claimed time.Time) (from int) {
	o.ob.mu.Lock()
	defer o.ob.mu.Unlock()
	from = len(o.events)
	for i := range records {
		o.events = append(o.events, &held{record: &records[i], until: claimed.Add(o.ob.Claim)})
	}
	return from
}

// run calls the receivers of some events. Should a receiver end the goroutine, the others are left to Run.
func (o *own) run(ctx context.Context, from, to int) {
	if o.end != nil {
		o.end()
	}
	next := from
	defer func() {
		for i := next; i < to; i++ {
			o.look(ctx, i)
		}
		o.ob.leave(ctx, o.events[next:to])
	}()
	for next < to {
		next++
		o.turn(ctx, next-1)
	}
}

// turn calls the receiver of an event, unless an earlier one of its row waits.
func (o *own) turn(ctx context.Context, i int) {
	e := o.events[i]
	o.look(ctx, i)
	if e.mine && e.earlier != 0 && !o.out[e.earlier] && !o.ob.noting.isDone(e.earlier) {
		o.ob.giveUp(ctx, e)
		return
	}
	if e.mine {
		o.ob.extend(ctx, o.events[i:min(i+batch, o.looked)])
	}
	if e.mine && o.ob.try(ctx, e) {
		o.out[e.Sequence] = true
	}
}

// look asks the table about an event and those after it, unless it has been asked.
func (o *own) look(ctx context.Context, i int) {
	if i < o.looked {
		return
	}
	some := o.events[i:min(i+batch, len(o.events))]
	o.looked = i + len(some)
	if err := o.ob.store.look(o.ob.db.WithContext(ctx), some); err != nil { // their claims end by themselves
		o.ob.failed(ctx, fmt.Errorf("outbox: %s and %d events after it are tried later: %w", some[0], len(some)-1, err))
	}
	for _, e := range some {
		if o.ob.noting.isDone(e.earlier) {
			e.earlier = 0
		}
	}
}

// extend makes the claims on events longer when half of the first one's time is over.
func (ob *Outbox) extend(ctx context.Context, events []*held) {
	if time.Until(events[0].until) > ob.Claim/2 {
		return
	}
	mine := make([]*held, 0, len(events))
	for _, e := range events {
		if e.mine {
			mine = append(mine, e)
		}
	}
	if err := ob.store.extend(ob.db.WithContext(ctx), mine, ob.Claim); err != nil {
		ob.failed(ctx, fmt.Errorf("outbox: %s and %d events after it are tried later: %w", events[0], len(mine)-1, err))
	}
}
