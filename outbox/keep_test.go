package outbox_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals/outbox"
)

// configs are settings of GORM and of the plugin that change how transactions begin and end.
var configs = map[string]struct {
	gorm   gorm.Config
	plugin signals.Plugin
}{
	"plain":                      {},
	"skip default transaction":   {gorm: gorm.Config{SkipDefaultTransaction: true}},
	"prepared":                   {gorm: gorm.Config{PrepareStmt: true}},
	"no nested transactions":     {gorm: gorm.Config{DisableNestedTransaction: true}},
	"prepared, skip":             {gorm: gorm.Config{PrepareStmt: true, SkipDefaultTransaction: true}},
	"explicit tracking, run now": {plugin: signals.Plugin{Tracking: signals.TrackExplicit, Untracked: signals.RunNow}},
	"explicit tracking, drop":    {plugin: signals.Plugin{Tracking: signals.TrackExplicit, Untracked: signals.Drop}},
	"explicit tracking, refuse":  {plugin: signals.Plugin{Tracking: signals.TrackExplicit}},
}

// onEachConfig runs a test on a fresh database with each of the settings, with products that are published.
func onEachConfig(t *testing.T, test func(t *testing.T, db *gorm.DB, ob *outbox.Outbox)) {
	t.Helper()
	for name, c := range configs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := c.gorm
			db := openAt(t, file(t), &config, c.plugin, &Product{}, &Page{})
			ob := install(t, db, outbox.Config{})
			outbox.Publish[Product](ob)
			test(t, db, ob)
		})
	}
}

// agree compares the rows with the events: events of created minus those of deleted rows are the stored rows, and each event names a row.
func agree(t *testing.T, db *gorm.DB) {
	t.Helper()
	var stored []Product
	require.NoError(t, db.Order("id").Find(&stored).Error)
	want, got := map[string]bool{}, map[string]bool{}
	for _, p := range stored {
		want[fmt.Sprintf("products/%d", p.ID)] = true
	}
	for _, e := range entries(t, db) {
		switch e.Type {
		case "products.created.v1":
			got[e.Subject] = true
		case "products.deleted.v1":
			delete(got, e.Subject)
		}
	}
	assert.Equal(t, want, got)
}

func TestAnEventIsThereIfItsChangeIs(t *testing.T) {
	t.Parallel()
	onEachConfig(t, func(t *testing.T, db *gorm.DB, _ *outbox.Outbox) {
		t.Helper()
		require.NoError(t, db.Create(&Product{Name: "alone"}).Error)
		require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Product{Name: "undone"}).Error)
			return errBoom
		}), errBoom)
		require.Error(t, db.Create(&[]Product{{Name: "fresh"}, {Name: "alone"}}).Error, "the name is there")
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			return tx.Create(&Product{Name: "done"}).Error
		}))
		require.NoError(t, signals.Transaction(db, func(tx *gorm.DB) error {
			return tx.Model(&Product{}).Where("name = ?", "done").Update("price", 3).Error
		}))
		assert.Panics(t, func() {
			_ = db.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Product{Name: "panic"}).Error)
				panic("boom")
			})
		})
		agree(t, db)
		assert.Len(t, entries(t, db), 3)
	})
}

func TestAnEventIsUndoneWithItsSavepoint(t *testing.T) {
	t.Parallel()
	onEachConfig(t, func(t *testing.T, db *gorm.DB, _ *outbox.Outbox) {
		t.Helper()
		require.NoError(t, signals.Transaction(db, func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Product{Name: "first"}).Error)
			require.NoError(t, tx.SavePoint("sp").Error)
			require.NoError(t, tx.Create(&Product{Name: "undone"}).Error)
			require.NoError(t, tx.RollbackTo("sp").Error)
			require.NoError(t, tx.Create(&Product{Name: "second"}).Error)
			if tx.DisableNestedTransaction {
				return nil
			}
			require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&Product{Name: "inner"}).Error }))
				return errBoom
			}), errBoom)
			return tx.Transaction(func(tx *gorm.DB) error {
				require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Create(&Product{Name: "innermost"}).Error)
					return errBoom
				}), errBoom)
				return tx.Create(&Product{Name: "third"}).Error
			})
		}))
		agree(t, db)
	})
}

func TestACommitThatFailsKeepsNoEvent(t *testing.T) {
	t.Parallel()
	onEachConfig(t, func(t *testing.T, db *gorm.DB, _ *outbox.Outbox) {
		t.Helper()
		require.NoError(t, db.Exec("CREATE TABLE notes (product_id INTEGER REFERENCES products (id) DEFERRABLE INITIALLY DEFERRED)").Error)
		require.ErrorContains(t, signals.Transaction(db, func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Product{Name: "undone"}).Error)
			return tx.Exec("INSERT INTO notes VALUES (4711)").Error
		}), "FOREIGN KEY")
		assert.Empty(t, entries(t, db))
		agree(t, db)
	})
}

