package dbtest_test

import (
	"database/sql"
	"testing"

	driver "github.com/go-sql-driver/mysql"
	"github.com/gorm-signals/signals/internal/faults"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

func TestNoFaultOfADriverMakesAnEventLieOnServers(t *testing.T) {
	t.Parallel()
	for _, s := range servers()[1:] { // the root module runs it on SQLite
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.dialector(t) // skips them all when the server is not there
			faults.Run(t, func(t *testing.T) faults.Place {
				t.Helper()
				at := s.dialector(t)
				not := []string{"a failed write that is not minded"} // it ends a transaction of PostgreSQL
				if at.Name() == "mysql" {
					not = []string{"delete with cascade", "append of links"} // foreign keys fire no triggers; updates that change nothing do
				}
				return faults.Place{
					Not: not,
					Open: func(testing.TB) func(config *gorm.Config) (*gorm.DB, error) {
						return func(config *gorm.Config) (*gorm.DB, error) { return gorm.Open(at, config) }
					},
					Over: func(in *faults.Injector) (*sql.DB, gorm.Dialector, error) {
						var pool *sql.DB
						switch d := at.(type) {
						case *postgres.Dialector:
							pool = faults.Open(stdlib.GetDefaultDriver(), d.DSN, in)
						case *mysql.Dialector:
							pool = faults.Open(driver.MySQLDriver{}, d.DSN, in)
						default:
							t.Fatalf("no faults for %T", at)
						}
						return pool, over(at, pool), nil
					},
				}
			}, 97)
		})
	}
}
