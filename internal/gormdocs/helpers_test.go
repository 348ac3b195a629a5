package gormdocs_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// openPlain returns a fresh database without the plugin.
func openPlain(tb testing.TB, config *gorm.Config, models ...any) *gorm.DB {
	tb.Helper()
	config.Logger = logger.Discard
	db, err := gorm.Open(sqlite.Open(filepath.Join(tb.TempDir(), "test.db")+"?_foreign_keys=on&_busy_timeout=5000"), config)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		pool, err := db.DB()
		require.NoError(tb, err)
		require.NoError(tb, pool.Close())
	})
	require.NoError(tb, db.AutoMigrate(models...))
	return db
}

// trace records what is sent, one line per event.
type trace struct{ lines []string }

func (tr *trace) add(format string, args ...any) {
	tr.lines = append(tr.lines, fmt.Sprintf(format, args...))
}

// take returns the lines so far and forgets them.
func (tr *trace) take() []string {
	lines := tr.lines
	tr.lines = nil
	return lines
}
