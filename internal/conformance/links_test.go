package conformance_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/conformance"
)

// openLinks opens a database that enforces foreign keys, with the tables of the linked models.
func openLinks(tb testing.TB, config *gorm.Config, plugin signals.Plugin) *conformance.Links {
	tb.Helper()
	config.Logger, config.TranslateError = logger.Discard, true
	dsn := filepath.Join(tb.TempDir(), "test.db") + "?_foreign_keys=on&_synchronous=off&_journal_mode=memory&_txlock=immediate&_busy_timeout=10000"
	db, err := gorm.Open(sqlite.Open(dsn), config)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		pool, err := db.DB()
		require.NoError(tb, err)
		require.NoError(tb, pool.Close())
	})
	require.NoError(tb, db.Use(plugin))
	return conformance.NewLinks(tb, db)
}

func TestLinkScripts(t *testing.T) {
	t.Parallel()
	for seed, c := range []struct {
		name   string
		config *gorm.Config
		plugin signals.Plugin
	}{
		{"default", &gorm.Config{}, signals.Plugin{}},
		{"PrepareStmt", &gorm.Config{PrepareStmt: true}, signals.Plugin{}},
		{"SkipDefaultTransaction", &gorm.Config{SkipDefaultTransaction: true}, signals.Plugin{}},
		{"BatchSize 2", &gorm.Config{}, signals.Plugin{BatchSize: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			scripts := openLinks(t, c.config, c.plugin)
			scripts.Split = c.plugin.BatchSize > 0
			random := rand.New(rand.NewPCG(uint64(seed), 6)) //nolint:gosec // a count, and no secret
			for range 80 {
				steps := make([]byte, 1+random.IntN(160))
				for i := range steps {
					steps[i] = byte(random.IntN(256))
				}
				scripts.Run(t, steps)
			}
		})
	}
}

func FuzzLinks(f *testing.F) {
	for who := range byte(4) {
		for step := range byte(15) {
			f.Add([]byte{who, step, step, 1, 2, 0x20, 0xa1, 0, 0, step, 3, 2, 3, 0xe0, 0xc0, 1, 0, 0, 12, 2, 0, 1, 0})
			f.Add([]byte{who, 15, step, 4, 0, 1, 0x41, 2, 0, 0x40, 18, step, 6, 1, 3, 1, 0x80, 0xa0, 1, 0, 0, 19, 0, 16})
		}
	}
	scripts := openLinks(f, &gorm.Config{}, signals.Plugin{}) // one database for all runs, because each run empties it first
	f.Fuzz(func(t *testing.T, steps []byte) {
		scripts.Run(t, steps[:min(len(steps), 200)])
	})
}
