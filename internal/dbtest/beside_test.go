package dbtest_test

import (
	"os"
	"testing"

	"github.com/gorm-signals/signals/internal/beside"
	"gorm.io/gorm"
)

func TestThePluginChangesNothingBesideOthersOnServers(t *testing.T) {
	t.Parallel()
	if os.Getenv("SIGNALS_TEST_BESIDE") == "" {
		t.Skip("set SIGNALS_TEST_BESIDE: upserts and slices on MariaDB still part in some calls")
	}
	for _, s := range servers()[1:] { // the root module runs it on SQLite
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.dialector(t) // skips them all when the server is not there
			beside.Run(t, func(tb testing.TB) func(config *gorm.Config) (*gorm.DB, error) {
				tb.Helper()
				at := s.dialector(t)
				return func(config *gorm.Config) (*gorm.DB, error) { return gorm.Open(at, config) }
			}, beside.Options{Share: 8})
		})
	}
}
