package conformance

import (
	"context"
	"database/sql"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// phaseCases are about receivers that wait for the end of a transaction.
func phaseCases() []Case {
	return []Case{
		{"after an implicit commit", "An AfterCommit receiver runs when the call has committed, and reads the row outside the transaction.", afterImplicitCommit},
		{"after an explicit commit", "AfterCommit receivers wait for the outermost commit and run in the order in which they were queued.", afterExplicitCommit},
		{"after a rollback", "A rollback discards AfterCommit receivers and runs AfterRollback ones in reverse.", afterRollback},
		{"begin and commit", "Begin, Commit and Rollback by hand are followed as db.Transaction is.", beginAndCommit},
		{"before commit", "A BeforeCommit receiver runs in the transaction just before the outermost COMMIT, and so do those of what it writes.", beforeCommit},
		{"veto before commit", "An error or a panic of a BeforeCommit receiver rolls the transaction back and is its error.", vetoBeforeCommit},
		{"panic in a transaction", "A panic in a transaction rolls back; nothing runs as committed.", panicInTransaction},
		{"commit of a cancelled context", "A transaction whose context is cancelled does not commit; nothing runs as committed.", commitOfCancelled},
		{"failed statement", "A write that fails queues nothing.", failedStatement},
		{"snapshot", "The event of a deferred receiver is a snapshot of the moment of the write.", snapshot},
		{"context after commit", "A deferred receiver gets the values of the context without its cancellation.", contextAfterCommit},
		{"context before commit", "The context that a BeforeCommit receiver got stays the transaction's when the transaction has ended.", contextBeforeCommit},
		{"writes after commit", "A deferred receiver may write, open transactions and queue more.", writesAfterCommit},
		{"failing after commit", "A deferred receiver that fails or panics does not fail the write, and the next one runs.", failingAfterCommit},
		{"on commit", "OnCommit waits for the outermost commit; in no transaction it runs at once and returns its error.", onCommit},
		{"on rollback", "OnRollback functions run after the rollback, in reverse; in no transaction never.", onRollback},
		{"after the end", "OnCommit on a transaction that has ended is ErrTxDone.", afterTheEnd},
		{"net", "Net makes one event of all writes of a row in a transaction.", net},
		{"batch after commit", "A batch receiver after the commit is called once per transaction.", batchAfterCommit},
		{"batches in one transaction", "CreateInBatches is one transaction: its AfterCommit receivers run at its end.", batchesInOneTransaction},
		{"sql transaction", "SQLTx gives the *sql.Tx of a transaction, and none outside.", sqlTransaction},
		{"connection", "In db.Connection an explicit transaction cannot be followed: deferred receivers are refused with ErrUntracked, except in signals.Transaction.", connection},
		{"tracked transaction", "signals.Transaction is db.Transaction, followed to its end.", trackedTransaction},
	}
}

// hearOutcomes notes the events of items for AfterCommit and AfterRollback receivers.
func hearOutcomes(c *C) {
	tables(c, &Item{})
	hearEnds[Item](c, "committed", signals.AfterCommit())
	hearEnds[Item](c, "undone", signals.AfterRollback())
}

func afterImplicitCommit(c *C) {
	tables(c, &Item{})
	signals.For[Item](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		_, inside := signals.SQLTx(e.DB())
		var row Item
		err := c.live(e.DB()).First(&row, e.Instance.ID).Error
		c.say("%s, in a transaction %t", &row, inside)
		return err
	}, signals.AfterCommit())
	hearEnds[Item](c, "before", signals.BeforeCommit())
	signals.For[Item](c.DB).PostDelete.Connect(note[signals.DeleteEvent[*Item]](c, "committed"), signals.AfterCommit())
	require.NoError(c, create(c, c.DB, &Item{Name: "lamp"}))
	c.want([]string{"before Item lamp 0 created", "lamp 0, in a transaction false"})
	_, err := update[Item](c, c.DB, "price", 9, "name = ?", "lamp")
	require.NoError(c, err)
	c.want([]string{"before Item lamp 9 updated", "lamp 9, in a transaction false"})
	_, err = remove[Item](c, c.DB, "name = ?", "lamp")
	require.NoError(c, err)
	c.want([]string{"before Item lamp 9 deleted", "committed"})
}

