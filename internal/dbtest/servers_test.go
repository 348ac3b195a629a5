package dbtest_test

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	puresqlite "github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// server is a kind of database that the tests run on.
type server struct {
	name string
	dsn  string // of a server on loopback, unless the environment names another
	make func(t *testing.T, s server) gorm.Dialector
}

// servers returns the kinds of databases that every test runs on. MySQL is one of them when the environment names or requires it.
func servers() []server {
	all := []server{
		{name: "sqlite", make: func(t *testing.T, _ server) gorm.Dialector {
			t.Helper()
			return sqlite.Open(filepath.Join(t.TempDir(), "test.db") + "?_busy_timeout=5000&_journal_mode=wal&_synchronous=off&_txlock=immediate")
		}},
		{name: "postgres", dsn: "host=127.0.0.1 user=postgres dbname=test sslmode=disable", make: ownSchema},
		{name: "mariadb", dsn: "root@tcp(127.0.0.1:3306)/test?parseTime=true&loc=UTC", make: ownDatabase},
	}
	if mysql := (server{name: "mysql", make: ownDatabase}); mysql.named() || mysql.required() { // there is no DSN to guess
		all = append(all, mysql)
	}
	return all
}

// variable is the name of the environment variable that holds the DSN of the server.
func (s server) variable() string { return "SIGNALS_TEST_" + strings.ToUpper(s.name) + "_DSN" }

// named reports whether the environment names the server.
func (s server) named() bool { return os.Getenv(s.variable()) != "" }

// required reports whether the environment says that the server must be there.
func (s server) required() bool {
	return slices.Contains(strings.Split(os.Getenv("SIGNALS_TEST_REQUIRE"), ","), s.name)
}

// dialector makes the database of one test.
func (s server) dialector(t *testing.T) gorm.Dialector {
	t.Helper()
	if s.named() {
		s.dsn = os.Getenv(s.variable())
	}
	return s.make(t, s)
}

// patience is how long tests wait for what must come. Only a fault takes so long; a machine that has much else to do does not.
const patience = 5 * time.Minute

var (
	number  atomic.Int64
	process = strings.ToLower(rand.Text()[:10])
)

// unique returns a name that nothing on a server has: not what another process makes there at the same time, and not what one that
// was killed has left. Process ids come again.
func unique() string { return fmt.Sprintf("signals_%s_%d", process, number.Add(1)) }

// onEach runs a test on every server that is there. A server that SIGNALS_TEST_REQUIRE names must be; in CI all must.
func onEach(t *testing.T, test func(t *testing.T, dialector func() gorm.Dialector)) {
	t.Helper()
	for _, s := range servers() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			dialector := s.dialector(t)
			test(t, func() gorm.Dialector { return dialector })
		})
	}
}

// pure is SQLite in a driver without C.
func pure() server {
	return server{name: "puresqlite", make: func(t *testing.T, _ server) gorm.Dialector {
		t.Helper()
		return puresqlite.Open(filepath.Join(t.TempDir(), "test.db") +
			"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(off)&_pragma=foreign_keys(on)&_txlock=immediate")
	}}
}

// over returns a dialector of the same kind over a pool that is open.
func over(dialector gorm.Dialector, pool *sql.DB) gorm.Dialector {
	switch dialector.(type) {
	case *sqlite.Dialector:
		return &sqlite.Dialector{Conn: pool}
	case *puresqlite.Dialector:
		return &puresqlite.Dialector{Conn: pool}
	case *postgres.Dialector:
		return postgres.New(postgres.Config{Conn: pool})
	default:
		return mysql.New(mysql.Config{Conn: pool})
	}
}

// missing skips a test whose server is not there, or fails it where it must be.
func missing(t *testing.T, s server, err error) {
	t.Helper()
	if os.Getenv("CI") != "" || s.required() {
		t.Fatalf("%s is required: start it, or name another with %s: %v", s.name, s.variable(), err)
	}
	t.Skipf("no %s: %v", s.name, err)
}

// ownSchema makes a schema of PostgreSQL for one test.
func ownSchema(t *testing.T, s server) gorm.Dialector {
	t.Helper()
	admin := admin(t, s, postgres.Open(s.dsn))
	schema := unique()
	require.NoError(t, admin.Exec("CREATE SCHEMA "+schema).Error)
	t.Cleanup(func() { require.NoError(t, admin.Exec("DROP SCHEMA "+schema+" CASCADE").Error) })
	return postgres.Open(s.dsn + " synchronous_commit=off search_path=" + schema)
}

// ownDatabase makes a database of MariaDB or MySQL for one test.
func ownDatabase(t *testing.T, s server) gorm.Dialector {
	t.Helper()
	admin := admin(t, s, mysql.Open(s.dsn))
	name := unique()
	require.NoError(t, admin.Exec("CREATE DATABASE "+name).Error)
	t.Cleanup(func() { require.NoError(t, admin.Exec("DROP DATABASE "+name).Error) })
	from := strings.LastIndex(s.dsn, "/")
	params := s.dsn[from+1:]
	if i := strings.Index(params, "?"); i >= 0 {
		params = params[i:]
	} else {
		params = ""
	}
	return mysql.Open(s.dsn[:from+1] + name + params)
}

func admin(t *testing.T, s server, dialector gorm.Dialector) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		missing(t, s, err)
	}
	closing(t, db)
	return db
}

// connect opens a database without the plugin.
func connect(t *testing.T, dialector gorm.Dialector, config *gorm.Config) *gorm.DB {
	t.Helper()
	config.Logger = logger.Discard
	db, err := gorm.Open(dialector, config)
	require.NoError(t, err)
	closing(t, db)
	return db
}

func closing(t *testing.T, db *gorm.DB) {
	t.Helper()
	t.Cleanup(func() {
		pool, err := db.DB()
		require.NoError(t, err)
		require.NoError(t, pool.Close())
	})
}
