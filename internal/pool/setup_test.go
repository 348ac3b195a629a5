package pool_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"

	_ "github.com/mattn/go-sqlite3" // the database of the tests
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals/internal/pool"
	"github.com/gorm-signals/signals/internal/txn"
)

// diary notes what the transactions of its pools have called.
type diary struct {
	*pool.Pools

	begin   func(ctx context.Context, outside gorm.ConnPool) (func(error) error, error)
	before  func(tx *pool.Tx) error
	commits func(tx *pool.Tx) pool.Held
	ended   func(tx *pool.Tx)

	mu   sync.Mutex
	ends []pool.End
	of   []*pool.Tx
	done chan struct{} // an entry for every end
}

// newDiary returns pools for a database of a dialect. Set its functions before the first transaction.
func newDiary(dialect string) *diary {
	d := &diary{done: make(chan struct{}, 100)}
	d.Pools = pool.New(dialect, pool.Hooks{
		Begin: func(ctx context.Context, outside gorm.ConnPool) (func(error) error, error) {
			if d.begin == nil {
				return nil, nil
			}
			return d.begin(ctx, outside)
		},
		Before: func(tx *pool.Tx) error {
			if d.before == nil {
				return nil
			}
			return d.before(tx)
		},
		Commits: func(tx *pool.Tx) pool.Held {
			if d.commits == nil {
				return nil
			}
			return d.commits(tx)
		},
		Ended: func(tx *pool.Tx, end pool.End) {
			if d.ended != nil {
				d.ended(tx)
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			d.ends, d.of = append(d.ends, end), append(d.of, tx)
			d.done <- struct{}{}
		},
		Capture: noCapture{},
	})
	return d
}

// end returns how the only transaction ended.
func (d *diary) end(t *testing.T) pool.End {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	require.Len(t, d.ends, 1)
	return d.ends[0]
}

// noCapture captures nothing.
type noCapture struct{}

// List returns nothing.
func (noCapture) List(*pool.Tx, int) []string { return nil }

// Run runs nothing.
func (noCapture) Run(*pool.Tx, int, func(before bool, err error)) {}

// open returns a new database with a table t of one column.
func open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(t.TempDir(), "test.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.ExecContext(t.Context(), "CREATE TABLE t (a INTEGER PRIMARY KEY)")
	require.NoError(t, err)
	return db
}

// begin begins a transaction on a wrapper of a database.
func begin(ctx context.Context, t *testing.T, d *diary, db gorm.ConnPool) *pool.Tx {
	t.Helper()
	wrapper, ok := d.Wrap(db).(gorm.ConnPoolBeginner)
	require.True(t, ok)
	begun, err := wrapper.BeginTx(ctx, nil)
	require.NoError(t, err)
	tx, ok := begun.(*pool.Tx)
	require.True(t, ok)
	return tx
}

// exec runs a statement that must succeed.
func exec(t *testing.T, on gorm.ConnPool, query string) {
	t.Helper()
	_, err := on.ExecContext(t.Context(), query)
	require.NoError(t, err)
}

// count returns how many rows table t has.
func count(t *testing.T, on gorm.ConnPool) (n int) {
	t.Helper()
	require.NoError(t, on.QueryRowContext(t.Context(), "SELECT count(*) FROM t").Scan(&n))
	return n
}

// actions returns the actions of items.
func actions(items []txn.Item[any]) (list []any) {
	for _, it := range items {
		list = append(list, it.Action)
	}
	return list
}

// layer is a pool of another plugin that lies over one and passes everything through. It begins and commits.
type layer struct {
	gorm.ConnPool

	name string
}

// BeginTx begins a transaction below.
func (l *layer) BeginTx(context.Context, *sql.TxOptions) (gorm.ConnPool, error) { return l, nil }

// Commit does nothing.
func (*layer) Commit() error { return nil }

// Rollback does nothing.
func (*layer) Rollback() error { return nil }

// beginner is a pool that only begins, as *sql.DB does.
type beginner struct {
	gorm.ConnPool

	db *sql.DB
}

// BeginTx begins a transaction.
func (b *beginner) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	return b.db.BeginTx(ctx, opts)
}

// poolBeginner is a pool that only begins, and not a *sql.Tx.
type poolBeginner struct {
	gorm.ConnPool

	begun gorm.ConnPool
}

// BeginTx returns what the test wants to be begun.
func (b *poolBeginner) BeginTx(context.Context, *sql.TxOptions) (gorm.ConnPool, error) {
	return b.begun, nil
}

// committer is a transaction of an unknown kind.
type committer struct{ gorm.ConnPool }

// Commit does nothing.
func (*committer) Commit() error { return nil }

// Rollback does nothing.
func (*committer) Rollback() error { return nil }

// passive is a pool that neither begins nor commits.
type passive struct{ gorm.ConnPool }
