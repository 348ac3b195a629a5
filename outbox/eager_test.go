package outbox_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/outbox"
)

// within fails the test if f does not return.
func within(t *testing.T, f func() error) {
	t.Helper()
	returned := make(chan error, 1)
	go func() { returned <- f() }()
	select {
	case err := <-returned:
		require.NoError(t, err)
	case <-time.After(patience):
		t.Fatal("it waits for itself")
	}
}

func TestAnEagerWriteDoesNotWaitForEverForAReceiverThatWaitsForIt(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(ctx context.Context, db *gorm.DB, e saved) *gorm.DB{
		"event":   func(_ context.Context, _ *gorm.DB, e saved) *gorm.DB { return e.DB() },
		"context": func(ctx context.Context, db *gorm.DB, _ saved) *gorm.DB { return db.WithContext(ctx) },
		"neither": func(_ context.Context, db *gorm.DB, _ saved) *gorm.DB { return db },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, told, h := open(t, &Product{}), &errs{}, &heard{}
			claim := patience
			if name == "neither" {
				claim = 100 * time.Millisecond
			}
			ob := install(t, db, outbox.Config{Claim: claim, ErrorHandler: told.handle})
			onSaved(db, ob, "copy", func(ctx context.Context, e saved) error {
				h.add("%s", e.Instance.Name)
				if e.Instance.Name != "a" {
					return nil
				}
				return write(ctx, db, e).Create(&Product{Name: "copy of a"}).Error
			})
			within(t, func() error { return db.Create(&Product{Name: "a"}).Error })
			runUntilDone(t, ob, db)
			if name != "neither" {
				assert.Empty(t, told.texts())
				assert.Equal(t, []string{"a", "copy of a"}, h.lines())
				return
			}
			assert.Contains(t, h.lines(), "copy of a")
			assert.Contains(t, strings.Join(told.texts(), "\n"), `a write has waited for receivers of "copy"`)
			assert.Contains(t, strings.Join(told.texts(), "\n"), "write through the event's DB or with the context of their call")
		})
	}
}

func TestAnEagerWriteThatHoldsTheOnlyConnectionEndsWithAnError(t *testing.T) {
	t.Parallel()
	db, told, h := open(t, &Product{}), &errs{}, &heard{}
	oneConnection(t, db)
	ob := install(t, db, outbox.Config{Claim: 100 * time.Millisecond, ErrorHandler: told.handle})
	onSaved(db, ob, "index", func(_ context.Context, e saved) error { h.add("%s", e.Instance.Name); return nil })
	within(t, func() error {
		return db.Connection(func(tx *gorm.DB) error { return tx.Create(&Product{Name: "a"}).Error })
	})
	runUntilDone(t, ob, db)
	assert.Equal(t, []string{"a"}, h.lines())
	assert.Contains(t, strings.Join(told.texts(), "\n"), "let no db.Connection hold the only connection")
}

func TestAnEagerWriteWaitsAsLongAsItsEventsAreHandled(t *testing.T) {
	t.Parallel()
	db, told, h := open(t, &Product{}), &errs{}, &heard{}
	ob := install(t, db, outbox.Config{Claim: time.Second, ErrorHandler: told.handle})
	onSaved(db, ob, "slow", func(ctx context.Context, e saved) error {
		<-ctx.Done() // each takes two fifths of the claim
		h.add("%s", e.Instance.Name)
		return nil
	}, outbox.Timeout(400*time.Millisecond))
	within(t, func() error { return db.Create(products(1, 7)).Error })
	assert.Len(t, h.lines(), 7)
	assert.Empty(t, told.texts())
}

// oneConnection lets a database open one connection. Whoever asks for a second one waits for ever.
func oneConnection(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
}
