package pool_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
)

// pools is one of each kind, over one database.
type pools struct {
	*diary

	db       *sql.DB
	conn     *sql.Conn
	raw      *sql.Tx
	tx       *pool.Tx
	prepared *gorm.PreparedStmtDB
	ring     *layer
}

func kinds(t *testing.T) *pools {
	t.Helper()
	p := &pools{diary: newDiary("sqlite"), db: open(t), ring: &layer{}}
	var err error
	p.conn, err = p.db.Conn(t.Context())
	require.NoError(t, err)
	p.raw, err = p.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	p.tx = begin(t.Context(), t, p.diary, p.db)
	p.prepared = gorm.NewPreparedStmtDB(p.db, 10, 0)
	p.ring.ConnPool = p.ring
	t.Cleanup(func() {
		_ = p.tx.Rollback()
		_ = p.raw.Rollback()
		_ = p.conn.Close()
	})
	return p
}

// inPrepared puts a transaction into prepared-statement ones, which nest.
func (p *pools) inPrepared(tx gorm.Tx) *gorm.PreparedStmtTX {
	return &gorm.PreparedStmtTX{PreparedStmtDB: p.prepared, Tx: &gorm.PreparedStmtTX{PreparedStmtDB: p.prepared, Tx: tx}}
}

func over(below gorm.ConnPool) *layer { return &layer{ConnPool: below, name: "shard"} }

func TestFindLooksThroughLayers(t *testing.T) {
	t.Parallel()
	p := kinds(t)
	held, ok := pool.Unwrapped(over(p.tx))
	require.True(t, ok)
	for _, c := range []struct {
		name          string
		pool          gorm.ConnPool
		tx            *pool.Tx
		inTransaction bool
	}{
		{"a tracked transaction", p.tx, p.tx, true},
		{"inside prepared ones", p.inPrepared(p.tx), p.tx, true},
		{"inside a pool of another plugin", over(over(p.tx)), p.tx, true},
		{"held by such a pool", held, p.tx, true},
		{"a plain transaction is not tracked", p.raw, nil, true},
		{"nor inside prepared ones", p.inPrepared(p.raw), nil, true},
		{"nor inside a pool of another plugin", over(p.raw), nil, true},
		{"a pool that only commits is a transaction", &committer{p.db}, nil, true},
		{"also under a layer", over(&committer{p.db}), nil, true},
		{"also with nothing beneath it", &committer{}, nil, true},
		{"a pool that can both begin and commit is none", over(p.db), nil, false},
		{"nor one over itself", p.ring, nil, false},
		{"nor one over nothing", over(nil), nil, false},
		{"a database", p.db, nil, false},
		{"a wrapper", p.Wrap(p.db), nil, false},
		{"a connection", p.conn, nil, false},
		{"a wrapped connection", p.Wrap(p.conn), nil, false},
		{"a prepared-statement pool", p.prepared, nil, false},
		{"a pool that does nothing", &passive{p.db}, nil, false},
		{"nothing", nil, nil, false},
		{"a pool that is no pointer", passive{p.tx}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tx, inTransaction := pool.Find(c.pool)
			assert.Same(t, c.tx, tx)
			assert.Equal(t, c.inTransaction, inTransaction)
		})
	}
}

func TestSQLTxLooksThroughLayers(t *testing.T) {
	t.Parallel()
	p := kinds(t)
	inTx, ok := p.tx.Tx.(*sql.Tx)
	require.True(t, ok)
	for _, c := range []struct {
		name string
		pool gorm.ConnPool
		want *sql.Tx
	}{
		{"it is one", p.raw, p.raw},
		{"a tracked transaction", p.tx, inTx},
		{"inside prepared ones", p.inPrepared(p.tx), inTx},
		{"inside a pool of another plugin", over(over(p.tx)), inTx},
		{"a nil one", (*sql.Tx)(nil), nil},
		{"a nil tracked one", (*pool.Tx)(nil), nil},
		{"a database", p.db, nil},
		{"a wrapper", p.Wrap(p.db), nil},
		{"a connection", p.conn, nil},
		{"a prepared-statement pool", p.prepared, nil},
		{"a pool over a database", over(p.db), nil},
		{"a pool over itself", p.ring, nil},
		{"a pool over nothing", over(nil), nil},
		{"nothing", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tx, ok := pool.SQLTx(c.pool)
			assert.Same(t, c.want, tx)
			assert.Equal(t, c.want != nil, ok)
		})
	}
}

func TestNilIsATransactionThatCouldNotBeBegun(t *testing.T) {
	t.Parallel()
	p := kinds(t)
	for _, none := range []gorm.ConnPool{nil, (*sql.Tx)(nil), (*pool.Tx)(nil), (*gorm.PreparedStmtTX)(nil)} {
		assert.True(t, pool.Nil(none), "%T", none)
	}
	for _, some := range []gorm.ConnPool{p.db, p.tx, passive{}} {
		assert.False(t, pool.Nil(some), "%T", some)
	}
}

