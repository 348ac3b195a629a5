package signalstest

import (
	"slices"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
)

// Captured is what waits for the commit of a transaction, from CaptureCommit on.
type Captured struct {
	tb   testing.TB
	tx   *pool.Tx
	from int // a place in the transaction's queue
}

// CaptureCommit watches what is queued for the commit of tx from now on: BeforeCommit and AfterCommit receivers and OnCommit functions. It
// is for tests that do their work in a transaction and roll it back, where nothing would ever run:
//
//	tx := db.Begin()
//	defer tx.Rollback()
//	waiting := signalstest.CaptureCommit(t, tx)
//	placeOrder(tx)
//	waiting.Run()
//
// Receivers on lanes run in Run as well, on its goroutine. What a savepoint takes away that is rolled back later waits no more. The test fails at once when tx is no transaction that the plugin
// follows.
func CaptureCommit(tb testing.TB, tx *gorm.DB) *Captured {
	tb.Helper()
	found, _ := pool.Find(tx.Statement.ConnPool)
	if found == nil {
		tb.Fatal("signalstest: CaptureCommit needs a transaction begun on a database with signals.Plugin: use db.Begin")
		return nil
	}
	return &Captured{tb: tb, tx: found, from: found.Queue.Last()}
}

// List describes what Run would run now, in order: "post_save Product to mail-new-product", "function queued at shop.go:12". BeforeCommit
// receivers come first, as in "post_save Product to check-stock before the commit". There is a line for each row and receiver, and none for
// receivers that would not be called: muted ones, those of other Fields, and those with Net for a row that ends as it was.
func (c *Captured) List() []string { return c.tx.Captured().List(c.tx, c.from) }

// Run runs what waits as if the transaction had committed, and takes it out of the queue: first the BeforeCommit receivers, and unless one
// of them fails everything else in order. What receivers and functions queue in turn runs too, as soon as they return. Receivers see the
// transaction's own rows: their sessions are inside it.
//
// An error fails the test. That of a BeforeCommit receiver would roll the transaction back, so that nothing else runs; that of another one
// does not keep the next from running.
func (c *Captured) Run() {
	c.tb.Helper()
	c.tx.Captured().Run(c.tx, c.from, func(before bool, err error) {
		c.tb.Helper()
		if before {
			c.tb.Errorf("signalstest: before the captured commit, which would be a rollback: %v", err)
		} else {
			c.tb.Errorf("signalstest: after the captured commit: %v", err)
		}
	})
}

// Want fails the test unless List is this. It reports whether it was.
func (c *Captured) Want(lines ...string) bool {
	c.tb.Helper()
	if got := c.List(); !slices.Equal(got, lines) {
		c.tb.Errorf("waiting for the commit: wanted %s, but there was %s", list(lines), list(got))
		return false
	}
	return true
}
