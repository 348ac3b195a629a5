package mistakes_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

func TestAReceiverWritesThroughAnotherSession(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	end := signals.For[Order](db).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Order]) error {
		return db.WithContext(ctx).Create(&Entry{OrderID: e.Instance.ID}).Error // wrong: db is outside the transaction
	})
	passed := db.Create(&Order{}).Error
	end()
	end = signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		return db.Create(&Entry{OrderID: e.Instance.ID}).Error
	})
	forgotten := db.Create(&Order{}).Error
	end()
	prints(t, "Writing through another session than e.DB()", passed.Error(), forgotten.Error())

	signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		return e.DB().Create(&Entry{OrderID: e.Instance.ID}).Error
	})
	require.NoError(t, db.Create(&Order{}).Error)
	assert.EqualValues(t, 1, count[Entry](t, db))
}

func TestAReceiverWaitsForTheOnlyConnectionUntilItsOwnContextEnds(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	signals.For[Order](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond) // without it, it would wait for ever
		defer cancel()
		return db.WithContext(ctx).Create(&Entry{}).Error
	})
	require.ErrorIs(t, db.Create(&Order{}).Error, context.DeadlineExceeded)
}

func TestSomeWritesSendNothing(t *testing.T) {
	t.Parallel()
	db, lines := open(t)
	require.NoError(t, db.Create(&Order{}).Error)
	var heard int
	signals.For[Order](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Order]) error {
		heard++
		return nil
	})
	db.Model(&Order{}).Where("id = ?", 1).UpdateColumn("status", "paid")                 // wrong if receivers must run
	db.Exec("UPDATE orders SET status = 'paid' WHERE id = ?", 1)                         // wrong if receivers must run
	db.Table("orders").Where("id = ?", 1).Updates(map[string]any{"status": "paid"})      // wrong if receivers must run
	db.Session(&gorm.Session{SkipHooks: true}).Model(&Order{ID: 1}).Update("total", 100) // wrong if receivers must run
	assert.Zero(t, heard)
	assert.Equal(t, Order{ID: 1, Status: "paid", Total: 100}, stored(t, db))
	prints(t, "Writes that send nothing", lines.take()...)

	db.Model(&Order{}).Where("id = ?", 1).Update("status", "paid")
	assert.Equal(t, 1, heard)
}

func TestTheErrorOfACallIsLostInATransaction(t *testing.T) {
	t.Parallel()
	db, lines := open(t)
	signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		if e.Instance.Total < 0 {
			return errors.New("the total is below zero")
		}
		return nil
	})
	err := db.Transaction(func(tx *gorm.DB) error {
		tx.Create(&Order{Total: -1}) // wrong: nobody looks at the error of the call
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, -1, stored(t, db).Total)
	prints(t, "Losing the error of a call in your own transaction", lines.take()...)

	err = db.Transaction(func(tx *gorm.DB) error {
		return tx.Create(&Order{Total: -1}).Error
	})
	require.ErrorContains(t, err, "below zero")
	assert.EqualValues(t, 1, count[Order](t, db))
}

func TestARowIsChangedAfterItWasWritten(t *testing.T) {
	t.Parallel()
	db, lines := open(t)
	end := signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		e.Instance.Status = "new" // wrong: the row is written already
		return nil
	})
	order := Order{ID: 1}
	require.NoError(t, db.Create(&order).Error)
	end()
	assert.Equal(t, "new", order.Status)
	assert.Empty(t, stored(t, db).Status)
	prints(t, "Changing the row in PostSave", lines.take()...)

	signals.For[Order](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		e.Instance.Status = "new"
		return nil
	})
	require.NoError(t, db.Save(&Order{ID: 1}).Error)
	assert.Equal(t, "new", stored(t, db).Status)
}

func TestAReceiverCausesItself(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	end := signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		return e.DB().Model(e.Instance).Update("total", e.Instance.Total+1).Error // wrong: this update sends post_save too
	})
	prints(t, "A receiver that calls itself", db.Create(&Order{}).Error.Error())
	end()

	signals.For[Order](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		e.Instance.Total++
		return nil
	})
	require.NoError(t, db.Create(&Order{}).Error)
	assert.Equal(t, 1, stored(t, db).Total)
}

func TestTheErrorOfAnAfterCommitReceiverIsNotTheWrites(t *testing.T) {
	t.Parallel()
	db, lines := open(t)
	send := func(string) error { return errors.New("the mail server is away") }
	end := signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		return send(e.Instance.Email) // wrong if the write is to fail with it
	}, signals.AfterCommit(), signals.UID("mail"))
	require.NoError(t, db.Create(&Order{}).Error)
	assert.EqualValues(t, 1, count[Order](t, db))
	prints(t, "Expecting the error of an AfterCommit receiver", lines.take()...)
	end()

	var reported []error
	report := func(_ context.Context, err error) { reported = append(reported, err) }
	plugin := signals.Plugin{ErrorHandler: report} // report tells those who look after the program
	db, lines = openAt(t, ":memory:", plugin)
	signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		return send(e.Instance.Email)
	}, signals.AfterCommit(), signals.UID("mail"))
	require.NoError(t, db.Create(&Order{}).Error)
	assert.Empty(t, lines.take())
	require.Len(t, reported, 1)
	assert.ErrorContains(t, reported[0], "away")
}

func TestAReceiverAsksForAnOriginalThatItDoesNotNeed(t *testing.T) {
	t.Parallel()
	db, _ := open(t)
	require.NoError(t, db.Create(&Order{ID: 1}).Error)
	noteChange := func(_ context.Context, e signals.SaveEvent[*Order]) error {
		_, err := e.Original()
		return err
	}
	end := signals.For[Order](db).PostSave.Connect(noteChange, signals.Needs(signals.Keys)) // wrong: noteChange calls e.Original
	prints(t, "Original without the need for it", db.Save(&Order{ID: 1}).Error.Error())
	end()

	signals.For[Order](db).PostSave.Connect(noteChange) // Needs(Original) is the default
	require.NoError(t, db.Save(&Order{ID: 1}).Error)
}
