package outbox_test

import (
	"context"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gorm-signals/signals/outbox"
)

// ProductName is another struct for the table of Product.
type ProductName struct {
	ID   uint
	Name string
}

// TableName returns the name of the table.
func (ProductName) TableName() string { return "products" }

func TestTwoSignalsDoNotShareAReceiverWhoseNamesAreTheSame(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	h := &heard{}
	names := func(name string) (disconnect func() bool) {
		return signals.For[ProductName](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*ProductName]) error {
			h.add("name %s", e.Instance.Name)
			return nil
		}, outbox.Durable(ob, name))
	}
	onSaved(db, ob, "sync", func(context.Context, saved) error { return errBoom })
	onSaved(db, ob, "sync", func(_ context.Context, e saved) error { h.add("product %s", e.Instance.Name); return nil }) // the same signal: it replaces
	text := panicText(func() { names("sync") })
	assert.Contains(t, text, `"sync" is the name of a receiver of another signal "post_save products"`)
	assert.Contains(t, text, "Give it another name")
	names("sync names")
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, db.Create(&ProductName{Name: "b"}).Error)
	assert.Equal(t, []string{"product a", "name b"}, h.lines())
	require.True(t, signals.For[Product](db).PostSave.Disconnect("sync"))
	names("sync")
	names("sync")
	require.NoError(t, db.Create(&ProductName{Name: "c"}).Error, "a name that nobody has is free")
	assert.Equal(t, []string{"name c", "name c"}, h.lines()[2:])
}

func TestTwoCustomSignalsOfOneNameDoNotShareAReceiver(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	ob := install(t, db, outbox.Config{})
	h := &heard{}
	one, same, other := signals.New[placed]("placed"), signals.New[placed]("placed"), signals.New[string]("placed")
	var receive signals.Receiver[placed] = func(_ context.Context, e placed) error { h.add("%s", e.Note); return nil }
	one.Connect(receive, outbox.Durable(ob, "ship"))
	one.Connect(receive, outbox.Durable(ob, "ship"))
	assert.Contains(t, panicText(func() { same.Connect(receive, outbox.Durable(ob, "ship")) }), `"ship" is the name of a receiver of another signal "placed"`)
	assert.Contains(t, panicText(func() {
		other.Connect(func(context.Context, string) error { return nil }, outbox.Durable(ob, "ship"))
	}), "another call of signals.New")
	// A space in a name does not make it the name of others.
	signals.New[placed]("b c").Connect(receive, outbox.Durable(ob, "a"))
	signals.New[placed]("c").Connect(receive, outbox.Durable(ob, "a b"))
	require.NoError(t, one.SendIn(db, placed{1, "mine"}))
	assert.Equal(t, []string{"mine"}, h.lines())
}
