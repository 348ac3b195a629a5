package outbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

func TestEventsOfRowsInAnotherTableCarryThatTable(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	require.NoError(t, db.Table("old*>/,ä").AutoMigrate(&Product{}))
	old := db.Table("old*>/,ä").Session(&gorm.Session{})
	ob := install(t, db, outbox.Config{})
	outbox.Publish[Product](ob)
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil }, outbox.Durable(ob, "search"))
	require.NoError(t, db.Create(&Product{ID: 1, Name: "new"}).Error)
	require.NoError(t, old.Create(&Product{ID: 1, Name: "old"}).Error)
	require.NoError(t, old.Model(&Product{ID: 1}).Update("name", "older").Error)
	require.NoError(t, old.Delete(&Product{ID: 1}).Error)
	const subject = "old%2A%3E%2F%2C%C3%A4/1"
	assert.ElementsMatch(t, []string{
		"products.created.v1 products/1", "search post_save products products/1",
		"products.created.v1 " + subject, "search post_save products " + subject,
		"products.updated.v1 " + subject, "search post_save products " + subject,
		"products.deleted.v1 " + subject,
	}, kept(t, db))
	sink := &memory{}
	_, err := ob.Relay(sink).Drain(t.Context())
	require.NoError(t, err)
	messages := sink.messages()
	require.Len(t, messages, 4)
	assert.Equal(t, "products", messages[0].Table())
	assert.Equal(t, "old*>/,ä", messages[1].Table())
	assert.Equal(t, []string{"1"}, messages[1].Key())
}

func TestAnEventThatFailsHoldsUpNoRowOfAnotherTable(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	require.NoError(t, db.Table("products_old").AutoMigrate(&Product{}))
	ob := install(t, db, outbox.Config{Backoff: func(int) time.Duration { return time.Hour }})
	outbox.Publish[Product](ob)
	h := &heard{}
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Instance.Name == "bad" {
			return errBoom
		}
		h.add("%s in %s", e.Instance.Name, e.Table())
		return nil
	}, outbox.Durable(ob, "search"))
	for _, db := range []*gorm.DB{db, db.Table("products_old").Session(&gorm.Session{})} {
		name := "bad"
		if db.Statement.Table != "" {
			name = "good"
		}
		require.NoError(t, db.Create(&Product{ID: 1, Name: name}).Error)
		require.NoError(t, db.Model(&Product{ID: 1}).Update("name", "later").Error)
	}
	assert.Equal(t, []string{"good in products_old", "later in products_old"}, h.lines())

	sink := &memory{refuse: func(m outbox.Message) error {
		if m.Table() == "products" {
			return errors.New("no")
		}
		return nil
	}}
	relay := ob.Relay(sink)
	for range 2 {
		_, err := relay.Drain(t.Context())
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"products_old/1 created", "products_old/1 updated"}, sink.lines())
}

func TestDropStaleKeepsTheRowsOfTwoTablesApart(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	require.NoError(t, db.Table("products_old").AutoMigrate(&Product{}))
	ob := install(t, db, outbox.Config{})
	outbox.Publish[Product](ob)
	require.NoError(t, db.Create(&Product{ID: 1, Name: "new"}).Error)
	require.NoError(t, db.Table("products_old").Create(&Product{ID: 1, Name: "old"}).Error)
	sink := &memory{}
	_, err := ob.Relay(sink).Drain(t.Context())
	require.NoError(t, err)
	inbox := outbox.NewInbox(db, "mails", outbox.DropStale())
	require.NoError(t, inbox.Migrate(t.Context()))
	handled := 0
	for _, i := range []int{1, 0} { // the consumer gets them in reverse order
		require.NoError(t, inbox.Handle(t.Context(), sink.messages()[i], func(context.Context, outbox.Message) error {
			handled++
			return nil
		}))
	}
	assert.Equal(t, 2, handled)
}