func TestAPoolIsForeignIfItIsUnknownAndBegins(t *testing.T) {
	t.Parallel()
	p := kinds(t)
	for name, foreign := range map[string]gorm.ConnPool{
		"it begins and commits": over(p.db), "it begins a *sql.Tx": &beginner{p.db, p.db}, "it begins something else": &poolBeginner{ConnPool: p.db},
	} {
		assert.True(t, pool.Foreign(foreign), name)
	}
	for name, known := range map[string]gorm.ConnPool{
		"nothing": nil, "a database": p.db, "a wrapper": p.Wrap(p.db), "a wrapper of a foreign pool": p.Wrap(&beginner{p.db, p.db}), "a connection": p.conn,
		"a transaction": p.raw, "a tracked one": p.tx, "a prepared one": p.inPrepared(p.tx), "a prepared-statement pool": p.prepared,
		"a pool that does not begin": &passive{p.db}, "a transaction of another kind": &committer{p.db},
	} {
		assert.False(t, pool.Foreign(known), name)
	}
}

// picky is a pool of another plugin that lies only over pools which say what their *sql.DB is.
type picky struct {
	committer

	below interface {
		gorm.ConnPool
		gorm.GetDBConnector
	}
}

func TestUnwrappedIsThePoolAsItWouldBeWithoutWrappers(t *testing.T) {
	t.Parallel()
	p := kinds(t)
	other := &beginner{p.db, p.db}
	for _, c := range []struct {
		name        string
		over, below gorm.ConnPool
	}{
		{"over a wrapped database", p.Wrap(p.db), p.db},
		{"over a wrapped connection", p.Wrap(p.conn), p.conn},
		{"over a wrapped pool of another kind", p.Wrap(other), other},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, depth := range []int{1, 3} {
				wrapped, want := c.over, c.below
				for range depth {
					wrapped, want = over(wrapped), over(want)
				}
				got, ok := pool.Unwrapped(wrapped)
				assert.True(t, ok)
				assert.Equal(t, want, got)
				assert.NotSame(t, wrapped, got, "the pool may be in use by others")
			}
		})
	}
	for name, as := range map[string]gorm.ConnPool{
		"over a database": over(p.db), "over a plain transaction": over(p.raw), "over prepared statements": over(p.prepared), "over itself": p.ring,
	} {
		got, ok := pool.Unwrapped(as)
		assert.True(t, ok, name)
		assert.Same(t, as, got, name)
	}
	for name, not := range map[string]gorm.ConnPool{
		"it only begins": other, "over nothing": over(nil), "it is not a pointer": struct{ *layer }{over(p.Wrap(p.db))},
		"it does not take what lies beneath the wrapper": &picky{below: wrapperOf(t, p)},
	} {
		_, ok := pool.Unwrapped(not)
		assert.False(t, ok, name)
	}
}

func wrapperOf(t *testing.T, p *pools) interface {
	gorm.ConnPool
	gorm.GetDBConnector
} {
	t.Helper()
	wrapper, ok := p.Wrap(p.db).(interface {
		gorm.ConnPool
		gorm.GetDBConnector
	})
	require.True(t, ok)
	return wrapper
}

func TestAPoolThatHoldsATransactionDoesNotEndIt(t *testing.T) {
	t.Parallel()
	p := kinds(t)
	require.NoError(t, p.tx.Add("a"))
	held, ok := pool.Unwrapped(over(p.tx))
	require.True(t, ok)
	shard, ok := held.(*layer)
	require.True(t, ok)
	assert.Equal(t, "shard", shard.name, "the copy keeps the other fields")
	ends, ok := shard.ConnPool.(gorm.TxCommitter)
	require.True(t, ok)
	require.NoError(t, ends.Commit(), "such a pool commits every statement")
	require.NoError(t, ends.Rollback())
	exec(t, shard, "SAVEPOINT x; ROLLBACK TO x")
	assert.Equal(t, 1, p.tx.Statements(), "statements go through the transaction")
	assert.Empty(t, p.ends)
	require.NoError(t, p.tx.Commit())
	assert.Equal(t, []any{"a"}, actions(p.end(t).Committed))
}

func TestPoolsAreTheSameIfTheirDatabaseIs(t *testing.T) {
	t.Parallel()
	p := kinds(t)
	foreign := &beginner{p.db, p.db}
	for name, same := range map[string]gorm.ConnPool{
		"itself": p.db, "a wrapper": p.Wrap(p.db), "a wrapper of another kind": p.Wrap(foreign), "prepared": p.prepared, "wrapped inside": p.Wrap(p.prepared),
		"a layer": over(p.Wrap(p.db)),
	} {
		assert.True(t, pool.Same(p.db, same), name)
		assert.True(t, pool.Same(same, p.Wrap(p.db)), name)
	}
	for name, not := range map[string]gorm.ConnPool{
		"another database": open(t), "a connection": p.conn, "a wrapped connection": p.Wrap(p.conn), "a transaction": p.raw, "a tracked one": p.tx,
		"nothing": nil, "a layer over nothing": over(nil), "a ring": p.ring,
	} {
		assert.False(t, pool.Same(p.db, not), name)
		if name != "another database" {
			assert.False(t, pool.Same(not, not), "%s has no database", name)
		}
	}
}

func TestMaxOpenIsTheLimitOfTheDatabase(t *testing.T) {
	t.Parallel()
	p := kinds(t)
	assert.Zero(t, pool.MaxOpen(p.Wrap(p.db)), "no limit")
	assert.Zero(t, pool.MaxOpen(p.tx), "no database")
	p.db.SetMaxOpenConns(7)
	for _, of := range []gorm.ConnPool{p.db, p.Wrap(p.db), p.Wrap(p.prepared), over(p.db)} {
		assert.Equal(t, 7, pool.MaxOpen(of), "%T", of)
	}
}
