package behaviour_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// heard records what deferred receivers of products hear. Safe from any goroutine.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) add(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf(format, args...))
}

func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	lines := h.lines
	h.lines = nil
	return lines
}

// hear connects receivers of all phases to saves and deletes of products.
func hear(db *gorm.DB) *heard {
	h := &heard{}
	products := signals.For[Product](db)
	saved := func(phase string) signals.Receiver[signals.SaveEvent[*Product]] {
		return func(_ context.Context, e signals.SaveEvent[*Product]) error {
			h.add("%s saved %s", phase, e.Instance.Name)
			return nil
		}
	}
	deleted := func(phase string) signals.Receiver[signals.DeleteEvent[*Product]] {
		return func(_ context.Context, e signals.DeleteEvent[*Product]) error {
			h.add("%s deleted %s", phase, e.Instance.Name)
			return nil
		}
	}
	products.PostSave.Connect(saved("before"), signals.BeforeCommit())
	products.PostSave.Connect(saved("after"), signals.AfterCommit())
	products.PostSave.Connect(saved("undone"), signals.AfterRollback())
	products.PostDelete.Connect(deleted("after"), signals.AfterCommit())
	products.PostDelete.Connect(deleted("undone"), signals.AfterRollback())
	return h
}

// modes are the configurations under which every promise about transactions must hold.
func modes() map[string]*gorm.Config {
	return map[string]*gorm.Config{
		"default":                  {},
		"PrepareStmt":              {PrepareStmt: true},
		"SkipDefaultTransaction":   {SkipDefaultTransaction: true},
		"DisableNestedTransaction": {DisableNestedTransaction: true},
	}
}

func inModes(t *testing.T, test func(t *testing.T, db *gorm.DB, h *heard)) {
	t.Helper()
	for name, config := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, config, signals.Plugin{}, &Product{})
			test(t, db, hear(db))
		})
	}
	t.Run("prepared session", func(t *testing.T) {
		t.Parallel()
		db := open(t, &Product{})
		test(t, db.Session(&gorm.Session{PrepareStmt: true}), hear(db))
	})
	t.Run("one connection", func(t *testing.T) {
		t.Parallel()
		db := open(t, &Product{})
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		test(t, db, hear(db))
	})
}

func TestACommitThatFailsDeliversNothingAsCommitted(t *testing.T) {
	t.Parallel()
	var handled []error
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{ErrorHandler: func(_ context.Context, err error) { handled = append(handled, err) }},
		&Product{})
	require.NoError(t, db.Exec("CREATE TABLE parents(id INTEGER PRIMARY KEY)").Error)
	require.NoError(t, db.Exec("CREATE TABLE kids(parent INTEGER REFERENCES parents(id) DEFERRABLE INITIALLY DEFERRED)").Error)
	h := hear(db)
	err := db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
		return tx.Exec("INSERT INTO kids VALUES (99)").Error
	})
	require.ErrorContains(t, err, "FOREIGN KEY")
	assert.Equal(t, []string{"before saved a"}, h.take())
	require.Len(t, handled, 1)
	require.ErrorIs(t, handled[0], signals.ErrOutcomeUnknown)
	require.ErrorContains(t, handled[0], "FOREIGN KEY")
	assert.Zero(t, count[Product](t, db))
}
