package dbtest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// Given has a key that the program gives; an index that the model does not declare is over its slug.
type Given struct {
	ID   uint    `gorm:"primaryKey;autoIncrement:false"`
	Slug string  `gorm:"type:char(10)"`
	V    float64 `gorm:"type:numeric(10,2)"`
}

// Made is the same with a key that the database makes, or the program.
type Made struct {
	ID   uint
	Slug string  `gorm:"type:char(10)"`
	V    float64 `gorm:"type:numeric(10,2)"`
}

// skipping creates rows of which some are in the way of others, and returns what was sent.
func skipping[M any](t *testing.T, dialector gorm.Dialector, table string, how clause.Expression, taken, rows []M, show func(*M) (uint, string)) {
	t.Helper()
	db := connect(t, dialector, &gorm.Config{})
	require.NoError(t, db.AutoMigrate(new(M)))
	require.NoError(t, db.Exec(fmt.Sprintf("CREATE UNIQUE INDEX %s_slug ON %[1]s (slug)", table)).Error)
	require.NoError(t, db.Create(&taken).Error)
	require.NoError(t, db.Use(signals.Plugin{}))
	heard, ids := []string{}, []uint{}
	signals.For[M](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*M]) error {
		id, slug := show(e.Instance)
		heard, ids = append(heard, fmt.Sprint(e.Created, " ", slug)), append(ids, id)
		return nil
	})
	require.NoError(t, db.Clauses(how).Create(&rows).Error)
	assert.Equal(t, []string{"true a", "true b"}, heard)
	var stored []uint
	require.NoError(t, db.Table(table).Where("slug <> 'taken'").Order("slug").Pluck("id", &stored).Error)
	assert.Equal(t, stored, ids, "with their keys")
}

func TestASkippedRowHidesNoRowThatTheDatabaseRounds(t *testing.T) {
	t.Parallel()
	given := func(g *Given) (uint, string) { return g.ID, g.Slug }
	made := func(m *Made) (uint, string) { return m.ID, m.Slug }
	for name, how := range map[string]clause.Expression{"DO NOTHING": clause.OnConflict{DoNothing: true}, "IGNORE": clause.Insert{Modifier: "IGNORE"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				d, how := dialector(), how //nolint:govet // a copy that may change
				if _, ignore := how.(clause.Insert); ignore && d.Name() != "mysql" {
					if d.Name() == "postgres" {
						t.Skip("PostgreSQL has no INSERT IGNORE")
					}
					how = clause.Insert{Modifier: "OR IGNORE"}
				}
				skipping(t, d, "givens", how, []Given{{ID: 100, Slug: "taken"}}, []Given{{ID: 1, Slug: "a", V: 1.005}, {ID: 2, Slug: "taken"}, {ID: 3, Slug: "b", V: 1.005}}, given)
			})
		})
		t.Run(name+", keys of the database", func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				d, how := dialector(), how //nolint:govet // a copy that may change
				if _, ignore := how.(clause.Insert); ignore && d.Name() != "mysql" {
					if d.Name() == "postgres" {
						t.Skip("PostgreSQL has no INSERT IGNORE")
					}
					how = clause.Insert{Modifier: "OR IGNORE"}
				}
				skipping(t, d, "mades", how, []Made{{Slug: "taken"}}, []Made{{Slug: "taken"}, {Slug: "a", V: 1.005}, {Slug: "taken"}, {Slug: "b", V: 1.005}}, made)
			})
		})
		t.Run(name+", keys given where the database makes them", func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
				t.Helper()
				d, how := dialector(), how //nolint:govet // a copy that may change
				if _, ignore := how.(clause.Insert); ignore && d.Name() != "mysql" {
					t.Skip("as DO NOTHING")
				}
				skipping(t, d, "mades", how, []Made{{ID: 100, Slug: "taken"}}, []Made{{ID: 5, Slug: "taken"}, {ID: 6, Slug: "a", V: 1.005}, {ID: 7, Slug: "b", V: 1.005}}, made)
			})
		})
	}
}

// Folded has a key that is stored in capitals while programs ask for small letters.
type Folded struct {
	Code string `gorm:"primaryKey;size:20"`
	N    int
}

func TestAnUpsertOfKeysThatDifferInCaseAsksOncePerBatch(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		db := open(t)
		require.NoError(t, db.AutoMigrate(&Folded{}))
		const n = 1000
		stored, rows := make([]Folded, n), make([]Folded, n)
		for i := range n {
			stored[i], rows[i] = Folded{Code: fmt.Sprint("KEY", i)}, Folded{Code: fmt.Sprint("key", i), N: i + 1}
		}
		require.NoError(t, db.Create(&stored).Error)
		require.NoError(t, db.Use(signals.Plugin{}))
		updates := 0
		signals.For[Folded](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Folded]) error {
			old, err := e.Original()
			if !e.Created && old.Code != e.Instance.Code {
				updates++
			}
			return err
		})
		var statements atomic.Int64
		counting := db.Session(&gorm.Session{Logger: counted{logger.Discard, &statements}})
		require.NoError(t, counting.Clauses(clause.OnConflict{UpdateAll: true}).Create(&rows).Error)
		assert.Equal(t, n, updates)
		assert.Less(t, statements.Load(), int64(30))
	})
}

// counted is a logger that counts statements.
type counted struct {
	logger.Interface

	n *atomic.Int64
}

func (c counted) Trace(context.Context, time.Time, func() (string, int64), error) { c.n.Add(1) }

// refusing is a pool over a server that takes no assignment of a variable inside a statement.
type refusing struct{ *sql.DB }

func (r refusing) GetDBConn() (*sql.DB, error) { return r.DB, nil }

var errRefused = errors.New("Error 1064 (42000): You have an error in your SQL syntax near ':='") //nolint:staticcheck // as the server says it

func (r refusing) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if strings.Contains(query, ":=") {
		return nil, errRefused
	}
	return r.DB.ExecContext(ctx, query, args...)
}

func (r refusing) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if strings.Contains(query, ":=") {
		return nil, errRefused
	}
	return r.DB.QueryContext(ctx, query, args...)
}

func TestAServerThatRefusesVariablesInStatementsIsReadBack(t *testing.T) {
	t.Parallel()
	onMySQL(t, func(t *testing.T, open ownDB) {
		t.Helper()
		db := open(t)
		require.NoError(t, db.AutoMigrate(&Given{}))
		require.NoError(t, db.Exec("CREATE UNIQUE INDEX givens_slug ON givens (slug)").Error)
		require.NoError(t, db.Create(&[]Given{{ID: 100, Slug: "taken"}, {ID: 4, Slug: "c"}}).Error)
		pool, err := db.DB()
		require.NoError(t, err)
		db.ConnPool = refusing{pool}
		db.Statement.ConnPool = db.ConnPool
		require.NoError(t, db.Use(signals.Plugin{}))
		heard := []string{}
		signals.For[Given](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Given]) error {
			heard = append(heard, fmt.Sprintf("%t%d", e.Created, e.Instance.ID))
			return nil
		})
		db = db.Session(&gorm.Session{SkipDefaultTransaction: true})
		require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Given{{ID: 1, Slug: "a", V: 1.005}, {ID: 2, Slug: "taken"}, {ID: 3, Slug: "b"}}).Error)
		require.NoError(t, db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Given{{ID: 4, Slug: "d"}, {ID: 5, Slug: "e"}}).Error)
		require.NoError(t, db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Given{ID: 5, Slug: "f"}).Error)
		assert.Equal(t, []string{"true1", "true3", "false4", "true5", "false5"}, heard)
	})
}
