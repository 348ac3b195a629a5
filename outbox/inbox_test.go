package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/outbox"
)

func inbox(t *testing.T, db *gorm.DB, consumer string, opts ...outbox.InboxOption) *outbox.Inbox {
	t.Helper()
	i := outbox.NewInbox(db, consumer, opts...)
	require.NoError(t, i.Migrate(t.Context()))
	return i
}

// message returns the n-th event of a row.
func message(subject string, n uint64) outbox.Message {
	return outbox.Message{ID: fmt.Sprint(subject, " ", n), Source: "/shop", Type: "t", Subject: subject, Sequence: n}
}

// order is the effect of a message in the database.
func order(ctx context.Context, m outbox.Message) error {
	return outbox.InboxTx(ctx).Create(&Order{Note: m.ID}).Error
}

func notes(t *testing.T, db *gorm.DB) []string {
	t.Helper()
	var found []string
	require.NoError(t, db.Model(&Order{}).Order("id").Pluck("note", &found).Error)
	return found
}

func TestAMessageThatComesTwiceHasItsEffectOnce(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	i := inbox(t, db, "search")
	other := inbox(t, db, "mail")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for n := range uint64(20) {
				assert.NoError(t, i.Handle(t.Context(), message("p/1", n), order))
			}
		})
	}
	group.Wait()
	assert.Len(t, notes(t, db), 20)
	require.NoError(t, other.Handle(t.Context(), message("p/1", 1), order))
	assert.Len(t, notes(t, db), 21, "another consumer handles it, too")
}

func TestAHandlerThatFailsLeavesNoNote(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		db := openAt(t, file(t), &gorm.Config{SkipDefaultTransaction: skip, DisableNestedTransaction: skip}, signals.Plugin{}, &Order{})
		i := inbox(t, db, "search")
		failing := func(ctx context.Context, m outbox.Message) error {
			require.NoError(t, order(ctx, m))
			return errBoom
		}
		require.ErrorIs(t, i.Handle(t.Context(), message("p/1", 1), failing), errBoom)
		assert.Panics(t, func() {
			_ = i.Handle(t.Context(), message("p/1", 1), func(ctx context.Context, m outbox.Message) error {
				require.NoError(t, order(ctx, m))
				panic("boom")
			})
		})
		assert.Empty(t, notes(t, db))
		require.NoError(t, i.Handle(t.Context(), message("p/1", 1), order))
		assert.Len(t, notes(t, db), 1)
	}
}

func TestStaleMessagesAreDropped(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	i := inbox(t, db, "search", outbox.DropStale())
	handle := func(m outbox.Message) { require.NoError(t, i.Handle(t.Context(), m, order)) }
	handle(message("p/1", 5))
	handle(message("p/1", 4))
	handle(message("p/2", 3))
	handle(message("p/1", 6))
	handle(message("P/1", 1))
	long := strings.Repeat("x", 600)
	handle(message("p/"+long+"a", 9))
	handle(message("p/"+long+"b", 8))
	stranger := message("p/1", 2)
	stranger.Source, stranger.ID = "/other", "o"
	handle(stranger)
	assert.Equal(t, []string{"p/1 5", "p/2 3", "p/1 6", "P/1 1", "p/" + long + "a 9", "p/" + long + "b 8", "o"}, notes(t, db))
	require.NoError(t, outbox.NewInbox(db, "all").Handle(t.Context(), message("p/1", 4), order))
	assert.Len(t, notes(t, db), 8, "without the option they are handled")
}

