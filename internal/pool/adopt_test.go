package pool_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals/internal/pool"
)

// row is a row of table t.
type row struct {
	A int `gorm:"primaryKey"`
}

// TableName returns the name of the table.
func (row) TableName() string { return "t" }

// gormWith returns a database whose implicit transactions are those of GORM, and which calls f before every INSERT.
func gormWith(t *testing.T, db gorm.Dialector, f func(tx *gorm.DB)) *gorm.DB {
	t.Helper()
	g, err := gorm.Open(db, &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	sqlDB, err := g.DB()
	require.NoError(t, err)
	sqlDB.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, sqlDB.Close()) })
	require.NoError(t, g.AutoMigrate(&row{}))
	require.NoError(t, g.Callback().Create().Before("gorm:create").Register("test", f))
	return g
}

func fileOf(t *testing.T) gorm.Dialector {
	t.Helper()
	return sqlite.Open(filepath.Join(t.TempDir(), "test.db"))
}

func TestTheTransactionOfCreateInBatchesIsFollowed(t *testing.T) {
	t.Parallel()
	errStop := errors.New("stop")
	for _, c := range []struct {
		name string
		fail bool
	}{{"to its COMMIT", false}, {"to its ROLLBACK", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDiary("sqlite")
			var followed []*pool.Tx
			var raw *sql.Tx
			g := gormWith(t, fileOf(t), func(tx *gorm.DB) {
				raw, _ = tx.Statement.ConnPool.(*sql.Tx)
				adopted, ok := d.Adopt(tx.Statement.ConnPool)
				if !assert.True(t, ok) {
					return
				}
				of, _ := adopted.(*pool.Tx)
				followed = append(followed, of)
				assert.True(t, of.Adopted())
				assert.Same(t, of, d.Adopted(raw))
				assert.NoError(t, of.Add(len(followed)))
				if c.fail && len(followed) == 2 {
					_ = tx.AddError(errStop)
				}
			})
			d.ended = func(of *pool.Tx) {
				assert.Nil(t, d.Adopted(raw), "it is forgotten")
				db, err := of.GetDBConn()
				assert.NoError(t, err)
				assert.Equal(t, map[bool]int{false: 3, true: 0}[c.fail], count(t, db), "the only connection is back in the pool")
			}
			err := g.CreateInBatches([]row{{1}, {2}, {3}}, 2).Error
			require.Len(t, followed, 2)
			assert.Same(t, followed[0], followed[1], "one transaction")
			if c.fail {
				require.ErrorIs(t, err, errStop)
				assert.Equal(t, []any{1, 2}, actions(d.end(t).RolledBack))
			} else {
				require.NoError(t, err)
				assert.Equal(t, []any{1, 2}, actions(d.end(t).Committed))
			}
			assert.NoError(t, d.end(t).Cause)
		})
	}
}

// places are places that a transaction holds.
type places struct{ releases int }

// Release counts.
func (p *places) Release() { p.releases++ }

func TestTheTransactionOfCreateInBatchesHoldsItsPlacesWhileItCommits(t *testing.T) {
	t.Parallel()
	d, held := newDiary("sqlite"), &places{}
	var stored []int
	look := func(tx *pool.Tx) {
		db, err := tx.GetDBConn()
		if assert.NoError(t, err) {
			stored = append(stored, count(t, db))
		}
	}
	g := gormWith(t, fileOf(t), func(tx *gorm.DB) { _, _ = d.Adopt(tx.Statement.ConnPool) })
	raw, err := g.DB()
	require.NoError(t, err)
	raw.SetMaxOpenConns(2)
	d.commits = func(tx *pool.Tx) pool.Held { look(tx); return held }
	d.ended = look
	require.NoError(t, g.CreateInBatches([]row{{1}, {2}, {3}}, 2).Error)
	assert.Equal(t, []int{0, 3}, stored)
	assert.Same(t, held, d.end(t).Held)
	assert.Zero(t, held.releases, "that is up to the end")
}

