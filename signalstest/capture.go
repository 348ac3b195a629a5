package signalstest

import (
	"context"
	"slices"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
)

// Captured is what waits for the commit of a transaction, from CaptureCommit on.
type Captured struct {
	tb   testing.TB
	tx   *pool.Tx
	from int
}

// CaptureCommit watches what is queued for the commit of tx from now on: AfterCommit receivers and OnCommit functions. It
// is for tests that do their work in a transaction and roll it back, where nothing would ever run:
//
//	tx := db.Begin()
//	defer tx.Rollback()
//	waiting := signalstest.CaptureCommit(t, tx)
//	placeOrder(tx)
//	waiting.Run()
//
// The test fails at once when tx is no transaction that the plugin follows.
func CaptureCommit(tb testing.TB, tx *gorm.DB) *Captured {
	tb.Helper()
	found, _ := pool.Find(tx.Statement.ConnPool)
	if found == nil {
		tb.Fatal("signalstest: CaptureCommit needs a transaction begun on a database with signals.Plugin: use db.Begin")
		return nil
	}
	return &Captured{tb: tb, tx: found, from: found.Queue.Len()}
}

// List describes what waits, in order: "post_save Product to mail-new-product", "function queued at shop.go:12".
func (c *Captured) List() []string {
	var lines []string
	c.tx.Queue.Each(c.from, func(action any) {
		if a, ok := action.(interface{ Waiting() []string }); ok {
			lines = append(lines, a.Waiting()...)
		}
	})
	return lines
}

// Run runs what waits as if the transaction had committed, and takes it out of the queue. Receivers see the transaction's
// own rows: their sessions are inside it. An error of one fails the test and does not keep the next from running.
func (c *Captured) Run() {
	c.tb.Helper()
	c.tx.Capture(c.from, func(_ context.Context, err error) {
		c.tb.Errorf("signalstest: after the captured commit: %v", err)
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
