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

func open(tb testing.TB, config *gorm.Config) *gorm.DB {
	tb.Helper()
	config.Logger = logger.Discard
	db, err := gorm.Open(sqlite.Open(filepath.Join(tb.TempDir(), "test.db")+"?_synchronous=off&_journal_mode=memory&_txlock=immediate&_busy_timeout=10000"), config)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		pool, err := db.DB()
		require.NoError(tb, err)
		require.NoError(tb, pool.Close())
	})
	require.NoError(tb, db.Use(signals.Plugin{}))
	return db
}

func TestTransactionScripts(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]*gorm.Config{
		"default": {}, "PrepareStmt": {PrepareStmt: true}, "SkipDefaultTransaction": {SkipDefaultTransaction: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scripts := conformance.NewTransactions(t, open(t, config))
			random := rand.New(rand.NewPCG(1, 2))
			for range 60 {
				steps := make([]byte, 1+random.IntN(30))
				for i := range steps {
					steps[i] = byte(random.IntN(256))
				}
				if config.SkipDefaultTransaction {
					steps = without(steps, 15) // without a transaction, a veto cannot undo a plain Create
				}
				scripts.Run(t, steps)
			}
		})
	}
}

func without(steps []byte, step byte) []byte {
	for i := range steps {
		if steps[i]&15 == step {
			steps[i] = 0
		}
	}
	return steps
}

func FuzzTransactions(f *testing.F) {
	for _, seed := range [][]byte{
		{5, 0, 9},
		{5, 0, 10},
		{0, 3, 4},
		{5, 6, 0, 7, 0, 9},
		{5, 6, 0, 0x16, 0, 7, 0, 9},
		{5, 0x26, 0, 0x27, 0, 8, 10},
		{5, 0, 14, 0},
		{5, 6, 6, 0, 8, 0, 7, 9},
		{11, 12, 5, 11, 12, 0, 9},
		{5, 13, 6, 13, 7, 13, 9, 13},
		{15, 0, 5, 15, 9},
		{5, 0, 3, 6, 4, 7, 3, 9, 4},
		{5, 12, 12, 6, 12, 7, 10},
	} {
		f.Add(seed)
	}
	scripts := conformance.NewTransactions(f, open(f, &gorm.Config{})) // one database for all runs, because each run empties it first
	f.Fuzz(func(t *testing.T, steps []byte) {
		scripts.Run(t, steps[:min(len(steps), 60)])
	})
}