func TestForgetDeletesOldNotes(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	i, other := inbox(t, db, "search"), inbox(t, db, "mail")
	for n := range uint64(3) {
		require.NoError(t, i.Handle(t.Context(), message("p/1", n), order))
	}
	require.NoError(t, other.Handle(t.Context(), message("p/1", 1), order))
	n, err := i.Forget(t.Context(), time.Now().Add(-time.Hour))
	require.NoError(t, err)
	assert.Zero(t, n)
	n, err = i.Forget(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	assert.EqualValues(t, 3, n)
	require.NoError(t, i.Handle(t.Context(), message("p/1", 1), order))
	require.NoError(t, other.Handle(t.Context(), message("p/1", 1), order))
	assert.Len(t, notes(t, db), 5)
}

// fake is a subscriber whose messages the test passes on.
type fake struct{ handlers map[string]outbox.Handler }

func (f *fake) Handle(pattern string, h outbox.Handler) { f.handlers[pattern] = h }
func (f *fake) Run(context.Context) error               { return nil }

func TestOnReadsThePayloadAndGivesTheTransactionOfTheInbox(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	i := inbox(t, db, "search")
	f := &fake{handlers: map[string]outbox.Handler{}}
	outbox.On(f, func(ctx context.Context, e outbox.Event[ProductV1]) error {
		if e.DB() == nil {
			assert.Nil(t, outbox.InboxTx(ctx))
			return errBoom
		}
		return e.DB().Create(&Order{Note: e.ID + e.Payload.Title}).Error
	}, "a", "b.*")
	require.Len(t, f.handlers, 2)
	m := message("p/1", 1)
	m.Data = []byte(`{"number": 1, "title": "x"}`)
	require.ErrorIs(t, f.handlers["a"](t.Context(), m), errBoom)
	require.NoError(t, i.Handle(t.Context(), m, f.handlers["b.*"]))
	assert.Equal(t, []string{"p/1 1x"}, notes(t, db))
	m.ID, m.Data = "2", []byte(`{"number": "x"}`)
	err := i.Handle(t.Context(), m, f.handlers["a"])
	require.ErrorContains(t, err, "does not fit")
	assert.True(t, outbox.IsPermanent(err))
	outbox.On(f, func(context.Context, outbox.Event[any]) error { return nil })
	assert.Contains(t, f.handlers, "")
}

func TestAnInboxInExplicitTrackingFollowsItsTransaction(t *testing.T) {
	t.Parallel()
	db := openAt(t, file(t), &gorm.Config{}, signals.Plugin{Tracking: signals.TrackExplicit}, &Order{})
	i := inbox(t, db, "search")
	h := &heard{}
	signals.For[Order](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		h.add("%s", e.Instance.Note)
		return nil
	}, signals.AfterCommit())
	require.NoError(t, i.Handle(t.Context(), message("p/1", 1), order))
	assert.Equal(t, []string{"p/1 1"}, h.lines())
}

func TestBadInputOfTheConsumerPanicsWithACure(t *testing.T) {
	t.Parallel()
	db := open(t)
	f := &fake{}
	for text, call := range map[string]func(){
		"needs a database and":      func() { outbox.NewInbox(nil, "search") },
		"name of the consumer":      func() { outbox.NewInbox(db, "") },
		"at most 100 bytes":         func() { outbox.NewInbox(db, strings.Repeat("x", 101)) },
		"a subscriber and a":        func() { outbox.On(nil, func(context.Context, outbox.Event[int]) error { return nil }) },
		"one of them is nil":        func() { outbox.On[int](f, nil) },
		"outbox: Relay needs a sin": func() { install(t, db, outbox.Config{}).Relay(nil) },
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			defer func() { assert.Contains(t, fmt.Sprint(recover()), text) }()
			call()
		})
	}
}

func TestAHandlerIsCalledOnceWhateverItAnswers(t *testing.T) {
	t.Parallel()
	db := open(t, &Order{})
	i := inbox(t, db, "search")
	calls := 0
	require.ErrorIs(t, i.Handle(t.Context(), message("p/1", 1), func(context.Context, outbox.Message) error {
		calls++
		return fmt.Errorf("of another database: %w", signals.ErrNotInstalled)
	}), signals.ErrNotInstalled)
	assert.Equal(t, 1, calls)
}

func TestAnInboxNeedsNoPlugin(t *testing.T) {
	t.Parallel()
	db, err := gorm.Open(sqlite.Open(file(t)), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	t.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	})
	require.NoError(t, db.AutoMigrate(&Order{}))
	i := inbox(t, db, "search")
	for range 2 {
		require.NoError(t, i.Handle(t.Context(), message("p/1", 1), order))
	}
	assert.Len(t, notes(t, db), 1)
}
