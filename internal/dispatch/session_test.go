package dispatch_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/testkit"
)

// newStore is newWorld with a database that stores items.
func newStore(t *testing.T, config gorm.Config) *world {
	t.Helper()
	return worldOf(t, testkit.Open(t, &config, &item{}))
}

// count returns how many items are stored.
func (w *world) count() (n int64) {
	w.t.Helper()
	require.NoError(w.t, w.db.Model(&item{}).Count(&n).Error)
	return n
}

// bound returns the frame of a write of db whose receivers have been called.
func (w *world) bound(ctx context.Context, db *gorm.DB) *dispatch.Frame {
	w.t.Helper()
	f := w.frameOn(ctx, db)
	require.NoError(w.t, w.Send(f.Plan, dispatch.PostSave, f, w.rows("1")))
	return f
}

func TestASessionIsInTheTransactionOfItsWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact string
		end  func(tx *gorm.DB) error
		want int64
	}{
		{"it stores what the transaction commits", func(tx *gorm.DB) error { return tx.Commit().Error }, 1},
		{"and nothing that the transaction rolls back", func(tx *gorm.DB) error { return tx.Rollback().Error }, 0},
	} {
		for fact, prepare := range map[string]bool{c.fact: false, c.fact + ", with prepared statements": true} {
			t.Run(fact, func(t *testing.T) {
				t.Parallel()
				w := newStore(t, gorm.Config{PrepareStmt: prepare})
				db, _ := w.begin()
				require.NoError(t, w.bound(t.Context(), db).Session().Create(&item{}).Error)
				require.NoError(t, c.end(db))
				assert.Equal(t, c.want, w.count())
			})
		}
	}
}

func TestASessionThatOutlivesItsTransactionIsOutsideIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact string
		make func(w *world, db *gorm.DB, tx *pool.Tx) *dispatch.Frame
	}{
		{"of an event that a receiver has kept", func(w *world, db *gorm.DB, _ *pool.Tx) *dispatch.Frame { return w.bound(w.t.Context(), db) }},
		{"of a deferred receiver", func(w *world, db *gorm.DB, tx *pool.Tx) *dispatch.Frame {
			f := w.bound(w.t.Context(), db)
			f.Detach(db.Statement, &dispatch.Settings{})
			f.Leave(tx.Outside, &dispatch.Ended{})
			return f
		}},
		{"of a deferred receiver that knows no other pool", func(w *world, db *gorm.DB, _ *pool.Tx) *dispatch.Frame {
			f := w.bound(w.t.Context(), db)
			f.Leave(nil, &dispatch.Ended{})
			return f
		}},
	} {
		for fact, prepare := range map[string]bool{c.fact: false, c.fact + ", with prepared statements": true} {
			t.Run(fact, func(t *testing.T) {
				t.Parallel()
				w := newStore(t, gorm.Config{PrepareStmt: prepare})
				db, tx := w.begin()
				f := c.make(w, db, tx)
				require.NoError(t, db.Rollback().Error)
				session := f.Session()
				require.NoError(t, session.Create(&item{}).Error)
				require.NoError(t, session.Session(&gorm.Session{NewDB: true}).Create(&item{}).Error, "also through sessions that are made of it")
				assert.EqualValues(t, 2, w.count())
				_, prepares := session.Statement.ConnPool.(*gorm.PreparedStmtDB)
				assert.Equal(t, prepare, prepares, "it prepares statements if the database does")
			})
		}
	}
}

// another is a pool that dbresolver might put in place of the database's own.
type another struct{ gorm.ConnPool }

func TestASessionIsOnThePoolOfItsStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := w.db.ConnPool
	other := &another{own}
	db := w.db.Session(&gorm.Session{Context: t.Context()})
	db.Statement.ConnPool = other
	f := w.bound(t.Context(), db)
	unbound := w.frameOn(t.Context(), db)
	assert.Same(t, other, unbound.Session().Statement.ConnPool)
	db.Statement.ConnPool = own // as GORM does at the end of a statement
	assert.Same(t, other, f.Session().Statement.ConnPool)
	assert.Same(t, own, unbound.Session().Statement.ConnPool, "a frame that sent nothing has nothing else to go by")
	require.NoError(t, w.Send(f.Plan, dispatch.PostSave, f, w.rows("1")))
	assert.Same(t, other, f.Session().Statement.ConnPool, "whatever is sent later")
	assert.Same(t, own, f.Session().ConnPool, "sessions that it makes anew are on the database's own")
	f.Leave(nil, &dispatch.Ended{})
	assert.Same(t, other, f.Session().ConnPool, "and on the statement's once that is all there is")
	f.Leave(own, &dispatch.Ended{})
	assert.Same(t, own, f.Session().Statement.ConnPool, "a frame that leaves may say where its sessions go")
}

