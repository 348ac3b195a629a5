package behaviour_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestTheLeastIsReadThatTheReceiversNeed(t *testing.T) {
	t.Parallel()
	name := map[string]any{"name": "x"}
	two, one, insert := map[string]int{"SELECT": 1, "UPDATE": 1}, map[string]int{"UPDATE": 1}, map[string]int{"INSERT": 1}
	for call, c := range map[string]struct {
		do                 func(db *gorm.DB) *gorm.DB
		original, keysOnly map[string]int // with keysOnly an UPDATE returns the keys
	}{
		"save":         {func(db *gorm.DB) *gorm.DB { return db.Save(&Product{ID: 1}) }, two, one},
		"update":       {func(db *gorm.DB) *gorm.DB { return db.Model(&Product{ID: 1}).Updates(name) }, two, one},
		"by condition": {func(db *gorm.DB) *gorm.DB { return db.Model(&Product{}).Where("price > 1").Updates(name) }, two, one},
		"computed": {func(db *gorm.DB) *gorm.DB {
			return db.Model(&Product{}).Where("price > 1").Update("price", gorm.Expr("price + 1"))
		}, map[string]int{"SELECT": 2, "UPDATE": 1}, one},
		"create": {func(db *gorm.DB) *gorm.DB { return db.Create(&Product{}) }, insert, insert},
		"upsert": {func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Product{ID: 1})
		}, map[string]int{"SELECT": 1, "INSERT": 1}, map[string]int{"SELECT": 1, "INSERT": 1}},
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			for need, want := range map[signals.Need]map[string]int{signals.Original: c.original, signals.Keys: c.keysOnly} {
				db := openSeeded(t)
				signals.For[Product](db).PostSave.Connect(
					func(context.Context, signals.SaveEvent[*Product]) error { return nil }, signals.Needs(need))
				require.NoError(t, db.Model(&Product{ID: 2}).Update("name", "y").Error) // what is asked once is known now
				sql := recordSQL(db)
				require.NoError(t, c.do(db).Error)
				assert.Equal(t, want, sql.kinds(), need)
			}
		})
	}
}

// openSeeded returns a database with three products that nobody listens to.
func openSeeded(t *testing.T) *gorm.DB {
	t.Helper()
	db := open(t, &Product{})
	require.NoError(t, db.Create(&[]Product{{Name: "a", Price: 1}, {Name: "b", Price: 2}, {Name: "c", Price: 3}}).Error)
	return db
}

func TestConditionalWritesGoInBatchesOf500ByKey(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	require.NoError(t, db.CreateInBatches(make([]Product, 1001), 500).Error)
	products := signals.For[Product](db)
	changed, runs := uint(0), uint(0)
	products.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Instance.ID == changed {
			e.Instance.Slug = "alone"
		}
		if e.Instance.ID == runs {
			return e.DB().Exec("UPDATE products SET stock = stock WHERE id < 0").Error
		}
		return nil
	})
	products.PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { return nil })
	sql := recordSQL(db)
	require.NoError(t, db.Model(&Product{}).Where("price = 0").Update("stock", 1).Error)
	assert.Contains(t, strings.Join(sql.texts, "\n"), "WHERE price = 0 AND (`id` > 500 AND `id` <= 1000)", "nothing has come between")
	assert.Equal(t, map[string]int{"SELECT": 3, "UPDATE": 3}, sql.kinds())
	for _, condition := range []string{"price = 0 AND abs(stock) = 1", "price = 0 AND CURRENT_TIMESTAMP > ''"} {
		require.NoError(t, db.Model(&Product{}).Where(condition).Update("stock", 1).Error)
		assert.Contains(t, strings.Join(sql.texts, "\n"), "AND `id` IN (1,2,3,4,", "what it says may be something else by now")
		sql.kinds()
	}
	runs = 1
	require.NoError(t, db.Model(&Product{}).Where("price = 0").Update("stock", 3).Error)
	texts := strings.Join(sql.texts, "\n")
	assert.Contains(t, texts, "WHERE price = 0 AND `id` IN (1,2,3,4,", "a receiver has run a statement")
	assert.Contains(t, texts, "WHERE price = 0 AND (`id` > 500 AND `id` <= 1000)", "and none later")
	sql.kinds()
	changed, runs = 7, 0
	require.NoError(t, db.Model(&Product{}).Where("price = 0").Update("stock", 2).Error)
	assert.Equal(t, map[string]int{"SELECT": 3, "UPDATE": 4}, sql.kinds(), "the changed row has a statement of its own")
	result := db.Where("price = 0").Delete(&Product{})
	require.NoError(t, result.Error)
	assert.EqualValues(t, 1001, result.RowsAffected)
	assert.Equal(t, map[string]int{"SELECT": 3, "DELETE": 3}, sql.kinds())
}

