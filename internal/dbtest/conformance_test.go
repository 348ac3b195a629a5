package dbtest_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/conformance"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"
	"gorm.io/plugin/dbresolver"
)

// mode is a way to set up a database and the plugin.
type mode struct {
	name     string
	config   gorm.Config
	plugin   signals.Plugin
	options  conformance.Options
	single   bool                                           // the pool has one connection
	servers  []string                                       // that have the mode; empty means all
	resolver func(t *testing.T, p *place) dbresolver.Config // nil means none
	move     func(p *place) (prefix string)                 // puts the tables elsewhere
}

func modes() []mode {
	return append([]mode{
		{name: "default"},
		{name: "PrepareStmt", config: gorm.Config{PrepareStmt: true}},
		{name: "SkipDefaultTransaction", config: gorm.Config{SkipDefaultTransaction: true}},
		{name: "CreateBatchSize", config: gorm.Config{CreateBatchSize: 2}},
		{name: "DisableNestedTransaction", config: gorm.Config{DisableNestedTransaction: true}},
		{name: "FullSaveAssociations", config: gorm.Config{FullSaveAssociations: true}},
		{name: "TranslateError", config: gorm.Config{TranslateError: true}},
		{name: "QueryFields", config: gorm.Config{QueryFields: true}},
		{name: "BatchSize", plugin: signals.Plugin{BatchSize: 2}},
		{name: "TrackExplicit", plugin: signals.Plugin{Tracking: signals.TrackExplicit}, options: conformance.Options{Explicit: true}},
		{name: "one connection", single: true},
		{name: "generics", options: conformance.Options{Generics: true}},
		{name: "TablePrefix", move: func(*place) string { return "shop_" }},
		{name: "schema as TablePrefix", servers: []string{"postgres"}, move: func(p *place) string {
			if d, ok := p.dialector.(*postgres.Dialector); ok {
				dsn, name, _ := strings.Cut(d.DSN, " search_path=")
				p.dialector = postgres.Open(dsn)
				return name + "."
			}
			return ""
		}},
		{name: "database as TablePrefix", servers: []string{"mariadb", "mysql"}, move: func(p *place) string {
			if d, ok := p.dialector.(*mysql.Dialector); ok {
				name, _, _ := strings.Cut(d.DSN[strings.LastIndex(d.DSN, "/")+1:], "?")
				return name + "."
			}
			return ""
		}},
	}, resolverModes()...)
}

func resolverModes() []mode {
	one := func(t *testing.T, p *place) []gorm.Dialector { t.Helper(); return []gorm.Dialector{p.again(t, false)} }
	return []mode{
		{name: "resolver with a replica", resolver: func(t *testing.T, p *place) dbresolver.Config {
			t.Helper()
			return dbresolver.Config{Replicas: one(t, p)}
		}},
		{name: "resolver with sources", resolver: func(t *testing.T, p *place) dbresolver.Config {
			t.Helper()
			return dbresolver.Config{Sources: one(t, p)}
		}},
		{
			name: "resolver with a lagging replica", // so far behind that it has not even the tables
			options: conformance.Options{Truth: func(db *gorm.DB) *gorm.DB {
				return db.Clauses(dbresolver.Write).Session(&gorm.Session{})
			}},
			resolver: func(t *testing.T, p *place) dbresolver.Config {
				t.Helper()
				return dbresolver.Config{Replicas: one(t, &place{dialector: p.server.dialector(t)})}
			},
		},
	}
}

// place is where the cases of one server and mode run, one after the other.
type place struct {
	server    server
	dialector gorm.Dialector
	first     gorm.Dialector // over the pool of the place
}

// again opens another pool, and returns a dialector over it.
func (p *place) again(t *testing.T, single bool) gorm.Dialector {
	t.Helper()
	pool, err := connect(t, p.dialector, &gorm.Config{}).DB()
	require.NoError(t, err)
	if single {
		pool.SetMaxOpenConns(1)
	}
	return over(p.dialector, pool)
}

// TestConformance runs all cases on every server and in every mode, and as many everywhere.
func TestConformance(t *testing.T) {
	t.Parallel()
	var (
		mu      sync.Mutex
		results = map[string]conformance.Result{}
	)
	t.Cleanup(func() {
		for name, result := range results {
			assert.Len(t, conformance.Cases(), result.Cases, "%s: every case runs", name)
		}
		t.Logf("conformance: %d cases on %d servers and modes", len(conformance.Cases()), len(results))
	})
	for _, s := range append(servers(), pure()) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.dialector(t) // skips them all when the server is not there
			for _, m := range modes() {
				if len(m.servers) > 0 && !slices.Contains(m.servers, s.name) {
					continue
				}
				t.Run(m.name, func(t *testing.T) {
					t.Parallel()
					result := conformance.Run(t, opener(t, s, m), m.options)
					mu.Lock()
					defer mu.Unlock()
					results[t.Name()] = result
				})
			}
		})
	}
}

// opener returns what opens the database of a server in a mode: the same one for every case.
func opener(t *testing.T, s server, m mode) func(t *testing.T) *gorm.DB {
	t.Helper()
	at := &place{server: s, dialector: s.dialector(t)}
	if lite, ok := at.dialector.(*sqlite.Dialector); ok {
		lite.DSN += "&_foreign_keys=on"
	}
	if m.move != nil {
		m.config.NamingStrategy = schema.NamingStrategy{TablePrefix: m.move(at), IdentifierMaxLength: 64}
	}
	at.first = at.again(t, m.single)
	var resolver dbresolver.Config
	if m.resolver != nil {
		resolver = m.resolver(t, at)
	}
	return func(t *testing.T) *gorm.DB {
		t.Helper()
		config := m.config
		config.Logger = logger.Discard
		db, err := gorm.Open(at.first, &config)
		require.NoError(t, err)
		require.NoError(t, db.Use(m.plugin))
		if m.resolver != nil {
			require.NoError(t, db.Use(dbresolver.Register(resolver)))
		}
		if prepared, ok := db.ConnPool.(*gorm.PreparedStmtDB); ok {
			t.Cleanup(prepared.Close)
		}
		return db
	}
}
