package signalstest

import (
	"slices"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
)

// Captured holds what waits for the commit of a transaction, since CaptureCommit.
type Captured struct {
	tb   testing.TB
	tx   *pool.Tx
	from int // a place in the transaction's queue
}

// CaptureCommit captures what waits for the commit of tx from now on: BeforeCommit and AfterCommit receivers, and OnCommit functions. It is for tests
// that work in a transaction and roll it back, where none of these would ever run:
//
//	tx := db.Begin()
//	defer tx.Rollback()
//	waiting := signalstest.CaptureCommit(t, tx)
//	placeOrder(tx)
//	waiting.Run()
//
// Run also runs receivers on lanes, on its own goroutine. After a rollback to a savepoint, receivers and functions since then no longer wait. The
// test fails at once if the plugin does not follow tx as a transaction.
func CaptureCommit(tb testing.TB, tx *gorm.DB) *Captured {
	tb.Helper()
	found, _ := pool.Find(tx.Statement.ConnPool)
	if found == nil {
		tb.Fatal("signalstest: CaptureCommit needs a transaction begun on a database with signals.Plugin: use db.Begin")
		return nil
	}
	return &Captured{tb: tb, tx: found, from: found.Queue.Last()}
}

// List describes what Run would run now, in order: "post_save Product to mail-new-product", "function queued at shop.go:12". BeforeCommit receivers
// come first, as in "post_save Product to check-stock before the commit". There is a line for each row and receiver. There is none for a receiver
// that would not be called: it is muted, none of its Fields changes, or it has Net and the row ends as it was.
func (c *Captured) List() []string { return c.tx.Captured().List(c.tx, c.from) }

// Run runs what waits, as if the transaction had committed: first the BeforeCommit receivers, then everything else in order. What receivers and
// functions queue in turn runs as soon as they return. Everything runs only once, and sessions of receivers are inside the transaction.
//
// Each error fails the test. After an error of a BeforeCommit receiver nothing else runs, because the transaction would be rolled back. After any
// other error the next receiver runs.
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

// Want fails the test unless List returns these lines. It reports whether List does.
func (c *Captured) Want(lines ...string) bool {
	c.tb.Helper()
	if got := c.List(); !slices.Equal(got, lines) {
		c.tb.Errorf("waiting for the commit: wanted %s, but there was %s", list(lines), list(got))
		return false
	}
	return true
}
