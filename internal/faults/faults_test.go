package faults_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/faults"
)

func TestNoFaultOfADriverMakesAnEventLie(t *testing.T) {
	t.Parallel()
	faults.Run(t, func(t *testing.T) faults.Place {
		t.Helper()
		path := filepath.Join(t.TempDir(), "faults.db") + "?_busy_timeout=5000&_sync=0&_journal=MEMORY&_foreign_keys=on"
		return faults.Place{
			Open: func(testing.TB) func(config *gorm.Config) (*gorm.DB, error) {
				return func(config *gorm.Config) (*gorm.DB, error) { return gorm.Open(sqlite.Open(path), config) }
			},
			Over: func(in *faults.Injector) (*sql.DB, gorm.Dialector, error) {
				pool := faults.Open(&sqlite3.SQLiteDriver{}, path, in)
				return pool, &sqlite.Dialector{Conn: pool}, nil
			},
		}
	}, 7)
}