// renamed is a dialect under another name, so that its locks can be seen on SQLite.
type renamed struct {
	gorm.Dialector
	name string
}

func (r renamed) Name() string { return r.name }

func TestRowsOfConditionalWritesAreLockedWhereTheDatabaseHasLocks(t *testing.T) {
	t.Parallel()
	for dialect, want := range map[string]bool{"postgres": true, "mysql": true, "sqlite": false} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			db, _ := seeded(t, signals.Plugin{})
			db.Dialector = renamed{db.Dialector, dialect}
			db.ClauseBuilders["FOR"] = func(c clause.Clause, b clause.Builder) { // as a comment, which SQLite leaves alone
				_, _ = b.WriteString("/* ")
				c.Build(b)
				_, _ = b.WriteString(" */")
			}
			sql := recordSQL(db)
			forget := func() { // questions about the table, which SQLite cannot answer: the plugin asks PostgreSQL once
				sql.texts = slices.DeleteFunc(sql.texts, func(text string) bool { return strings.Contains(text, "pg_class") })
			}
			require.NoError(t, db.Model(&Product{}).Where("price > 1").Update("stock", 1).Error)
			forget()
			assert.Equal(t, want, strings.Contains(sql.texts[0], "FOR UPDATE"), sql.texts[0])
			assert.Equal(t, map[string]int{"SELECT": 1, "UPDATE": 1}, sql.kinds())
			require.NoError(t, db.Where("price > 1").Delete(&Product{}).Error)
			forget()
			assert.Equal(t, want, strings.Contains(sql.texts[0], "FOR UPDATE"), sql.texts[0])
		})
	}
}

func TestAPostErrorWithoutATransactionCannotUndoAPlainCreate(t *testing.T) {
	t.Parallel()
	for need, undone := range map[signals.Need]bool{signals.Original: true, signals.Keys: false} {
		t.Run(fmt.Sprint("needs ", need), func(t *testing.T) {
			t.Parallel()
			db := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: true}, signals.Plugin{}, &Product{})
			require.NoError(t, db.Create(&Product{Name: "old"}).Error)
			signals.For[Product](db).PostSave.Connect(
				func(context.Context, signals.SaveEvent[*Product]) error { return errBoom }, signals.Needs(need))
			require.ErrorIs(t, db.Create(&Product{}).Error, errBoom)
			assert.EqualValues(t, 2, count[Product](t, db), "there is nothing to roll back")
			require.ErrorIs(t, db.Save(&Product{ID: 1, Name: "saved"}).Error, errBoom)
			assert.Equal(t, undone, find[Product](t, db, 1).Name == "old", "where a Save reads first, it has a transaction")
			require.ErrorIs(t, db.Model(&Product{ID: 1}).Update("name", "updated").Error, errBoom)
			assert.NotEqual(t, "updated", find[Product](t, db, 1).Name)
		})
	}
}

func TestAutomaticTimesAreNoChange(t *testing.T) {
	t.Parallel()
	db := openSeeded(t)
	calls := 0
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		calls++
		assert.False(t, e.Changed())
		assert.Empty(t, e.Changes())
		assert.True(t, e.Changed("UpdatedAt"))
		return nil
	})
	p := find[Product](t, db, 1)
	require.NoError(t, db.Save(&p).Error)
	require.NoError(t, db.Model(&Product{ID: 1}).Updates(map[string]any{}).Error)
	assert.Equal(t, 2, calls)
}
