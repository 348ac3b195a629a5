package e2e_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox"
	"gorm.io/gorm"
)

// connectEffects connects durable receivers that write a row for every change, in the transaction that finishes the event. They die at
// times, before that commits and right after it.
func connectEffects(db *gorm.DB, ob *outbox.Outbox, s settings) {
	odds := max(400, s.Changes/10)
	take := func(tx *gorm.DB, kind string, row *item) error {
		pos := position(row.N, kind)
		done := tx.Create(&effect{EventID: fmt.Sprintf("%d/%d", row.ID, pos), Item: row.ID, Pos: pos, Mark: row.Mark, Kind: kind}).Error
		dieOnceIn(odds)
		return errors.Join(done, dieAfterCommit(tx, odds))
	}
	durable := outbox.Durable(ob, "effects", outbox.InTx(), outbox.Workers(8))
	signals.For[item](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*item]) error {
		kind := "updated"
		if e.Created {
			kind = "created"
		}
		return take(e.DB(), kind, e.Instance)
	}, durable)
	signals.For[item](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*item]) error {
		return take(e.DB(), "deleted", e.Instance)
	}, durable)
}

// work handles what the writer leaves behind.
func work(ctx context.Context, s settings) error {
	db, ob, err := openWriterDB(s)
	if err != nil {
		return err
	}
	connectEffects(db, ob, s)
	ob.Run(ctx)
	return nil
}
