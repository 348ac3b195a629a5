package conformance_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/conformance"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]struct {
		config  gorm.Config
		plugin  signals.Plugin
		session gorm.Session
	}{
		"default": {}, "PrepareStmt": {config: gorm.Config{PrepareStmt: true}}, "prepared session": {session: gorm.Session{PrepareStmt: true}},
		"BatchSize": {plugin: signals.Plugin{BatchSize: 2}}, "SkipDefaultTransaction": {config: gorm.Config{SkipDefaultTransaction: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := conformance.Run(t, func(t *testing.T) *gorm.DB {
				t.Helper()
				config := mode.config
				config.Logger = logger.Discard
				dsn := filepath.Join(t.TempDir(), "test.db") + "?_foreign_keys=on&_synchronous=off&_journal_mode=memory&_txlock=immediate&_busy_timeout=10000"
				db, err := gorm.Open(sqlite.Open(dsn), &config)
				require.NoError(t, err)
				t.Cleanup(func() {
					pool, err := db.DB()
					require.NoError(t, err)
					require.NoError(t, pool.Close())
				})
				require.NoError(t, db.Use(mode.plugin))
				return db.Session(&mode.session)
			}, conformance.Options{})
			assert.Len(t, conformance.Cases(), result.Cases, "every case runs")
		})
	}
}

func TestCasesHaveNamesAndPromisesOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range conformance.Cases() {
		assert.False(t, seen[c.Name] || seen[c.Promise], c.Name)
		assert.Regexp(t, `^[A-Zm-z].*\.$`, c.Promise, "%s: a promise is a sentence", c.Name)
		seen[c.Name], seen[c.Promise] = true, true
	}
}
