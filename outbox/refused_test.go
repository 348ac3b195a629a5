package outbox_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

type (
	parcel struct {
		Code string `gorm:"primaryKey"`
	}
	reading struct {
		ID    uint
		Value float64
	}
	note    struct{ Text string }
	counter struct{ N int }
)

// TestWhatThePageSaysIsRefusedIsRefused compares the table of docs/outbox.md with what the library does: each message stands on the page.
func TestWhatThePageSaysIsRefusedIsRefused(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/outbox.md")
	require.NoError(t, err)
	receive := func(context.Context, any) error { return nil }
	for message, refused := range map[string]func(t *testing.T, db *gorm.DB, ob *outbox.Outbox) string{
		"the subject of an event has 608 bytes, and the table has room for 512": func(_ *testing.T, db *gorm.DB, ob *outbox.Outbox) string {
			outbox.Publish[parcel](ob)
			return db.Create(&parcel{Code: strings.Repeat("ö", 100)}).Error.Error()
		},
		"Durable needs a primary key": func(_ *testing.T, db *gorm.DB, ob *outbox.Outbox) string {
			return panicText(func() {
				signals.For[note](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*note]) error { return nil }, outbox.Durable(ob, "x"))
			})
		},
		"json: unsupported value: +Inf": func(_ *testing.T, db *gorm.DB, ob *outbox.Outbox) string {
			outbox.Publish[reading](ob)
			return db.Create(&reading{Value: math.Inf(1)}).Error.Error()
		},
		"which type to make of that": func(_ *testing.T, _ *gorm.DB, ob *outbox.Outbox) string {
			return panicText(func() { signals.New[any]("x").Connect(receive, outbox.Durable(ob, "x")) })
		},
		"is the name of a receiver of another signal": func(_ *testing.T, _ *gorm.DB, ob *outbox.Outbox) string {
			signals.New[counter]("x").Connect(func(context.Context, counter) error { return nil }, outbox.Durable(ob, "x"))
			return panicText(func() {
				signals.New[counter]("x").Connect(func(context.Context, counter) error { return nil }, outbox.Durable(ob, "x"))
			})
		},
		"in a transaction of another database": func(t *testing.T, _ *gorm.DB, ob *outbox.Outbox) string {
			t.Helper()
			signal := signals.New[counter]("x")
			signal.Connect(func(context.Context, counter) error { return nil }, outbox.Durable(ob, "x"))
			return signal.SendIn(open(t), counter{}).Error()
		},
		"Config.Headers returned the name": func(t *testing.T, _ *gorm.DB, _ *outbox.Outbox) string {
			t.Helper()
			db, ob := refusing(t, outbox.Config{Source: "/shop", Headers: func(context.Context) map[string]string { return map[string]string{"Trace-Id": "1"} }})
			outbox.Publish[reading](ob)
			return db.Create(&reading{}).Error.Error()
		},
		"has no text": func(t *testing.T, db *gorm.DB, ob *outbox.Outbox) string {
			t.Helper()
			outbox.Publish[reading](ob)
			return db.WithContext(signals.WithActor(t.Context(), counter{1})).Create(&reading{}).Error.Error()
		},
	} {
		t.Run(message, func(t *testing.T) {
			t.Parallel()
			db, ob := refusing(t, outbox.Config{Source: "/shop"})
			assert.Contains(t, refused(t, db, ob), message)
			assert.Contains(t, string(page), message)
		})
	}
}

func TestAllRowsOfAModelWithoutAPrimaryKeyAreOneSubject(t *testing.T) {
	t.Parallel()
	db, ob := refusing(t, outbox.Config{})
	outbox.Publish[note](ob)
	require.NoError(t, db.Create(&[]note{{"a"}, {"b"}}).Error)
	for _, e := range entries(t, db) {
		assert.Equal(t, "notes/", e.Subject)
	}
	assert.Len(t, entries(t, db), 2)
}

// refusing opens a database with the models of this test and an outbox.
func refusing(t *testing.T, cfg outbox.Config) (*gorm.DB, *outbox.Outbox) {
	t.Helper()
	db := open(t, &parcel{}, &reading{}, &note{})
	return db, install(t, db, cfg)
}

func panicText(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}
