package signalstest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/signalstest"
)

// runs notes the calls of receivers and functions, in order.
type runs []string

func (r *runs) receiver(name string, then func(e signals.SaveEvent[*Order]) error) signals.Receiver[signals.SaveEvent[*Order]] {
	return func(_ context.Context, e signals.SaveEvent[*Order]) error {
		*r = append(*r, name+" "+e.Instance.Item)
		if then != nil {
			return then(e)
		}
		return nil
	}
}

// bothWays runs work in a transaction that commits, and in one whose commit is captured, and wants the same of both.
func bothWays(t *testing.T, connect func(db *gorm.DB, r *runs), work func(tx *gorm.DB), want ...string) {
	t.Helper()
	t.Helper()
	for _, captured := range []bool{false, true} {
		db, r := open(t), &runs{}
		connect(db, r)
		tx := db.Begin()
		waiting := signalstest.CaptureCommit(t, tx)
		work(tx)
		if captured {
			waiting.Run()
			waiting.Want()
			require.NoError(t, tx.Rollback().Error)
		} else {
			require.NoError(t, tx.Commit().Error)
		}
		assert.Equal(t, want, []string(*r), "captured: %t", captured)
	}
}

func TestACapturedRunIsAsACommit(t *testing.T) {
	t.Parallel()
	bothWays(t, func(db *gorm.DB, r *runs) {
		orders := signals.For[Order](db)
		orders.PostSave.Connect(r.receiver("bill", func(e signals.SaveEvent[*Order]) error {
			if e.Instance.Item != "order" {
				return nil
			}
			return errors.Join(e.DB().Create(&Order{Item: "invoice"}).Error, signals.OnCommit(e.DB(), func(context.Context) error {
				*r = append(*r, "function")
				return nil
			}))
		}), signals.AfterCommit())
		orders.PostSave.Connect(r.receiver("mail", nil), signals.AfterCommit())
	}, func(tx *gorm.DB) {
		require.NoError(t, tx.Create(&Order{Item: "order"}).Error)
		require.NoError(t, tx.Create(&Order{Item: "lamp"}).Error)
	}, "bill order", "bill invoice", "mail invoice", "function", "mail order", "bill lamp", "mail lamp")
}

func TestACapturedFunctionQueuesInTurn(t *testing.T) {
	t.Parallel()
	db := open(t)
	var ran []string
	tx := db.Begin()
	defer tx.Rollback()
	waiting := signalstest.CaptureCommit(t, tx)
	require.NoError(t, signals.OnCommit(tx, func(context.Context) error {
		ran = append(ran, "first")
		return signals.OnCommit(tx, func(context.Context) error {
			ran = append(ran, "in turn")
			return nil
		})
	}))
	require.NoError(t, signals.OnCommit(tx, func(context.Context) error {
		ran = append(ran, "last")
		return nil
	}))
	waiting.Run()
	assert.Equal(t, []string{"first", "in turn", "last"}, ran)
}

func TestCaptureSeesWhatComesAfterARollbackToAnEarlierSavepoint(t *testing.T) {
	t.Parallel()
	db, r := open(t), &runs{}
	signals.For[Order](db).PostSave.Connect(r.receiver("mail", nil), signals.AfterCommit(), signals.UID("mail"))
	tx := db.Begin()
	defer tx.Rollback()
	require.NoError(t, tx.SavePoint("start").Error)
	require.NoError(t, tx.Create(&[]Order{{Item: "fixture"}, {Item: "another"}}).Error)
	require.NoError(t, tx.Create(&Order{Item: "a third"}).Error)
	waiting := signalstest.CaptureCommit(t, tx)
	require.NoError(t, tx.Create(&Order{Item: "undone"}).Error)
	require.NoError(t, tx.RollbackTo("start").Error)
	waiting.Want()
	require.NoError(t, tx.Create(&Order{Item: "lamp"}).Error)
	waiting.Want("post_save Order to mail")
	waiting.Run()
	assert.Equal(t, runs{"mail lamp"}, *r)
}

func TestWhatWaitedBeforeTheCaptureStillWaits(t *testing.T) {
	t.Parallel()
	db, r := open(t), &runs{}
	orders := signals.For[Order](db)
	orders.PostSave.Connect(r.receiver("check", nil), signals.BeforeCommit())
	orders.PostSave.Connect(r.receiver("mail", nil), signals.AfterCommit())
	tx := db.Begin()
	require.NoError(t, tx.Create(&Order{Item: "fixture"}).Error)
	waiting := signalstest.CaptureCommit(t, tx)
	require.NoError(t, tx.Create(&Order{Item: "lamp"}).Error)
	waiting.Run()
	require.NoError(t, tx.Commit().Error)
	assert.Equal(t, runs{"check lamp", "mail lamp", "check fixture", "mail fixture"}, *r)
}

