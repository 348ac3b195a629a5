package behaviour_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// shardingPool has the shape of gorm.io/sharding's pool: it begins and commits, and sends statements to another table.
type shardingPool struct{ gorm.ConnPool }

func (p shardingPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.ConnPool.ExecContext(ctx, sharded(query), args...)
}

func (p shardingPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.ConnPool.QueryContext(ctx, sharded(query), args...)
}

func (p shardingPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.ConnPool.QueryRowContext(ctx, sharded(query), args...)
}

// sharded names the table of a shard where a statement names its table, and nowhere else: conditions that name it fail.
func sharded(query string) string {
	for _, before := range []string{"INTO ", "FROM ", "UPDATE "} {
		query = strings.Replace(query, before+"`products`", before+"`products_1`", 1)
	}
	return query
}

func (p *shardingPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	if below, ok := p.ConnPool.(gorm.ConnPoolBeginner); ok {
		return below.BeginTx(ctx, opts)
	}
	return p, nil
}

func (p *shardingPool) Commit() error {
	if _, ok := p.ConnPool.(*sql.Tx); ok {
		return nil
	}
	if below, ok := p.ConnPool.(gorm.TxCommitter); ok {
		return below.Commit()
	}
	return nil
}

func (p *shardingPool) Rollback() error {
	if _, ok := p.ConnPool.(*sql.Tx); ok {
		return nil
	}
	if below, ok := p.ConnPool.(gorm.TxCommitter); ok {
		return below.Rollback()
	}
	return nil
}

// sharding is the plugin that puts such a pool over the one of every statement.
type sharding struct{}

func (sharding) Name() string { return "sharding" }

func (sharding) Initialize(db *gorm.DB) error {
	over := func(tx *gorm.DB) { tx.Statement.ConnPool = &shardingPool{tx.Statement.ConnPool} }
	for _, err := range []error{
		db.Callback().Create().Before("*").Register("sharding", over), db.Callback().Update().Before("*").Register("sharding", over),
		db.Callback().Delete().Before("*").Register("sharding", over), db.Callback().Query().Before("*").Register("sharding", over),
		db.Callback().Row().Before("*").Register("sharding", over), db.Callback().Raw().Before("*").Register("sharding", over),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// shardedDB returns a database with a table and its shard.
func shardedDB(t *testing.T, plugins ...gorm.Plugin) *gorm.DB {
	t.Helper()
	db := testkit.Open(t, &gorm.Config{}, &Product{})
	require.NoError(t, db.Exec("CREATE TABLE products_1 AS SELECT * FROM products").Error)
	require.NoError(t, db.Exec("DROP TABLE products_1").Error)
	var create string
	require.NoError(t, db.Raw("SELECT sql FROM sqlite_master WHERE name = 'products'").Scan(&create).Error)
	require.NoError(t, db.Exec(strings.Replace(create, "products", "products_1", 1)).Error)
	for _, p := range plugins {
		require.NoError(t, db.Use(p))
	}
	return db
}

// shardedScripts are what programs do beside such a pool. Conditions name no table, as it demands.
func shardedScripts() map[string]func(db *gorm.DB) error {
	create := func(db *gorm.DB, name string) error { return db.Create(&Product{Name: name}).Error }
	return map[string]func(db *gorm.DB) error{
		"create":         func(db *gorm.DB) error { return create(db, "new") },
		"update":         func(db *gorm.DB) error { return db.Model(&Product{}).Where("name = ?", "old").Update("stock", 5).Error },
		"delete":         func(db *gorm.DB) error { return db.Where("name = ?", "old").Delete(&Product{}).Error },
		"find":           func(db *gorm.DB) error { return db.Where("name = ?", "old").Find(&[]Product{}).Error },
		"a create fails": func(db *gorm.DB) error { _ = db.Create(&Product{ID: 1, Name: "twice"}).Error; return create(db, "new") },
		"upsert": func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Product{ID: 1}).Error
		},
		"an error of ours": func(db *gorm.DB) error { _ = create(db, "refused"); return nil },
		"transaction": func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				if err := create(tx, "a"); err != nil {
					return err
				}
				return tx.Model(&Product{}).Where("name = ?", "a").Update("stock", 1).Error
			})
		},
		"rollback": func(db *gorm.DB) error {
			_ = db.Transaction(func(tx *gorm.DB) error {
				_ = create(tx, "a")
				_ = tx.Where("name = ?", "old").Delete(&Product{}).Error
				return errBoom
			})
			return nil
		},
		"savepoint": func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				_ = create(tx, "a")
				_ = tx.Transaction(func(tx *gorm.DB) error {
					_ = create(tx, "b")
					return errBoom
				})
				return create(tx, "c")
			})
		},
	}
}

