package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/dispatch"
	"github.com/gorm-signals/signals/internal/fault"
)

// limit says how many connections the database may have.
func (w *world) limit(n int) {
	w.t.Helper()
	raw, err := w.db.DB()
	require.NoError(w.t, err)
	raw.SetMaxOpenConns(n)
}

// holding opens nested sends, each in the transaction with its number, and returns the context of the innermost. Number 0 is no transaction. A
// negative number is a transaction that has ended.
func (w *world) holding(numbers ...int) (ctx context.Context, begun map[int]*gorm.DB) {
	w.t.Helper()
	ctx, begun = w.t.Context(), map[int]*gorm.DB{0: w.db}
	for _, n := range numbers {
		if begun[n] == nil {
			begun[n], _ = w.begin()
		}
		ctx = w.bound(ctx, begun[n]) //nolint:fatcontext // the nesting is the subject
	}
	for n, db := range begun {
		if n < 0 {
			require.NoError(w.t, db.Rollback().Error)
		}
	}
	return ctx, begun
}

func TestATransactionIsNotBegunThatWouldWaitForEver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact    string
		limit   int
		holds   []int
		refused bool
	}{
		{"the only connection is held by the write that waits", 1, []int{1}, true},
		{"there is another one", 2, []int{1}, false},
		{"there is no limit", 0, []int{1}, false},
		{"two writes that wait hold both", 2, []int{1, 2}, true},
		{"there is a third", 3, []int{1, 2}, false},
		{"a transaction holds one connection, however many of its writes wait", 2, []int{1, 1, 1}, false},
		{"also with writes of another one between them", 3, []int{1, 2, 1}, false},
		{"a write outside any transaction holds none", 1, []int{0}, false},
		{"nor does one whose transaction has ended", 1, []int{-1}, false},
		{"outside any send nobody waits", 1, nil, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ctx, _ := w.holding(c.holds...)
			w.limit(c.limit)
			begun := w.db.WithContext(ctx).Begin()
			read := w.db.WithContext(ctx).Model(&item{})
			w.Runs(read)
			if !c.refused {
				require.NoError(t, begun.Error)
				require.NoError(t, begun.Rollback().Error)
				require.NoError(t, read.Error)
				return
			}
			for what, err := range map[string]error{"a transaction": begun.Error, "a statement by itself": read.Error} {
				require.ErrorIs(t, err, fault.ErrOtherSession, what)
				require.ErrorContains(t, err, "SetMaxOpenConns", what)
				require.ErrorContains(t, err, "write through e.DB()", "the error names the cure")
			}
		})
	}
}

func TestOnlyConnectionsOfTheSameDatabaseAreCounted(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	ctx, _ := w.holding(1)
	w.limit(1)
	other.limit(1)
	begun := other.db.WithContext(ctx).Begin()
	require.NoError(t, begun.Error)
	require.NoError(t, begun.Rollback().Error)
}

func TestAFrameThatHasLeftHoldsNoConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db, _ := w.begin()
	f := w.bound(t.Context(), db)
	f.Leave(nil, &dispatch.Ended{})
	w.limit(1)
	explain, err := w.Beginning(f, w.db.ConnPool)
	require.NoError(t, err)
	assert.Nil(t, explain)
}

func TestAStatementIsNotRefusedThatNeedsNoOtherConnection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fact string
		of   func(w *world, ctx context.Context, tx *gorm.DB) *gorm.DB
		want string
	}{
		{"in the transaction", func(_ *world, ctx context.Context, tx *gorm.DB) *gorm.DB { return tx.WithContext(ctx) }, ""},
		{"that is not run", func(w *world, ctx context.Context, _ *gorm.DB) *gorm.DB {
			return w.db.Session(&gorm.Session{Context: ctx, DryRun: true})
		}, ""},
		{"that has failed", func(w *world, ctx context.Context, _ *gorm.DB) *gorm.DB {
			db := w.db.WithContext(ctx).Model(&item{})
			_ = db.AddError(errors.New("before"))
			return db
		}, "before"},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ctx, begun := w.holding(1)
			w.limit(1)
			db := c.of(w, ctx, begun[1]).Model(&item{})
			w.Runs(db)
			if c.want == "" {
				require.NoError(t, db.Error)
				return
			}
			require.EqualError(t, db.Error, c.want)
		})
	}
}