// writes are forms of writes of products. The product "old" is stored before each.
var writes = map[string]func(db *gorm.DB) error{
	"create":         func(db *gorm.DB) error { return db.Create(&Product{Name: "new"}).Error },
	"create of many": func(db *gorm.DB) error { return db.Create(&[]Product{{Name: "new"}, {Name: "newer"}}).Error },
	"create in batches": func(db *gorm.DB) error {
		return db.CreateInBatches([]Product{{Name: "a"}, {Name: "b"}, {Name: "c"}}, 2).Error
	},
	"create from a map": func(db *gorm.DB) error { return db.Model(&Product{}).Create(map[string]any{"name": "new"}).Error },
	"save of a new":     func(db *gorm.DB) error { return db.Save(&Product{Name: "new"}).Error },
	"save of a new key": func(db *gorm.DB) error { return db.Save(&Product{ID: 77, Name: "new"}).Error },
	"save":              func(db *gorm.DB) error { return db.Save(&Product{ID: 1, Name: "changed"}).Error },
	"update":            func(db *gorm.DB) error { return db.Model(&Product{ID: 1}).Update("name", "changed").Error },
	"updates of many": func(db *gorm.DB) error {
		return db.Model(&Product{}).Where("price < 9").Updates(Product{Price: 5}).Error
	},
	"delete":         func(db *gorm.DB) error { return db.Delete(&Product{ID: 1}).Error },
	"delete of many": func(db *gorm.DB) error { return db.Where("price < 9").Delete(&Product{}).Error },
	"upsert": func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&[]Product{{ID: 1, Name: "changed"}, {ID: 2, Name: "new"}}).Error
	},
	"first or create": func(db *gorm.DB) error { return db.Where(Product{Name: "new"}).FirstOrCreate(&Product{}).Error },
	"first or create with assign": func(db *gorm.DB) error {
		return db.Where(Product{Name: "old"}).Assign(Product{Price: 6}).FirstOrCreate(&Product{}).Error
	},
	"generic create": func(db *gorm.DB) error {
		return gorm.G[Product](db).Create(context.Background(), &Product{Name: "new"})
	},
	"generic update": func(db *gorm.DB) error {
		_, err := gorm.G[Product](db).Where("id = ?", 1).Update(context.Background(), "name", "changed")
		return err
	},
	"generic delete": func(db *gorm.DB) error {
		_, err := gorm.G[Product](db).Where("id = ?", 1).Delete(context.Background())
		return err
	},
}

func TestAWriteWhoseEventCannotBeKeptFails(t *testing.T) {
	t.Parallel()
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEachConfig(t, func(t *testing.T, db *gorm.DB, ob *outbox.Outbox) {
				t.Helper()
				require.NoError(t, db.Create(&Product{Name: "old", Price: 4}).Error)
				require.NoError(t, db.Exec("DROP TABLE signals_outbox").Error)
				require.ErrorContains(t, write(db), "signals_outbox")
				var stored []Product
				require.NoError(t, db.Find(&stored).Error)
				require.Equal(t, []Product{{ID: 1, Name: "old", Price: 4}}, stored)

				require.NoError(t, ob.Migrate(t.Context()))
				require.NoError(t, write(db))
				require.NotEmpty(t, entries(t, db))
			})
		})
	}
}

func TestADurableReceiverOfAWriteWhoseEventCannotBeKept(t *testing.T) {
	t.Parallel()
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, skip := range []bool{true, false} {
				db := openAt(t, file(t), &gorm.Config{SkipDefaultTransaction: skip}, signals.Plugin{}, &Product{})
				require.NoError(t, db.Create(&Product{Name: "old", Price: 4}).Error)
				ob := install(t, db, outbox.Config{})
				h := &heard{}
				signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
					h.add("saved %s", e.Instance.Name)
					return nil
				}, outbox.Durable(ob, "search"))
				signals.For[Product](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
					h.add("deleted %s", e.Instance.Name)
					return nil
				}, outbox.Durable(ob, "search"))
				require.NoError(t, db.Exec("DROP TABLE signals_outbox").Error)
				require.ErrorContains(t, write(db), "signals_outbox")
				var stored []Product
				require.NoError(t, db.Find(&stored).Error)
				require.Equal(t, []Product{{ID: 1, Name: "old", Price: 4}}, stored)
				require.Empty(t, h.lines())
				require.NoError(t, ob.Migrate(t.Context()))
				require.NoError(t, write(db))
				require.NotEmpty(t, h.lines())
			}
		})
	}
}

func TestInATransactionThatNobodyFollowsEventsAreKeptAllTheSame(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]signals.UntrackedPolicy{"refuse": signals.Refuse, "run now": signals.RunNow, "drop": signals.Drop} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openAt(t, file(t), &gorm.Config{}, signals.Plugin{Untracked: policy}, &Product{})
			ob := install(t, db, outbox.Config{})
			outbox.Publish[Product](ob)
			for _, commit := range []bool{false, true} {
				pool, err := db.DB()
				require.NoError(t, err)
				foreign, err := pool.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				tx := db.Session(&gorm.Session{NewDB: true, Context: t.Context()})
				tx.Statement.ConnPool = foreign
				require.NoError(t, tx.Create(&Product{Name: "new"}).Error)
				if commit {
					require.NoError(t, foreign.Commit())
				} else {
					require.NoError(t, foreign.Rollback())
				}
			}
			assert.Equal(t, []string{"products.created.v1 products/1"}, kept(t, db))
			sink := &memory{}
			n, err := ob.Relay(sink).Drain(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 1, n)
		})
	}
}
