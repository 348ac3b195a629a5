package django_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Thing is a row that a function queued beside it notifies of.
type Thing struct {
	ID  uint
	Num int
}

// things is a database with what was notified so far.
type things struct {
	t        *testing.T
	db       *gorm.DB
	notified []int
	handled  []error // what ErrorHandler was told
}

func newThings(t *testing.T, config *gorm.Config) *things {
	t.Helper()
	th := &things{t: t}
	plugin := signals.Plugin{ErrorHandler: func(_ context.Context, err error) { th.handled = append(th.handled, err) }}
	th.db = testkit.OpenWith(t, config, plugin, &Thing{})
	return th
}

func (th *things) notify(num int) { th.notified = append(th.notified, num) }

// do creates a Thing and notifies of it after the commit.
func (th *things) do(tx *gorm.DB, num int) {
	th.t.Helper()
	create(th.t, tx, &Thing{Num: num})
	th.onCommit(tx, func(context.Context) error {
		th.notify(num)
		return nil
	})
}

func (th *things) onCommit(tx *gorm.DB, fn func(context.Context) error) {
	th.t.Helper()
	require.NoError(th.t, signals.OnCommit(tx, fn))
}

// atomic runs fn in a transaction that commits, or in a savepoint that is kept.
func (th *things) atomic(db *gorm.DB, fn func(tx *gorm.DB)) {
	th.t.Helper()
	require.NoError(th.t, db.Transaction(func(tx *gorm.DB) error {
		fn(tx)
		return nil
	}))
}

// failing runs fn in a transaction or savepoint that ends with an error.
func (th *things) failing(db *gorm.DB, fn func(tx *gorm.DB)) {
	th.t.Helper()
	forced := errors.New("forced")
	require.ErrorIs(th.t, db.Transaction(func(tx *gorm.DB) error {
		fn(tx)
		return forced
	}), forced)
}

func (th *things) assertNotified(nums ...int) {
	th.t.Helper()
	assert.Equal(th.t, nums, th.notified)
}

// assertDone compares with what was notified and with what is stored.
func (th *things) assertDone(nums ...int) {
	th.t.Helper()
	th.assertNotified(nums...)
	var stored []int
	require.NoError(th.t, th.db.Model(&Thing{}).Pluck("num", &stored).Error)
	assert.ElementsMatch(th.t, nums, stored)
}
