package dbtest_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/conformance"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

func TestLinkScripts(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		with := dialector()
		if lite, ok := with.(*sqlite.Dialector); ok {
			lite.DSN += "&_foreign_keys=on"
		}
		db := connect(t, with, &gorm.Config{TranslateError: true})
		require.NoError(t, db.Use(signals.Plugin{}))
		scripts := conformance.NewLinks(t, db)
		random := rand.New(rand.NewPCG(7, 8))
		for range 80 {
			steps := make([]byte, 1+random.IntN(160))
			for i := range steps {
				steps[i] = byte(random.IntN(256))
			}
			scripts.Run(t, steps)
		}
	})
}
