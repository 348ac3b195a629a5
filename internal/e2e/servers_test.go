package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// newDatabase creates an empty database for the writer of one test, and returns its DSN.
func newDatabase(t *testing.T, kind string) string {
	t.Helper()
	name := fmt.Sprintf("signals_e2e_%d_%d", os.Getpid(), time.Now().UnixNano()) // a killed run leaves its database behind, and process ids repeat
	given := os.Getenv("SIGNALS_TEST_" + strings.ToUpper(kind) + "_DSN")
	switch kind {
	case "postgres":
		if given == "" {
			given = "host=127.0.0.1 user=postgres dbname=test sslmode=disable"
		}
		around(t, kind, postgres.Open(given), "CREATE SCHEMA "+name, "DROP SCHEMA "+name+" CASCADE")
		return given + " search_path=" + name
	case "mariadb":
		if given == "" {
			given = "root@tcp(127.0.0.1:3306)/test?parseTime=true&loc=UTC"
		}
		around(t, kind, mysql.Open(given), "CREATE DATABASE "+name, "DROP DATABASE "+name)
		slash := strings.LastIndex(given, "/")
		_, params, _ := strings.Cut(given[slash:], "?")
		return given[:slash+1] + name + "?" + params
	default:
		return filepath.Join(t.TempDir(), "writer.db")
	}
}

// around runs one statement now, and another one when the test ends. Without a server it skips the test, except in CI.
func around(t *testing.T, kind string, dialector gorm.Dialector, now, then string) {
	t.Helper()
	admin, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is required: start it, or name another with SIGNALS_TEST_%s_DSN: %v", kind, strings.ToUpper(kind), err)
		}
		t.Skipf("no %s: %v", kind, err)
	}
	require.NoError(t, admin.Exec(now).Error)
	t.Cleanup(func() {
		require.NoError(t, admin.Exec(then).Error)
		closeDB(t, admin)
	})
}

func closeDB(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	require.NoError(t, pool.Close())
}