func shards(t *testing.T, db *gorm.DB) string {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	var all []string
	for _, table := range []string{"products", "products_1"} {
		rows, err := pool.QueryContext(t.Context(), "SELECT id, name, stock FROM "+table+" ORDER BY id")
		require.NoError(t, err)
		for rows.Next() {
			var id, stock int
			var name string
			require.NoError(t, rows.Scan(&id, &name, &stock))
			all = append(all, fmt.Sprint(table, " ", id, " ", name, " ", stock))
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close()) //nolint:sqlclosecheck // a test that fails here ends
	}
	return strings.Join(all, "\n")
}

func TestWritesBesideAPoolThatBeginsAndCommitsGoWhereTheyGoWithoutThePlugin(t *testing.T) {
	t.Parallel()
	for name, script := range shardedScripts() {
		for _, tracking := range []signals.Tracking{signals.TrackAll, signals.TrackExplicit} {
			for _, first := range []bool{true, false} {
				for _, hears := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s tracking=%d first=%t hears=%t", name, tracking, first, hears), func(t *testing.T) {
						t.Parallel()
						run := func(db *gorm.DB) (string, string) {
							require.NoError(t, db.Create(&[]Product{{Name: "old"}, {Name: "other"}}).Error)
							err := script(db)
							return shards(t, db), fmt.Sprint(err)
						}
						want, wantErr := run(shardedDB(t, sharding{}))
						with := []gorm.Plugin{sharding{}, signals.Plugin{Tracking: tracking}}
						if first {
							with[0], with[1] = with[1], with[0]
						}
						db := shardedDB(t, with...)
						if hears {
							traceProducts(db)
						}
						got, gotErr := run(db)
						assert.Equal(t, want, got)
						assert.Equal(t, wantErr, gotErr)
						assert.Contains(t, got, "products_1 ", "the rows are in the shard")
					})
				}
			}
		}
	}
}

func TestReceiversAfterTheCommitWorkBesideAPoolThatBeginsAndCommits(t *testing.T) {
	t.Parallel()
	db := shardedDB(t, signals.Plugin{}, sharding{})
	var heard []string
	for name, phase := range map[string]signals.ConnectOption{"committed": signals.AfterCommit(), "undone": signals.AfterRollback()} {
		signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
			heard = append(heard, name+" "+e.Instance.Name)
			return nil
		}, phase)
	}
	require.NoError(t, shardedScripts()["create"](db))
	require.NoError(t, shardedScripts()["savepoint"](db))
	require.NoError(t, shardedScripts()["rollback"](db))
	assert.Equal(t, []string{"committed new", "undone b", "committed a", "committed c", "undone a"}, heard)

	explicit := shardedDB(t, signals.Plugin{Tracking: signals.TrackExplicit}, sharding{})
	heard = nil
	signals.For[Product](explicit).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		heard = append(heard, e.Instance.Name)
		return nil
	}, signals.AfterCommit())
	err := shardedScripts()["transaction"](explicit)
	require.ErrorIs(t, err, signals.ErrUntracked, "the transaction is a plain one, whatever lies over it")
	require.NoError(t, signals.Transaction(explicit, func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Product{Name: "a"}).Error)
		assert.Empty(t, heard, "nothing is early")
		return nil
	}))
	assert.Equal(t, []string{"a"}, heard)
}

// ownTransactions begins and commits, and its transactions are its own.
type ownTransactions struct{ *sql.DB }

func (p *ownTransactions) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	return p.DB.BeginTx(ctx, opts)
}
func (*ownTransactions) Commit() error   { return nil }
func (*ownTransactions) Rollback() error { return nil }

func TestAPoolWhoseTransactionsCannotBeSeenIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	pool, err := db.DB()
	require.NoError(t, err)
	tx := db.Session(&gorm.Session{NewDB: true, Context: t.Context()})
	tx.Statement.ConnPool = &ownTransactions{pool}
	require.ErrorIs(t, tx.Create(&Product{Name: "a"}).Error, signals.ErrForeignPool)
	assert.Zero(t, count[Product](t, db))
}