func afterExplicitCommit(c *C) {
	hearOutcomes(c)
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, create(c, tx, &Item{Name: "a"}))
		require.NoError(c, tx.Transaction(func(tx *gorm.DB) error { return create(c, tx, &Item{Name: "b"}) }))
		_, err := remove[Item](c, tx, "name = ?", "a")
		c.want()
		return err
	}))
	c.want(each("committed Item ", "a 0 created", "b 0 created", "a 0 deleted"))
}

func afterRollback(c *C) {
	hearOutcomes(c)
	require.ErrorIs(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, create(c, tx, &Item{Name: "a"}))
		require.NoError(c, create(c, tx, &Item{Name: "b"}))
		return errRefused
	}), errRefused)
	c.want(each("undone Item ", "b 0 created", "a 0 created"))
	stored[Item](c)
}

func beginAndCommit(c *C) {
	hearOutcomes(c)
	tx := c.DB.Begin()
	if c.differs("TrackExplicit") {
		require.ErrorIs(c, create(c, tx, &Item{Name: "a"}), signals.ErrUntracked)
		require.NoError(c, tx.Rollback().Error)
		c.want()
		return
	}
	require.NoError(c, create(c, tx, &Item{Name: "a"}))
	c.want()
	require.NoError(c, tx.Commit().Error)
	c.want(line("committed Item a 0 created"))
	tx = c.DB.Begin()
	require.NoError(c, create(c, tx, &Item{Name: "b"}))
	require.NoError(c, tx.Rollback().Error)
	c.want(line("undone Item b 0 created"))
	stored[Item](c, "a 0")
}

func beforeCommit(c *C) {
	tables(c, &Item{}, &Audit{})
	hearEnds[Audit](c, "before", signals.BeforeCommit())
	hearEnds[Audit](c, "committed", signals.AfterCommit())
	signals.For[Item](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		c.say("before")
		return e.DB().Create(&Audit{Text: e.Instance.Name}).Error
	}, signals.BeforeCommit())
	hearEnds[Item](c, "committed", signals.AfterCommit())
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, create(c, tx, &Item{Name: "a"}))
		c.want()
		return nil
	}))
	c.want([]string{"before", "before Audit a created", "committed Item a 0 created", "committed Audit a created"})
	stored[Audit](c, "a")
}

func vetoBeforeCommit(c *C) {
	tables(c, &Item{})
	hearEnds[Item](c, "committed", signals.AfterCommit())
	hearEnds[Item](c, "undone", signals.AfterRollback())
	for _, receiver := range []signals.Receiver[signals.SaveEvent[*Item]]{
		refuse[signals.SaveEvent[*Item]], func(context.Context, signals.SaveEvent[*Item]) error { panic(errRefused) },
	} {
		disconnect := signals.For[Item](c.DB).PostSave.Connect(receiver, signals.BeforeCommit())
		require.ErrorIs(c, c.transaction(c.DB, func(tx *gorm.DB) error { return create(c, tx, &Item{Name: "a"}) }), errRefused)
		c.want(line("undone Item a 0 created"))
		stored[Item](c)
		disconnect()
	}
	signals.For[Item](c.DB).PostSave.Connect(refuse[signals.SaveEvent[*Item]], signals.BeforeCommit())
	require.ErrorIs(c, create(c, c.DB, &Item{Name: "b"}), errRefused)
	if c.differs("SkipDefaultTransaction") {
		stored[Item](c, "b 0")
		return
	}
	c.want(line("undone Item b 0 created"))
	stored[Item](c)
}

func panicInTransaction(c *C) {
	hearOutcomes(c)
	assert.PanicsWithValue(c, "out", func() {
		_ = c.transaction(c.DB, func(tx *gorm.DB) error {
			require.NoError(c, create(c, tx, &Item{Name: "a"}))
			panic("out")
		})
	})
	c.want(line("undone Item a 0 created"))
	stored[Item](c)
}

