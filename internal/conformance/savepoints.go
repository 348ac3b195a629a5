package conformance

import (
	"context"
	"strconv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// savepointCases are about savepoints.
func savepointCases() []Case {
	return []Case{
		{"nested rollback", "A nested transaction that rolls back discards its deferred receivers; the outer ones run.", nestedRollback},
		{"nested rollback outside", "A rollback of the outer transaction undoes what nested ones have queued.", outerRollback},
		{"savepoint by hand", "SavePoint and RollbackTo cut the queue there.", savepointByHand},
		{"savepoint by sql", "Savepoints that are executed as SQL count too.", savepointBySQL},
		{"write after a nested rollback", "What is written after a rolled back savepoint belongs to the outer transaction.", writeAfterRollback},
		{"savepoint of one name", "The innermost savepoint of a name wins, and stays after a rollback to it.", savepointOfOneName},
		{"savepoints of hooks", "GORM hooks that write do not disturb the savepoint of the write that they belong to.", savepointsOfHooks},
	}
}

func nestedRollback(c *C) {
	hearOutcomes(c)
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, create(c, tx, &Item{Name: "a"}))
		require.ErrorIs(c, tx.Transaction(func(tx *gorm.DB) error {
			require.NoError(c, create(c, tx, &Item{Name: "b"}))
			return errRefused
		}), errRefused)
		return create(c, tx, &Item{Name: "c"})
	}))
	if c.differs("DisableNestedTransaction") {
		c.want(each("committed Item ", "a 0 created", "b 0 created", "c 0 created"))
		stored[Item](c, "a 0", "b 0", "c 0")
		return
	}
	c.want(line("undone Item b 0 created"), each("committed Item ", "a 0 created", "c 0 created"))
	stored[Item](c, "a 0", "c 0")
}

func outerRollback(c *C) {
	hearOutcomes(c)
	require.ErrorIs(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, create(c, tx, &Item{Name: "a"}))
		require.NoError(c, tx.Transaction(func(tx *gorm.DB) error { return create(c, tx, &Item{Name: "b"}) }))
		return errRefused
	}), errRefused)
	c.want(each("undone Item ", "b 0 created", "a 0 created"))
	stored[Item](c)
}

func savepointByHand(c *C) {
	hearOutcomes(c)
	hearEnds[Item](c, "before", signals.BeforeCommit())
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, create(c, tx, &Item{Name: "a"}))
		require.NoError(c, tx.SavePoint("here").Error)
		require.NoError(c, create(c, tx, &Item{Name: "b"}))
		require.NoError(c, tx.RollbackTo("here").Error)
		return nil
	}))
	c.want([]string{"before Item a 0 created", "undone Item b 0 created", "committed Item a 0 created"})
	stored[Item](c, "a 0")
}

func savepointBySQL(c *C) {
	hearOutcomes(c)
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, tx.Exec("SAVEPOINT here").Error)
		require.NoError(c, create(c, tx, &Item{Name: "a"}))
		require.NoError(c, tx.Exec("SAVEPOINT there").Error)
		require.NoError(c, create(c, tx, &Item{Name: "b"}))
		require.NoError(c, tx.Exec("RELEASE SAVEPOINT there").Error)
		require.NoError(c, tx.Exec("ROLLBACK TO SAVEPOINT here").Error)
		return create(c, tx, &Item{Name: "c"})
	}))
	c.want(each("undone Item ", "b 0 created", "a 0 created"), line("committed Item c 0 created"))
	stored[Item](c, "c 0")
}

func writeAfterRollback(c *C) {
	hearOutcomes(c)
	require.ErrorIs(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, tx.SavePoint("here").Error)
		require.NoError(c, create(c, tx, &Item{Name: "a"}))
		require.NoError(c, tx.RollbackTo("here").Error)
		require.NoError(c, create(c, tx, &Item{Name: "b"}))
		return errRefused
	}), errRefused)
	c.want(each("undone Item ", "b 0 created", "a 0 created"))
	stored[Item](c)
}

func savepointOfOneName(c *C) {
	hearOutcomes(c)
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		require.NoError(c, tx.SavePoint("here").Error)
		require.NoError(c, create(c, tx, &Item{Name: "a"}))
		require.NoError(c, tx.SavePoint("here").Error)
		require.NoError(c, create(c, tx, &Item{Name: "b"}))
		require.NoError(c, tx.RollbackTo("HERE").Error)
		require.NoError(c, create(c, tx, &Item{Name: "c"}))
		require.NoError(c, tx.RollbackTo("here").Error)
		return nil
	}))
	c.want(each("undone Item ", "c 0 created", "b 0 created"), line("committed Item a 0 created"))
	stored[Item](c, "a 0")
}

// savepointsOfHooks updates and deletes rows in hooks of writes that update and delete rows. Each of these writes takes several statements, so each
// has a savepoint.
func savepointsOfHooks(c *C) {
	tables(c, &Hooked{}, &Item{})
	signals.For[Hooked](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Hooked]) error {
		e.Instance.Name += strconv.Itoa(int(e.Instance.ID % 10)) // each row gets a statement of its own
		return nil
	})
	signals.For[Item](c.DB).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Item]) error {
		e.Instance.Price += int64(e.Instance.Stock)
		return nil
	})
	hearEnds[Hooked](c, "post")
	hearEnds[Item](c, "post")
	require.NoError(c, createAll(c, c.DB, &[]Hooked{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}}))
	require.NoError(c, createAll(c, c.DB, &[]Item{{Name: "c", Stock: 3}, {Name: "d", Stock: 4}}))
	c.heard()
	require.NoError(c, c.transaction(c.DB, func(tx *gorm.DB) error {
		row := &Hooked{Heard: func(hook string) {
			var err error
			switch hook {
			case "AfterSave":
				_, err = update[Item](c, tx, "price", 10, "stock > ?", 0)
			case "AfterDelete":
				_, err = remove[Item](c, tx, "stock > ?", 0)
			}
			require.NoError(c, err)
		}}
		require.NoError(c, tx.Model(row).Where("name LIKE ?", "%").Update("name", "e").Error)
		assert.ElementsMatch(c, []string{"post Item c 13 updated", "post Item d 14 updated", "post Hooked e1 updated", "post Hooked e2 updated"}, c.heard())
		require.NoError(c, tx.Where("name LIKE ?", "e%").Delete(row).Error)
		assert.ElementsMatch(c, []string{"post Item c 13 deleted", "post Item d 14 deleted", "post Hooked e1 deleted", "post Hooked e2 deleted"}, c.heard())
		return nil
	}))
	stored[Hooked](c)
	stored[Item](c)
}
