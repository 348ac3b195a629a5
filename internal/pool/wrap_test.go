package pool_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
)

func TestAPoolThatBeginsHasOneWrapper(t *testing.T) {
	t.Parallel()
	db := open(t)
	for _, c := range []struct {
		name string
		raw  gorm.ConnPool
	}{
		{"*sql.DB", db},
		{"a pool that begins a *sql.Tx", &beginner{db, db}},
		{"a pool that begins something else", &poolBeginner{ConnPool: db}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDiary("sqlite")
			wrapper := d.Wrap(c.raw)
			assert.NotSame(t, c.raw, wrapper)
			assert.Same(t, wrapper, d.Wrap(c.raw), "GORM's plugins use pools as map keys")
			assert.Same(t, wrapper, d.Wrap(wrapper), "it is not wrapped again")
			assert.NotSame(t, wrapper, newDiary("sqlite").Wrap(c.raw), "each database of GORM has its own")
			assert.Implements(t, (*gorm.ConnPoolBeginner)(nil), wrapper)
			assert.NotImplements(t, (*gorm.TxCommitter)(nil), wrapper, "GORM would take it for a transaction")
			connector, ok := wrapper.(gorm.GetDBConnector)
			require.True(t, ok)
			below, err := connector.GetDBConn()
			if c.raw == db {
				require.NoError(t, err)
				assert.Same(t, db, below)
			} else {
				require.ErrorIs(t, err, gorm.ErrInvalidDB, "the pool does not say")
			}
		})
	}
}

// connected is a pool that says what its *sql.DB is.
type connected struct{ *beginner }

// GetDBConn returns the *sql.DB.
func (c *connected) GetDBConn() (*sql.DB, error) { return c.db, nil }

func TestAWrapperSaysWhatItsPoolSays(t *testing.T) {
	t.Parallel()
	db, d := open(t), newDiary("sqlite")
	tx := begin(t.Context(), t, d, &connected{&beginner{db, db}})
	got, err := tx.GetDBConn()
	require.NoError(t, err)
	assert.Same(t, db, got)
	require.NoError(t, tx.Rollback())
}

func TestWhatCannotBeginStaysAsItIs(t *testing.T) {
	t.Parallel()
	db := open(t)
	raw, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer raw.Rollback() //nolint:errcheck // it is over
	for name, p := range map[string]gorm.ConnPool{
		"nothing": nil, "*sql.Tx": raw, "a transaction of another kind": &committer{db}, "a pool that does not begin": &passive{db},
		"a pool that begins and commits": &layer{ConnPool: db}, "a tracked transaction": &pool.Tx{Tx: raw},
	} {
		assert.Equal(t, p, newDiary("sqlite").Wrap(p), name)
	}
}

func TestAConnectionIsWrappedAnew(t *testing.T) {
	t.Parallel()
	conn, err := open(t).Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	d := newDiary("sqlite")
	wrapper := d.Wrap(conn)
	assert.NotSame(t, wrapper, d.Wrap(conn), "connections come and go: no map may hold them")
	assert.False(t, pool.Lasts(wrapper))
	assert.True(t, pool.Lasts(d.Wrap(open(t))))
	prepared := &gorm.PreparedStmtDB{ConnPool: wrapper}
	assert.False(t, pool.Lasts(prepared))
	for _, p := range []gorm.ConnPool{nil, d.Wrap(open(t)), conn, wrapper, prepared} {
		assert.False(t, pool.GivenBack(p), "%T", p)
	}
	assert.Same(t, wrapper, d.Wrap(wrapper))
	assert.Implements(t, (*interface {
		PingContext(ctx context.Context) error
	})(nil), wrapper)
	tx := begin(t.Context(), t, d, conn)
	require.NoError(t, tx.Add("a"))
	exec(t, tx, "INSERT INTO t VALUES (1)")
	require.NoError(t, tx.Commit())
	assert.Equal(t, []any{"a"}, actions(d.end(t).Committed))
	assert.Equal(t, 1, count(t, conn))
	_, err = tx.GetDBConn()
	require.ErrorIs(t, err, gorm.ErrInvalidDB, "a *sql.Conn does not show its *sql.DB")
	require.NoError(t, conn.Close())
	for _, p := range []gorm.ConnPool{conn, wrapper, prepared} {
		assert.True(t, pool.GivenBack(p), "%T", p)
	}
}

