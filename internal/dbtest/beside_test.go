package dbtest_test

import (
	"testing"

	"github.com/gorm-signals/signals/internal/beside"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
)

// TestThePluginChangesNothingBesideOthersOnServers: the root module runs the suite on SQLite. SIGNALS_TEST_BESIDE=all runs all of it.
func TestThePluginChangesNothingBesideOthersOnServers(t *testing.T) {
	t.Parallel()
	for _, s := range servers()[1:] {
		besideOthers(t, s.name, s, s.dialector)
	}
	mariadb := servers()[2]
	besideOthers(t, "mariadb without RETURNING, as MySQL", mariadb, func(t *testing.T) gorm.Dialector {
		t.Helper()
		own, _ := mariadb.dialector(t).(*mysql.Dialector)
		return mysql.New(mysql.Config{DSN: own.DSN, DisableWithReturning: true})
	})
}

func TestAScriptFindsTheTablesAsNewOnServers(t *testing.T) {
	t.Parallel()
	for _, s := range servers()[1:] {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.dialector(t)
			beside.RunReset(t, opens(t, s.dialector))
		})
	}
}

// opens makes a database each time.
func opens(t *testing.T, dialector func(t *testing.T) gorm.Dialector) beside.Open {
	t.Helper()
	return func(tb testing.TB) func(config *gorm.Config) (*gorm.DB, error) {
		tb.Helper()
		at := dialector(t)
		return func(config *gorm.Config) (*gorm.DB, error) { return gorm.Open(at, config) }
	}
}

func besideOthers(t *testing.T, name string, s server, dialector func(t *testing.T) gorm.Dialector) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		s.dialector(t) // skips them all when the server is not there
		beside.Run(t, opens(t, dialector), beside.Options{Share: 40})
	})
}