func commitOfCancelled(c *C) {
	hearOutcomes(c)
	ctx, cancel := context.WithCancel(c.Context())
	tx := c.DB.WithContext(ctx).Begin()
	undone := make(chan struct{})
	err := signals.OnRollback(tx, func(ctx context.Context) error { // rollback functions run in reverse order, so this is the last one
		assert.NoError(c, ctx.Err(), "the context keeps no cancellation")
		close(undone)
		return nil
	})
	if c.differs("TrackExplicit") {
		cancel()
		require.ErrorIs(c, err, signals.ErrUntracked)
		require.Error(c, tx.Commit().Error)
		return
	}
	require.NoError(c, err)
	require.NoError(c, create(c, tx, &Item{Name: "a"}))
	cancel()
	<-undone // the context ended, and nobody calls Rollback
	c.want(line("undone Item a 0 created"))
	require.ErrorIs(c, tx.Commit().Error, context.Canceled)
	c.want()
	stored[Item](c)
}

func failedStatement(c *C) {
	tables(c, &Voucher{})
	require.NoError(c, create(c, c.DB, &Voucher{Code: "x"}))
	hearEnds[Voucher](c, "committed", signals.AfterCommit())
	hearEnds[Voucher](c, "undone", signals.AfterRollback())
	require.Error(c, create(c, c.DB, &Voucher{Code: "x"}))
	c.want()
}

func snapshot(c *C) {
	hearOutcomes(c)
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		lamp := Item{Name: "lamp"}
		require.NoError(c, create(c, tx, &lamp))
		lamp.Name = "changed"
		return nil
	}))
	c.want(line("committed Item lamp 0 created"))
	tables(c, &Crate{}, &Twig{})
	hearEnds[Crate](c, "committed", signals.AfterCommit())
	signals.For[Twig](c.DB).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Twig]) error {
		c.say("twig of %s", *e.Instance.TwigName)
		return nil
	}, signals.AfterCommit())
	require.NoError(c, c.DB.Session(&gorm.Session{SkipHooks: true}).Create(&[]Twig{{Name: "a"}, {Name: "b"}}).Error)
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		crate, of := Crate{Labels: []string{"old"}}, "a"
		twig := Twig{Name: "c", TwigName: &of}
		require.NoError(c, create(c, tx, &crate))
		require.NoError(c, create(c, tx, &twig))
		crate.Labels[0], *twig.TwigName = "new", "b"
		return nil
	}))
	c.want([]string{"committed Crate  0x0 [old] 0 created", "twig of a"})
}

// key is the key of a value in a context.
type key struct{}

func contextAfterCommit(c *C) {
	tables(c, &Item{})
	ctx, cancel := context.WithCancel(context.WithValue(c.Context(), key{}, "value"))
	defer cancel()
	signals.For[Item](c.DB).PostSave.Connect(func(ctx context.Context, e signals.SaveEvent[*Item]) error {
		cancel()
		c.say("%v, %v", ctx.Value(key{}), ctx.Err())
		return e.DB().Model(&Item{}).Select("1").Limit(1).Find(&[]int{}).Error
	}, signals.AfterCommit())
	require.NoError(c, c.DB.WithContext(ctx).Create(&Item{}).Error)
	c.want(line("value, <nil>"))
}

func contextBeforeCommit(c *C) {
	tables(c, &Item{})
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	var state func() error
	signals.For[Item](c.DB).PostSave.Connect(func(ctx context.Context, _ signals.SaveEvent[*Item]) error {
		state = ctx.Err
		return nil
	}, signals.BeforeCommit())
	hearEnds[Item](c, "committed", signals.AfterCommit())
	require.NoError(c, c.DB.WithContext(ctx).Create(&Item{Name: "a"}).Error)
	c.want(line("committed Item a 0 created"))
	cancel()
	require.ErrorIs(c, state(), context.Canceled)
}

func sqlTransaction(c *C) {
	_, ok := signals.SQLTx(c.DB)
	assert.False(c, ok)
	tables(c, &Item{})
	count := c.DB.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Model(&Item{}).Select("COUNT(*)").Find(&[]int{}) })
	require.ErrorIs(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, create(c, tx, &Item{Name: "a"}))
		raw, ok := signals.SQLTx(tx)
		require.True(c, ok)
		assert.IsType(c, &sql.Tx{}, raw)
		var rows int
		require.NoError(c, raw.QueryRowContext(c.Context(), count).Scan(&rows))
		c.say("%d rows", rows)
		return errRefused
	}), errRefused)
	c.want(line("1 rows"))
	stored[Item](c)
}
