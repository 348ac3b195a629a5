package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/outbox"
)

var errBoom = errors.New("boom")

// Product is the model that most tests write.
type Product struct {
	ID    uint
	Name  string `gorm:"uniqueIndex"`
	Price int64
}

// Page is a model with soft delete.
type Page struct {
	ID        uint
	Title     string
	DeletedAt gorm.DeletedAt
}

// file returns the name of a database file for one test.
func file(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "test.db") + "?_foreign_keys=on&_busy_timeout=10000&_journal_mode=wal&_synchronous=off&_txlock=immediate"
}

// open returns a fresh database with the plugin and the tables of the models.
func open(tb testing.TB, models ...any) *gorm.DB {
	tb.Helper()
	return openAt(tb, file(tb), &gorm.Config{}, signals.Plugin{}, models...)
}

func openAt(tb testing.TB, dsn string, config *gorm.Config, plugin signals.Plugin, models ...any) *gorm.DB {
	tb.Helper()
	config.Logger = logger.Discard
	db, err := gorm.Open(sqlite.Open(dsn), config)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	})
	require.NoError(tb, db.AutoMigrate(models...))
	require.NoError(tb, db.Use(plugin))
	return db
}

// errs collects the errors that an ErrorHandler gets.
type errs struct {
	mu  sync.Mutex
	all []string
}

func (e *errs) handle(_ context.Context, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, err.Error())
}

func (e *errs) texts() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.all...)
}

// install makes an outbox with Eager and its tables. It drops errors unless the configuration has an ErrorHandler.
func install(tb testing.TB, db *gorm.DB, cfg outbox.Config) *outbox.Outbox {
	tb.Helper()
	cfg.Eager = true
	return installLazy(tb, db, cfg)
}

// installLazy makes an outbox and its tables.
func installLazy(tb testing.TB, db *gorm.DB, cfg outbox.Config) *outbox.Outbox {
	tb.Helper()
	if cfg.Source == "" {
		cfg.Source = "/shop"
	}
	if cfg.ErrorHandler == nil {
		cfg.ErrorHandler = (&errs{}).handle
	}
	ob, err := outbox.Install(db, cfg)
	require.NoError(tb, err)
	require.NoError(tb, ob.Migrate(tb.Context()))
	tb.Cleanup(func() { _ = ob.Flush(context.Background()) }) // before the database closes
	return ob
}

// entry is a row of the table.
type entry struct {
	Sequence                                              int64
	ID, Channel, Type, Subject, Headers, ContentType, Err string
	Data                                                  string
	State, Tries                                          int
	CreatedAt, DueAt                                      int64
}

func entries(tb testing.TB, db *gorm.DB) []entry {
	tb.Helper()
	var found []entry
	require.NoError(tb, db.Raw("SELECT *, error AS err FROM signals_outbox ORDER BY sequence").Scan(&found).Error)
	return found
}

// kept lists the events in the table, as in "products.created.v1 products/1".
func kept(tb testing.TB, db *gorm.DB) []string {
	tb.Helper()
	var lines []string
	for _, e := range entries(tb, db) {
		lines = append(lines, strings.TrimSpace(e.Channel+" "+e.Type+" "+e.Subject))
	}
	return lines
}

// memory is an engine that keeps its messages in memory.
type memory struct {
	mu     sync.Mutex
	taken  []outbox.Message
	refuse func(m outbox.Message) error // nil accepts all messages
	calls  int
}

func (s *memory) Send(_ context.Context, messages []outbox.Message) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	failed := make([]error, len(messages))
	for i, m := range messages {
		if s.refuse != nil {
			failed[i] = s.refuse(m)
		}
		if failed[i] == nil {
			s.taken = append(s.taken, m)
		}
	}
	return failed
}

// refusing sets the function that refuses messages.
func (s *memory) refusing(refuse func(m outbox.Message) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = refuse
}

func (s *memory) messages() []outbox.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]outbox.Message(nil), s.taken...)
}

// lines lists the stored messages, as in "products/1 created".
func (s *memory) lines() []string {
	var lines []string
	for _, m := range s.messages() {
		lines = append(lines, m.Subject+" "+strings.Split(m.Type, ".")[1])
	}
	return lines
}

// running runs a function until the test ends or stop is called, and waits for its end.
func running(tb testing.TB, run func(ctx context.Context)) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx)
	}()
	stop = func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(patience):
			tb.Error("it does not end with its context")
		}
	}
	tb.Cleanup(stop)
	return stop
}

// patience is how long tests wait for an event that must come, also on a busy machine.
const patience = 2 * time.Minute

// soon waits until a condition holds.
func soon(tb testing.TB, holds func() bool, text string) {
	tb.Helper()
	require.Eventually(tb, holds, patience, 2*time.Millisecond, text)
}

// heard records the calls of receivers.
type heard struct {
	mu  sync.Mutex
	all []string
}

func (h *heard) add(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, fmt.Sprintf(format, args...))
}

func (h *heard) lines() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.all...)
}
