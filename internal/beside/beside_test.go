package beside_test

import (
	"path/filepath"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/beside"
)

func open(tb testing.TB) func(config *gorm.Config) (*gorm.DB, error) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "beside.db") + "?_busy_timeout=5000&_sync=0&_journal=MEMORY&_foreign_keys=on"
	return func(config *gorm.Config) (*gorm.DB, error) { return gorm.Open(sqlite.Open(path), config) }
}

func TestThePluginChangesNothingBesideOthers(t *testing.T) {
	t.Parallel()
	beside.Run(t, open, beside.Options{Share: share})
}

func TestAScriptFindsTheTablesAsNew(t *testing.T) {
	t.Parallel()
	beside.RunReset(t, open)
}