func TestACommitOfCreateInBatchesThatFailsIsNoCommit(t *testing.T) {
	t.Parallel()
	errLost := errors.New("invalid connection")
	for _, c := range []struct {
		fact    string
		answer  error
		unknown bool
	}{{"the database refuses it", postgresError{"40001"}, false}, {"its answer is lost", errLost, true}} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			d := newDiary("postgres")
			db := openFake(t, &fake{commit: c.answer, answer: func(string) (any, error) { return "3.45.0", nil }}) // its version
			g, err := gorm.Open(sqlite.New(sqlite.Config{Conn: db}), &gorm.Config{Logger: logger.Discard})
			require.NoError(t, err)
			require.NoError(t, g.Callback().Create().Replace("gorm:create", func(tx *gorm.DB) {
				adopted, ok := d.Adopt(tx.Statement.ConnPool)
				if assert.True(t, ok) {
					of, _ := adopted.(*pool.Tx)
					assert.NoError(t, of.Add("a"))
				}
			}))
			require.ErrorIs(t, g.CreateInBatches([]row{{1}, {2}}, 1).Error, c.answer)
			end := d.end(t)
			assert.Equal(t, c.answer, end.Cause)
			if c.unknown {
				assert.Equal(t, []any{"a", "a"}, actions(end.Unknown))
			} else {
				assert.Equal(t, []any{"a", "a"}, actions(end.RolledBack))
			}
		})
	}
}

func TestADoubtRightBeforeTheCommitOfCreateInBatchesStays(t *testing.T) {
	t.Parallel()
	d := newDiary("mysql")
	db := openFake(t, &fake{answer: func(string) (any, error) { return "3.45.0", nil }}) // its version
	g, err := gorm.Open(sqlite.New(sqlite.Config{Conn: db}), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	require.NoError(t, g.Callback().Create().Replace("gorm:create", func(tx *gorm.DB) {
		adopted, ok := d.Adopt(tx.Statement.ConnPool)
		if assert.True(t, ok) {
			of, _ := adopted.(*pool.Tx)
			assert.NoError(t, of.Add("a"))
			of.Saw(mysqlError{1205})
		}
	}))
	require.NoError(t, g.CreateInBatches([]row{{1}, {2}}, 1).Error)
	assert.Equal(t, []any{"a"}, actions(d.end(t).Unknown)[1:], "it is too late to ask the database")
}

func TestAPreparedTransactionIsAdoptedInside(t *testing.T) {
	t.Parallel()
	d := newDiary("sqlite")
	g := gormWith(t, fileOf(t), func(tx *gorm.DB) {
		prepared, ok := tx.Statement.ConnPool.(*gorm.PreparedStmtTX)
		if !assert.True(t, ok) {
			return
		}
		adopted, ok := d.Adopt(prepared)
		if !assert.True(t, ok) {
			return
		}
		twin, ok := adopted.(*gorm.PreparedStmtTX)
		assert.True(t, ok)
		assert.NotSame(t, prepared, twin)
		assert.Same(t, prepared.PreparedStmtDB, twin.PreparedStmtDB)
		assert.IsType(t, (*pool.Tx)(nil), twin.Tx)
		assert.IsType(t, (*sql.Tx)(nil), prepared.Tx, "it is not changed")
	})
	require.NoError(t, g.Session(&gorm.Session{PrepareStmt: true}).CreateInBatches([]row{{1}, {2}, {3}}, 2).Error)
	assert.NoError(t, d.end(t).Cause)
}

func TestATransactionThatCannotBeFollowedStaysAsItIs(t *testing.T) {
	t.Parallel()
	d := newDiary("sqlite")
	asked := 0
	g := gormWith(t, fileOf(t), func(*gorm.DB) {
		asked++
		empty := new(sql.Tx) // nobody has begun it
		_, ok := d.Adopt(empty)
		assert.False(t, ok)
		assert.Nil(t, d.Adopted(empty))
	})
	require.NoError(t, g.CreateInBatches([]row{{1}, {2}, {3}}, 2).Error)
	assert.Equal(t, 2, asked)
	assert.Empty(t, d.ends)
}

func TestNoOtherTransactionIsAdopted(t *testing.T) {
	t.Parallel()
	d := newDiary("sqlite")
	asked := 0
	g := gormWith(t, fileOf(t), func(tx *gorm.DB) {
		asked++
		adopted, ok := d.Adopt(tx.Statement.ConnPool)
		assert.False(t, ok)
		assert.Nil(t, adopted)
	})
	require.NoError(t, g.Create(&row{1}).Error)
	require.NoError(t, g.Transaction(func(tx *gorm.DB) error { return tx.Create(&row{2}).Error }))
	require.NoError(t, g.Session(&gorm.Session{SkipDefaultTransaction: true}).CreateInBatches([]row{{3}, {4}}, 1).Error)
	require.NoError(t, g.Session(&gorm.Session{PrepareStmt: true}).Create(&row{5}).Error)
	assert.Equal(t, 5, asked)

	db := open(t)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback() //nolint:errcheck // it is over
	for _, p := range []gorm.ConnPool{nil, db, tx, d.Wrap(db), &layer{ConnPool: tx}} {
		_, ok := d.Adopt(p)
		assert.False(t, ok, "%T", p)
	}
	assert.Nil(t, d.Adopted(tx))
}