func TestASessionOnAnotherPoolIsNotOnThePreparedStatementsOfTheDatabase(t *testing.T) {
	t.Parallel()
	w := newStore(t, gorm.Config{PrepareStmt: true})
	other := &another{w.db.ConnPool}
	f := w.frame(t.Context())
	f.Leave(other, &dispatch.Ended{})
	assert.Same(t, other, f.Session().Statement.ConnPool)
	assert.Same(t, other, f.Session().ConnPool, "nor are sessions that are made of it")
}

func TestASessionCarriesTheFrameAndTheSettingsOfItsStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.db.Session(&gorm.Session{SkipDefaultTransaction: true}).Set("tenant", 7)
	f := w.frameOn(context.WithValue(t.Context(), key{}, "kept"), db)
	session := f.Session()
	assert.Same(t, f, dispatch.FrameOf(session.Statement.Context))
	assert.Equal(t, "kept", session.Statement.Context.Value(key{}))
	tenant, ok := session.Get("tenant")
	assert.True(t, ok)
	assert.Equal(t, 7, tenant)
	_, ok = session.Model(&item{}).Get("tenant")
	assert.False(t, ok, "as in GORM's hooks, the session has them, and not the statements that are made of it")
	assert.True(t, session.SkipDefaultTransaction, "and the configuration of the session that wrote")
}

func TestASessionIsUnscopedAsItsStatementIfTheDatabaseWantsThat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ unscoped, propagate, want bool }{
		{true, true, true}, {true, false, false}, {false, true, false},
	} {
		w := newWorld(t)
		db := w.db.Session(&gorm.Session{PropagateUnscoped: c.propagate})
		if c.unscoped {
			db = db.Unscoped()
		}
		f := w.frameOn(t.Context(), db)
		assert.Equal(t, c.want, f.Session().Statement.Unscoped, "%+v", c)
		f.Detach(db.Statement, &dispatch.Settings{})
		assert.Equal(t, c.want, f.Session().Statement.Unscoped, "%+v, detached", c)
	}
}

func TestASessionInheritsNothingElseOfItsStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.db.Table("archive").Where("price > ?", 1).Select("name").Omit("price").Joins("Shop").Preload("Shop").Distinct().
		InstanceSet("own", 1).Set("gorm:saved_association_map", "GORM's").Session(&gorm.Session{SkipHooks: true}).Model(&item{})
	db.Statement.Dest, db.Statement.Schema, db.Statement.Vars = &item{}, w.schemaOf(&item{}), []any{1}
	db.Statement.SQL.WriteString("INSERT")
	_ = db.AddError(errors.New("of the write"))
	f := w.frameOn(t.Context(), db)
	stmt := f.Session().Statement
	require.NoError(t, f.Session().Error)
	assert.Empty(t, stmt.Table)
	assert.Empty(t, stmt.Clauses)
	assert.NotNil(t, stmt.Clauses, "GORM adds to them")
	assert.Empty(t, stmt.Selects)
	assert.Empty(t, stmt.Omits)
	assert.Empty(t, stmt.Joins)
	assert.Empty(t, stmt.Preloads)
	assert.Empty(t, stmt.SQL.String())
	assert.Empty(t, stmt.Vars)
	assert.Nil(t, stmt.Dest)
	assert.Nil(t, stmt.Model)
	assert.Nil(t, stmt.Schema)
	assert.False(t, stmt.Distinct)
	assert.False(t, stmt.SkipHooks)
	stmt.Settings.Range(func(k, _ any) bool { return assert.Fail(t, "GORM's own settings are of the statement alone", k) })
	assert.NotSame(t, db.Config, f.Session().Config)
}

func TestSessionsOfOneFrameShareNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.frame(t.Context())
	first := f.Session()
	_ = first.AddError(errors.New("of the first"))
	first.Statement.Table = "archive"
	first.SkipDefaultTransaction = true
	second := f.Session()
	require.NoError(t, second.Error)
	assert.Empty(t, second.Statement.Table)
	assert.False(t, second.SkipDefaultTransaction)
}

func TestADetachedFrameSharesNothingWithItsStatement(t *testing.T) {
	t.Parallel()
	w := newStore(t, gorm.Config{})
	db := w.db.Set("tenant", 7)
	f := w.frameOn(t.Context(), db)
	f.Detach(db.Statement, &dispatch.Settings{})
	db.Statement.Settings.Store("tenant", 8)
	db.Statement.Settings.Store("later", true)
	db.Statement.ConnPool = nil
	session := f.Session()
	tenant, _ := session.Get("tenant")
	assert.Equal(t, 7, tenant, "GORM may use the statement again")
	_, ok := session.Get("later")
	assert.False(t, ok)
	require.NoError(t, session.Create(&item{}).Error)
	assert.EqualValues(t, 1, w.count())
}

func TestWithoutAWriteThereIsNoSession(t *testing.T) {
	t.Parallel()
	assert.Nil(t, (*dispatch.Frame)(nil).Session())
	assert.Nil(t, dispatch.Mute(t.Context(), nil).Session())
}