// Errors in the shapes of the drivers.
type (
	mysqlError struct {
		Number uint16
		text   string
	}
	postgresError struct{ state, text string }
	sqliteError   struct {
		Code int
		text string
	}
)

func (e mysqlError) Error() string       { return e.text }
func (e postgresError) Error() string    { return e.text }
func (e postgresError) SQLState() string { return e.state }
func (e sqliteError) Error() string      { return e.text }

func TestErrorsOfWaitingNameTheCure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of     string
		err    error
		waited bool
	}{
		{"a deadline", fmt.Errorf("begin: %w", context.DeadlineExceeded), true},
		{"SQLite", errors.New("database is locked"), true},
		{"SQLite, within one process", errors.New("database table is locked: items"), true},
		{"MySQL, a lock wait", errors.New("Error 1205 (HY000): Lock wait timeout exceeded"), true},
		{"MySQL, a deadlock", errors.New("Error 1213 (40001): Deadlock found"), true},
		{"PostgreSQL, NOWAIT", errors.New("ERROR: could not obtain lock (SQLSTATE 55P03)"), true},
		{"PostgreSQL, a deadlock", errors.New("ERROR: deadlock (SQLSTATE 40P01)"), true},
		{"PostgreSQL, lock_timeout", errors.New("canceling statement due to lock timeout"), true},
		{"PostgreSQL, in words", errors.New("deadlock detected"), true},
		{"MySQL, by number", mysqlError{1205, "patience"}, true},
		{"PostgreSQL, by state", fmt.Errorf("a: %w", postgresError{"40P01", "crossing"}), true},
		{"SQLite, by code", sqliteError{5 | 1<<8, "wait"}, true},
		{"MySQL, a value with such words", mysqlError{1062, "Duplicate entry 'deadlock detected' for key 'name'"}, false},
		{"PostgreSQL, a value with such words", postgresError{"23505", "Key (name)=(lock timeout) already exists"}, false},
		{"SQLite, a message with such words", sqliteError{19, "database is locked"}, false},
		{"another error", errors.New("no such table: items"), false},
		{"a context that was cancelled", context.Canceled, false},
		{"an error that names it already", fmt.Errorf("%w: database is locked", fault.ErrOtherSession), false},
	} {
		t.Run(c.of, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ctx, _ := w.holding(1)
			explain, err := w.Beginning(ctx, w.db.ConnPool)
			require.NoError(t, err)
			db := w.db.WithContext(ctx).Model(&item{})
			db.Error = c.err
			dispatch.Explain(db)
			for _, got := range []error{explain(c.err), db.Error} {
				require.ErrorIs(t, got, c.err)
				if c.waited {
					require.ErrorIs(t, got, fault.ErrOtherSession)
					continue
				}
				assert.Equal(t, c.err, got, "stays as it is")
			}
		})
	}
}

func TestAnErrorOfWaitingIsExplainedOnlyWhereAWriteWaitsForTheStatement(t *testing.T) {
	t.Parallel()
	locked := errors.New("database is locked")
	for _, c := range []struct {
		fact      string
		holds     []int
		on        int // the transaction of the statement
		explained bool
	}{
		{"a statement on another connection", []int{1}, 0, true},
		{"a statement of the transaction of the innermost write", []int{1}, 1, false},
		{"the same with outer writes", []int{1, 2}, 2, false},
		{"a statement of the transaction of an outer write", []int{1, 2}, 1, true},
		{"a write outside any transaction waits for nobody", []int{0}, 0, false},
		{"a transaction that has ended waits for nobody", []int{-1}, 0, false},
		{"outside any send nobody waits", nil, 0, false},
	} {
		t.Run(c.fact, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ctx, begun := w.holding(c.holds...)
			db := begun[c.on].WithContext(ctx).Model(&item{})
			db.Error = locked
			dispatch.Explain(db)
			require.ErrorIs(t, db.Error, locked)
			assert.Equal(t, c.explained, errors.Is(db.Error, fault.ErrOtherSession))
			db.Error = nil
			dispatch.Explain(db)
			require.NoError(t, db.Error, "a statement that succeeds has nothing to explain")
		})
	}
}
