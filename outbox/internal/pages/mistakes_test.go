package pages_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/outbox"
)

// Order is the model of docs/mistakes.md.
type Order struct{ ID uint }

// User is an actor without a text.
type User struct{ Name string }

// Editor is an actor with a text.
type Editor struct{ Name string }

// String returns the text.
func (e Editor) String() string { return e.Name }

// open opens a database of its own for a test, with an outbox for whose receivers a write waits.
func open(t *testing.T) (*gorm.DB, *outbox.Outbox) {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "shop.db") + "?_txlock=immediate&_busy_timeout=5000&_journal_mode=wal"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	require.NoError(t, db.Use(signals.Plugin{}))
	require.NoError(t, db.AutoMigrate(&Order{}))
	ob, err := outbox.Install(db, outbox.Config{Source: "/shop", Eager: true})
	require.NoError(t, err)
	require.NoError(t, ob.Migrate(t.Context()))
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, ob.Shutdown(context.Background()))
		assert.NoError(t, pool.Close())
	})
	return db, ob
}

func TestMistakesWithDurableReceivers(t *testing.T) {
	t.Parallel()
	db, ob := open(t)
	ctx, called := t.Context(), 0
	var index signals.Receiver[signals.SaveEvent[*Order]] = func(context.Context, signals.SaveEvent[*Order]) error {
		called++
		return nil
	}
	refused := panics(func() {
		signals.For[Order](db).PostSave.Connect(index, outbox.Durable(ob, "index"), signals.UID("search")) // wrong: two names
	})
	signals.For[Order](db).PostSave.Connect(index, outbox.Durable(ob, "index")) // this name is the UID, too

	ann := signals.WithActor(ctx, User{Name: "ann"}) // wrong: a User has no text
	failed := db.WithContext(ann).Create(&Order{}).Error
	require.Error(t, failed)
	assert.Zero(t, called)

	ann = signals.WithActor(ctx, Editor{Name: "ann"}) // an Editor has a method String
	require.NoError(t, db.WithContext(ann).Create(&Order{}).Error)
	assert.Equal(t, 1, called)
	assert.Equal(t, messages(t, "Two names for a durable receiver, and an actor without a text"), []string{refused, plain(failed.Error())})
}

// panics returns the text that f panics with.
func panics(f func()) (text string) {
	defer func() { text = plain(recover()) }()
	f()
	return ""
}

// plain is a message as a program of package main in shop.go gets it.
func plain(message any) string {
	text, _ := message.(string)
	words := strings.Fields(strings.ReplaceAll(text, "pages_test.", "main."))
	for i, word := range words {
		if strings.Contains(word, ".go:") {
			words[i] = "shop.go:1:"
		}
	}
	return strings.Join(words, " ")
}

// messages returns the messages of a section of docs/mistakes.md.
func messages(t *testing.T, title string) (messages []string) {
	t.Helper()
	page, err := os.ReadFile("../../../docs/mistakes.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(page), title+"\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	for i, part := range strings.Split(section, "```") {
		if text, ok := strings.CutPrefix(part, "\n"); ok && i%2 == 1 {
			messages = append(messages, plain(text))
		}
	}
	return messages
}