func TestListNamesTheReceiversThatWillRun(t *testing.T) {
	t.Parallel()
	db, r := open(t), &runs{}
	orders := signals.For[Order](db)
	require.NoError(t, db.Create(&[]Order{{Item: "a"}, {Item: "b"}}).Error)
	connect := func(name string, opts ...signals.ConnectOption) {
		orders.PostSave.Connect(r.receiver(name, nil), append(opts, signals.UID(name))...)
	}
	connect("item", signals.AfterCommit(), signals.Fields("Item"))
	connect("net", signals.AfterCommit(), signals.Net())
	connect("net item", signals.AfterCommit(), signals.Net(), signals.Fields("Item"))
	connect("check item", signals.BeforeCommit(), signals.Fields("Item"))
	connect("undo", signals.AfterRollback())
	orders.PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Order]) error {
		for _, e := range events {
			*r = append(*r, "batch "+e.Instance.Item)
		}
		return nil
	}, signals.AfterCommit(), signals.UID("batch"), signals.Fields("Item"))
	tx := db.Begin()
	waiting := signalstest.CaptureCommit(t, tx)
	muted := tx.WithContext(signals.Mute(t.Context(), "item", "check item"))
	require.NoError(t, tx.Model(&Order{ID: 1}).Update("deleted_at", nil).Error) // nothing changes
	require.NoError(t, tx.Model(&Order{ID: 1}).Update("item", "c").Error)
	require.NoError(t, muted.Model(&Order{ID: 1}).Update("item", "a").Error)                // as it was
	require.NoError(t, muted.Model(&Order{ID: 2}).Update("item", "d").Error)                // another
	require.NoError(t, tx.WithContext(signals.Mute(t.Context())).Save(&Order{ID: 2}).Error) // all are mute
	assert.ElementsMatch(t, []string{
		"post_save Order to check item before the commit",
		"post_save Order to item",
		"post_save Order to batch", "post_save Order to batch", "post_save Order to batch",
		"post_save Order to net", "post_save Order to net item",
	}, waiting.List())
	n := len(waiting.List())
	waiting.Run()
	assert.Len(t, *r, n, "%q", *r)
	require.NoError(t, tx.Rollback().Error)
	assert.Len(t, *r, n, "what ran as committed is not rolled back")
}

func TestReceiversBeforeTheCommitRunFirstInACapturedRun(t *testing.T) {
	t.Parallel()
	bothWays(t, func(db *gorm.DB, r *runs) {
		orders := signals.For[Order](db)
		orders.PostSave.Connect(r.receiver("mail", nil), signals.AfterCommit())
		orders.PostSave.Connect(r.receiver("check", func(e signals.SaveEvent[*Order]) error {
			if e.Instance.Item == "order" {
				return e.DB().Create(&Order{Item: "audit"}).Error
			}
			return nil
		}), signals.BeforeCommit())
	}, func(tx *gorm.DB) {
		require.NoError(t, tx.Create(&Order{Item: "order"}).Error)
		require.NoError(t, tx.Create(&Order{Item: "lamp"}).Error)
	}, "check order", "check lamp", "check audit", "mail order", "mail lamp", "mail audit")
}

func TestAReceiverThatRefusesTheCommitFailsTheTest(t *testing.T) {
	t.Parallel()
	db, r, fails := open(t), &runs{}, &failing{TB: t}
	orders := signals.For[Order](db)
	orders.PostSave.Connect(r.receiver("mail", nil), signals.AfterCommit())
	orders.PostSave.Connect(r.receiver("check", func(signals.SaveEvent[*Order]) error { return errors.New("sold out") }), signals.BeforeCommit())
	tx := db.Begin()
	defer tx.Rollback()
	waiting := signalstest.CaptureCommit(fails, tx)
	require.NoError(t, tx.Create(&Order{Item: "lamp"}).Error)
	waiting.Run()
	require.Len(t, fails.messages, 1)
	assert.Contains(t, fails.messages[0], "before the captured commit")
	assert.Contains(t, fails.messages[0], "sold out")
	assert.Equal(t, runs{"check lamp"}, *r)
	waiting.Want()
}
