// Package testkit holds the helpers that the tests of several packages need.
package testkit

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Open returns a new SQLite database with the tables of the models and without the plugin. The file lies in the temporary directory of
// the test, and the connections are closed when the test ends.
func Open(tb testing.TB, config *gorm.Config, models ...any) *gorm.DB {
	tb.Helper()
	if config.Logger == nil {
		config.Logger = logger.Discard
	}
	dsn := filepath.Join(tb.TempDir(), "test.db") + "?_foreign_keys=on&_busy_timeout=5000"
	db, err := gorm.Open(sqlite.Open(dsn), config)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			assert.NoError(tb, pool.Close())
		}
	})
	require.NoError(tb, db.AutoMigrate(models...))
	return db
}

// OpenWith returns what Open returns, with a plugin in use.
func OpenWith(tb testing.TB, config *gorm.Config, plugin gorm.Plugin, models ...any) *gorm.DB {
	tb.Helper()
	db := Open(tb, config, models...)
	require.NoError(tb, db.Use(plugin))
	return db
}

// PanicOf returns the text that f panics with.
func PanicOf(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return "no panic"
}

// Fenced returns the code blocks of a Markdown text that are marked with a language, or with none.
func Fenced(text, language string) []string {
	var blocks []string
	for i, part := range strings.Split(text, "```") {
		if first, block, ok := strings.Cut(part, "\n"); ok && i%2 == 1 && first == language {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

// FreeAddress returns an address of this machine that nobody listens on.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer l.Close()
	return l.Addr().String()
}
