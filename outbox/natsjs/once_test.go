package natsjs_test

import (
	"context"
	"testing"
	"time"

	"github.com/gorm-signals/signals/outbox"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox/natsjs"
)

// effect is a row that a handler writes.
type effect struct {
	ID    uint
	Event string
	By    string
}

func TestOverlappingPatternsOfOneOnCallItsFunctionOnce(t *testing.T) {
	t.Parallel()
	nc, sink := newBroker(t).stream()
	db := openDB(t)
	require.NoError(t, db.AutoMigrate(&effect{}))
	sub := subscriber(nc, natsjs.Inbox(db))
	require.NoError(t, sub.Migrate(t.Context()))
	by := func(name string) func(ctx context.Context, e outbox.Event[struct{ N int }]) error {
		return func(_ context.Context, e outbox.Event[struct{ N int }]) error {
			return e.DB().Session(&gorm.Session{NewDB: true}).Create(&effect{Event: e.ID, By: name}).Error
		}
	}
	outbox.On(sub, by("first"), "com.acme.products.*.v1", "com.acme.products.updated.v1", "com.acme.orders.*", "com.acme.products.*.v1")
	outbox.On(sub, by("second"), "com.acme.*.deleted.v1", "com.acme.products.updated.v1", "")
	start(t, sub)
	send(t, sink, event("a", 1), event("a", 2))
	require.Eventually(t, func() bool {
		var n int64
		return db.Model(&effect{}).Where("event = ?", "a-2").Count(&n).Error == nil && n > 0
	}, patience, 5*time.Millisecond)
	settled(t, nc)
	var all []effect
	require.NoError(t, db.Order("id").Find(&all).Error)
	for i := range all {
		all[i].ID = 0
	}
	assert.Equal(t, []effect{{0, "a-1", "first"}, {0, "a-1", "second"}, {0, "a-2", "first"}, {0, "a-2", "second"}}, all)
}
