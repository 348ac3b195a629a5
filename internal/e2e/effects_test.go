package e2e_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"gorm.io/gorm"
)

// order is an event of a custom signal: a change of the ledger.
type order struct {
	Item uint
	Pos  int64
	Mark string
	Kind string
}

// Key keeps the events of an item in order.
func (o order) Key() any { return o.Item }

// effect is the row that a receiver writes for a change.
func (o order) effect() handled {
	return handled{EventID: fmt.Sprintf("%d/%d", o.Item, o.Pos), Item: o.Item, Pos: o.Pos, Mark: o.Mark, Kind: o.Kind}
}

var orderPlaced = signals.New[order]("order_placed")

// orderOf returns the change of a row.
func orderOf(kind string, row *item) order {
	return order{Item: row.ID, Pos: position(row.N, kind), Mark: row.Mark, Kind: kind}
}

// savedAs returns the kind of a save.
func savedAs(e signals.SaveEvent[*item]) string {
	if e.Created {
		return "created"
	}
	return "updated"
}

// connectEffects connects durable receivers that write a row for every change, in the transaction that marks the event as done. At times they kill
// the process, before this transaction commits or right after it.
func connectEffects(db *gorm.DB, ob *outbox.Outbox, s settings) {
	odds := max(400, s.Changes/10)
	mortal := func(tx *gorm.DB, done error) error {
		dieOnceIn(odds)
		return errors.Join(done, dieAfterCommit(tx, odds))
	}
	take := func(tx *gorm.DB, o order) error {
		row := effect(o.effect())
		return mortal(tx, tx.Create(&row).Error)
	}
	durable := outbox.Durable(ob, "effects", outbox.InTx(), outbox.Workers(8))
	signals.For[item](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*item]) error {
		return take(e.DB(), orderOf(savedAs(e), e.Instance))
	}, durable)
	signals.For[item](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*item]) error {
		return take(e.DB(), orderOf("deleted", e.Instance))
	}, durable)
	orderPlaced.Connect(func(ctx context.Context, o order) error {
		tx, row := outbox.Tx(ctx), placement(o.effect())
		return mortal(tx, tx.Create(&row).Error)
	}, outbox.Durable(ob, "placements", outbox.InTx(), outbox.Workers(4)))
}

// connectNotices connects receivers on a lane that write a row for every change. stop waits for them.
func connectNotices(db *gorm.DB) (stop func(ctx context.Context) error) {
	lane := signals.NewLane(signals.LaneConfig{Name: "notices", Workers: 4, Queue: 1000})
	take := func(ctx context.Context, o order) error {
		row := notice(o.effect())
		return db.WithContext(ctx).Create(&row).Error
	}
	signals.For[item](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*item]) error {
		return take(ctx, orderOf(savedAs(e), e.Instance))
	}, signals.AfterCommit(), signals.In(lane))
	signals.For[item](db).PostDelete.Connect(func(ctx context.Context, e signals.DeleteEvent[*item]) error {
		return take(ctx, orderOf("deleted", e.Instance))
	}, signals.AfterCommit(), signals.In(lane))
	return lane.Shutdown
}

// work handles events that the writer has left in the table.
func work(ctx context.Context, s settings) error {
	db, ob, err := openWriterDB(s)
	if err != nil {
		return err
	}
	connectEffects(db, ob, s)
	ob.Run(ctx)
	return nil
}
