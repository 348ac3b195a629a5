package mistakes_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// Order is the model of the page.
type Order struct {
	ID     uint
	Email  string
	Status string
	Total  int
}

// Entry is a line of a log of orders.
type Entry struct {
	ID      uint
	OrderID uint
}

// log is the logger of a database. It keeps what the library warns of and reports.
type log struct {
	logger.Interface
	mu    sync.Mutex
	lines []string
}

func (l *log) Warn(_ context.Context, format string, args ...any) { l.add(format, args) }

func (l *log) Error(_ context.Context, format string, args ...any) { l.add(format, args) }

func (l *log) add(format string, args []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// take returns the lines that were written, and forgets them.
func (l *log) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

// open opens a database of its own for a test.
func open(t *testing.T) (*gorm.DB, *log) {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "shop.db")+"?_busy_timeout=100", signals.Plugin{})
}

func openAt(t *testing.T, dsn string, plugin signals.Plugin) (*gorm.DB, *log) {
	t.Helper()
	lines := &log{Interface: logger.Discard}
	db := bare(t, dsn, lines)
	require.NoError(t, db.Use(plugin))
	require.NoError(t, db.AutoMigrate(&Order{}, &Entry{}))
	return db, lines
}

// bare opens a database without the plugin.
func bare(t *testing.T, dsn string, lines logger.Interface) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: lines})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, pool.Close()) })
	return db
}

// stored returns the only order of a database.
func stored(t *testing.T, db *gorm.DB) Order {
	t.Helper()
	var orders []Order
	require.NoError(t, db.Find(&orders).Error)
	require.Len(t, orders, 1)
	return orders[0]
}

// count returns how many rows a model has.
func count[M any](t *testing.T, db *gorm.DB) (n int64) {
	t.Helper()
	require.NoError(t, db.Model(new(M)).Count(&n).Error)
	return n
}

const top = "../../.."

// page returns the sections of the page by their titles, without numbers.
func page(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "docs/mistakes.md"))
	require.NoError(t, err)
	sections := map[string]string{}
	for i, section := range strings.Split(string(text), "\n## ")[1:] {
		title, rest, _ := strings.Cut(section, "\n")
		title, numbered := strings.CutPrefix(title, fmt.Sprintf("%d. ", i+1))
		assert.True(t, numbered, "%s is number %d", title, i+1)
		sections[strings.ReplaceAll(title, "`", "")] = rest
	}
	return sections
}

// prints compares the messages of a section with those that the library has printed.
func prints(t *testing.T, title string, printed ...string) {
	t.Helper()
	var want, got []string
	for _, message := range testkit.Fenced(page(t)[title], "") {
		want = append(want, plain(message))
	}
	for _, message := range printed {
		got = append(got, plain(message))
	}
	assert.Equal(t, want, got, "the page, and what is printed")
}

// plain is a message on one line, as a program of package main in shop.go gets it: places and packages depend on the program.
func plain(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	message = regexp.MustCompile(`[\w./-]*\.go:\d+(:\d+)?`).ReplaceAllString(message, "shop.go:1")
	return regexp.MustCompile(`(github\.com/gorm-signals/signals/internal/docs/)?mistakes_test\.`).ReplaceAllString(message, "main.")
}
