package conformance

import (
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
