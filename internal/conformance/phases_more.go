package conformance

import (
	"context"
	"database/sql"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

func writesAfterCommit(c *C) {
	tables(c, &Item{}, &Audit{})
	hearEnds[Audit](c, "committed", signals.AfterCommit())
	signals.For[Item](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		if err := signals.OnCommit(e.DB(), func(context.Context) error { c.say("queued"); return nil }); err != nil {
			return err
		}
		if err := e.DB().Create(&Audit{Text: "plain"}).Error; err != nil {
			return err
		}
		return c.transaction(e.DB(), func(tx *gorm.DB) error {
			if err := tx.Create(&Audit{Text: "in a transaction"}).Error; err != nil {
				return err
			}
			return signals.OnCommit(tx, func(context.Context) error { c.say("function"); return nil })
		})
	}, signals.AfterCommit())
	require.NoError(c, create(c, c.DB, &Item{}))
	c.want([]string{"committed Audit plain created", "committed Audit in a transaction created", "function", "queued"})
	stored[Audit](c, "plain", "in a transaction")
}

func failingAfterCommit(c *C) {
	tables(c, &Item{})
	items := signals.For[Item](c.DB)
	items.PostSave.Connect(refuse[signals.SaveEvent[*Item]], signals.AfterCommit())
	items.PostSave.Connect(func(context.Context, signals.SaveEvent[*Item]) error { panic("at the disco") }, signals.AfterCommit())
	items.PostSave.Connect(note[signals.SaveEvent[*Item]](c, "third"), signals.AfterCommit())
	require.NoError(c, create(c, c.DB, &Item{Name: "a"}))
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error { return create(c, tx, &Item{Name: "b"}) }))
	c.want([]string{"third", "third"})
	stored[Item](c, "a 0", "b 0")
}

func onCommit(c *C) {
	say := func(text string, err error) func(context.Context) error {
		return func(context.Context) error { c.say("%s", text); return err }
	}
	require.ErrorIs(c, signals.OnCommit(c.DB, say("now", errRefused)), errRefused)
	c.want(line("now"))
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, signals.OnCommit(tx, say("outer", errRefused)))
		require.NoError(c, tx.Transaction(func(tx *gorm.DB) error { return signals.OnCommit(tx, say("inner", nil)) }))
		c.want()
		return nil
	}))
	c.want([]string{"outer", "inner"})
	require.ErrorIs(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, signals.OnCommit(tx, say("never", nil)))
		return errRefused
	}), errRefused)
	c.want()
}

func onRollback(c *C) {
	say := func(text string) func(context.Context) error {
		return func(context.Context) error { c.say("%s", text); return nil }
	}
	require.NoError(c, signals.OnRollback(c.DB, say("never")))
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error { return signals.OnRollback(tx, say("never")) }))
	c.want()
	require.ErrorIs(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, signals.OnRollback(tx, say("first")))
		require.NoError(c, signals.OnRollback(tx, say("second")))
		return errRefused
	}), errRefused)
	c.want([]string{"second", "first"})
}

func afterTheEnd(c *C) {
	tx := c.DB.Begin()
	require.NoError(c, tx.Commit().Error)
	want := sql.ErrTxDone
	if c.differs("TrackExplicit") {
		want = signals.ErrUntracked
	}
	require.ErrorIs(c, signals.OnCommit(tx, func(context.Context) error { return nil }), want)
	require.ErrorIs(c, signals.OnRollback(tx, func(context.Context) error { return nil }), want)
}

func net(c *C) {
	rows := seed(c, "abc")
	signals.For[Item](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		original, err := e.Original()
		if e.Created {
			original = &Item{Name: "nothing"}
		}
		c.say("%s to %s %s", original, e.Instance, kindOf(e))
		return err
	}, signals.AfterCommit(), signals.Net())
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		created, gone := Item{Name: "new"}, Item{Name: "gone"}
		require.NoError(c, create(c, tx, &created))
		require.NoError(c, tx.Model(&created).Update("price", 5).Error)
		require.NoError(c, create(c, tx, &gone))
		require.NoError(c, tx.Delete(&gone).Error)
		require.NoError(c, tx.Model(&rows[0]).Update("price", 8).Error)
		require.NoError(c, tx.Model(&rows[0]).Update("price", 9).Error)
		require.NoError(c, tx.Model(&rows[1]).Update("price", 8).Error)
		require.NoError(c, tx.Model(&rows[1]).Update("price", 2).Error)
		return nil
	}))
	c.wantSame(line("nothing 0 to new 5 created"), line("a 1 to a 9 updated"))
	stored[Item](c, "a 9", "b 2", "c 3", "new 5")
}

func batchAfterCommit(c *C) {
	tables(c, &Item{})
	signals.For[Item](c.DB).PostSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*Item]) error {
		for _, e := range events {
			c.say("%s of %d", e.Instance, len(events))
		}
		return nil
	}, signals.AfterCommit())
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, createAll(c, tx, &[]Item{{Name: "a"}, {Name: "b"}}))
		_, err := update[Item](c, tx, "price", 1, "name = ?", "a")
		return err
	}))
	c.want([]string{"a 0 of 3", "b 0 of 3", "a 1 of 3"})
}

func batchesInOneTransaction(c *C) {
	tables(c, &Item{})
	hearEnds[Item](c, "written")
	hearEnds[Item](c, "committed", signals.AfterCommit())
	err := createBatches(c, c.DB, &[]Item{{Name: "a"}, {Name: "b"}}, 1)
	require.NoError(c, err)
	rows := []string{"a 0 created", "b 0 created"}
	if c.differs("SkipDefaultTransaction") {
		c.want(line("written Item a 0 created"), line("committed Item a 0 created"), line("written Item b 0 created"), line("committed Item b 0 created"))
		return
	}
	c.want(each("written Item ", rows...), each("committed Item ", rows...))
}

func connection(c *C) {
	tables(c, &Item{})
	hearEnds[Item](c, "committed", signals.AfterCommit())
	require.NoError(c, c.DB.Connection(func(tx *gorm.DB) error { return create(c, tx, &Item{Name: "a"}) }))
	c.want(line("committed Item a 0 created"))
	require.ErrorIs(c, c.DB.Connection(func(tx *gorm.DB) error {
		return tx.Transaction(func(tx *gorm.DB) error { return create(c, tx, &Item{Name: "b"}) })
	}), signals.ErrUntracked)
	c.want()
	require.NoError(c, c.DB.Connection(func(tx *gorm.DB) error {
		return signals.Transaction(tx, func(tx *gorm.DB) error { return create(c, tx, &Item{Name: "c"}) })
	}))
	c.want(line("committed Item c 0 created"))
	stored[Item](c, "a 0", "c 0")
}

func trackedTransaction(c *C) {
	hearOutcomes(c)
	require.NoError(c, signals.Transaction(c.DB, func(tx *gorm.DB) error { return create(c, tx, &Item{Name: "a"}) }))
	require.ErrorIs(c, signals.Transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, create(c, tx, &Item{Name: "b"}))
		return errRefused
	}), errRefused)
	c.want([]string{"committed Item a 0 created", "undone Item b 0 created"})
	assert.NotNil(c, c.DB)
	stored[Item](c, "a 0")
}