func TestAPreparedStatementPoolIsWrappedInside(t *testing.T) {
	t.Parallel()
	db, d := open(t), newDiary("sqlite")
	prepared := gorm.NewPreparedStmtDB(db, 10, 0)
	twin, ok := d.Wrap(prepared).(*gorm.PreparedStmtDB)
	require.True(t, ok)
	assert.NotSame(t, prepared, twin)
	assert.Same(t, db, prepared.ConnPool, "others may use it")
	assert.Same(t, d.Wrap(db), twin.ConnPool)
	assert.Equal(t, prepared.Stmts, twin.Stmts)
	assert.Same(t, prepared.Mux, twin.Mux)
	assert.Same(t, twin, d.Wrap(twin), "there is nothing more to do")

	assert.Same(t, prepared, d.WrapInside(prepared), "users hold on to this one")
	assert.Same(t, d.Wrap(db), prepared.ConnPool)
	assert.Same(t, d.Wrap(db), d.WrapInside(db))
}

func TestEverythingOfTheDatabaseStaysVisible(t *testing.T) {
	t.Parallel()
	wrapper := newDiary("sqlite").Wrap(open(t))
	visible, ok := wrapper.(interface {
		Ping() error
		SetMaxOpenConns(n int)
		Stats() sql.DBStats
	})
	require.True(t, ok)
	visible.SetMaxOpenConns(3)
	assert.Equal(t, 3, visible.Stats().MaxOpenConnections)
	require.NoError(t, visible.Ping())
	exec(t, wrapper, "INSERT INTO t VALUES (1)")
	assert.Equal(t, 1, count(t, wrapper))
}

func TestAWrapperBeginsATrackedTransaction(t *testing.T) {
	t.Parallel()
	db := open(t)
	raw, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = raw.Rollback() })
	for _, c := range []struct {
		name string
		raw  gorm.ConnPool
	}{
		{"*sql.DB", db},
		{"a pool that begins a *sql.Tx", &beginner{db, db}},
		{"a pool that begins something else", &poolBeginner{ConnPool: db, begun: raw}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDiary("sqlite")
			var began []gorm.ConnPool
			d.begin = func(ctx context.Context, outside gorm.ConnPool) (func(error) error, error) {
				assert.Equal(t, "here", ctx.Value(place{}))
				began = append(began, outside)
				return nil, nil
			}
			tx := begin(context.WithValue(t.Context(), place{}, "here"), t, d, c.raw)
			assert.Same(t, d.Wrap(c.raw), tx.Outside)
			assert.Equal(t, []gorm.ConnPool{tx.Outside}, began)
			assert.NotImplements(t, (*gorm.ConnPoolBeginner)(nil), tx, "transactions in it would be no savepoints")
			assert.False(t, tx.Adopted())
			if c.raw == db {
				below, err := tx.GetDBConn()
				require.NoError(t, err)
				assert.Same(t, db, below)
			}
			require.NoError(t, tx.Rollback())
		})
	}
}

type place struct{}

func TestATransactionOfAnUnknownKindStaysUntracked(t *testing.T) {
	t.Parallel()
	db, d := open(t), newDiary("sqlite")
	begun := &committer{db}
	wrapper, ok := d.Wrap(&poolBeginner{ConnPool: db, begun: begun}).(gorm.ConnPoolBeginner)
	require.True(t, ok)
	got, err := wrapper.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	assert.Same(t, begun, got, "it has no StmtContext")
}

func TestATransactionThatCannotBeginIsANilOne(t *testing.T) {
	t.Parallel()
	errBusy, errRefused := errors.New("busy"), errors.New("refused")
	closed := open(t)
	require.NoError(t, closed.Close())
	for _, c := range []struct {
		name  string
		begin pool.Begin
		want  error
	}{
		{"the database refuses it", func(context.Context, gorm.ConnPool) (func(error) error, error) { return nil, nil }, nil},
		{"the hook refuses it", func(context.Context, gorm.ConnPool) (func(error) error, error) {
			return func(error) error { panic("nothing was begun") }, errRefused
		}, errRefused},
		{"the hook explains the error", func(context.Context, gorm.ConnPool) (func(error) error, error) {
			return func(err error) error { return errors.Join(errBusy, err) }, nil
		}, errBusy},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDiary("sqlite")
			d.begin = c.begin
			wrapper, ok := d.Wrap(closed).(gorm.ConnPoolBeginner)
			require.True(t, ok)
			tx, err := wrapper.BeginTx(t.Context(), nil)
			require.Error(t, err)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			require.IsType(t, (*pool.Tx)(nil), tx, "GORM looks for a nil pointer in an interface")
			assert.Nil(t, tx)
			assert.True(t, pool.Nil(tx))
			_, inTransaction := pool.Find(tx)
			assert.True(t, inTransaction)
			_, ok = pool.SQLTx(tx)
			assert.False(t, ok)
		})
	}
}
