package behaviour_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/testkit"
)

// TestAnErrorOfAReceiverThatLooksAfterwardsUndoesTheWrite: the write has read nothing before, and has a transaction all the same.
func TestAnErrorOfAReceiverThatLooksAfterwardsUndoesTheWrite(t *testing.T) {
	t.Parallel()
	no := errors.New("no")
	for name, write := range map[string]func(db *gorm.DB) error{
		"save":                func(db *gorm.DB) error { return db.Save(&Product{ID: 1, Name: "new"}).Error },
		"update":              func(db *gorm.DB) error { return db.Model(&Product{ID: 1}).Update("name", "new").Error },
		"update of keys":      func(db *gorm.DB) error { return db.Model(&Product{}).Where("id = ?", 1).Update("name", "new").Error },
		"update by condition": func(db *gorm.DB) error { return db.Model(&Product{}).Where("price > ?", 0).Update("name", "new").Error },
		"delete":              func(db *gorm.DB) error { return db.Delete(&Product{ID: 1}).Error },
		"delete by keys":      func(db *gorm.DB) error { return db.Delete(&Product{}, []int{1, 2}).Error },
		"delete by condition": func(db *gorm.DB) error { return db.Where("price > ?", 0).Delete(&Product{}).Error },
	} {
		for _, skip := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				db := testkit.OpenWith(t, &gorm.Config{SkipDefaultTransaction: skip}, signals.Plugin{}, &Product{})
				before := []Product{{Name: "a", Price: 1}, {Name: "b", Price: 2}, {Name: "c", Price: 3}}
				require.NoError(t, db.Create(&before).Error)
				heard := 0
				signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
					heard++
					assert.Equal(t, "new", e.Instance.Name)
					assert.False(t, e.Created)
					_, err := e.Original()
					require.ErrorIs(t, err, signals.ErrNotLoaded)
					return no
				}, signals.Needs(signals.Row))
				signals.For[Product](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
					heard++
					assert.NotEmpty(t, e.Instance.Name)
					return no
				})
				require.ErrorIs(t, write(db), no)
				assert.Equal(t, 1, heard)
				var after []Product
				require.NoError(t, db.Order("id").Find(&after).Error)
				assert.Len(t, after, 3)
				assert.Equal(t, "a", after[0].Name)
			})
		}
	}
}

// TestAPreReceiverThatComesLaterMakesADeleteReadAgain: whether anybody has to know the rows beforehand is asked at each statement.
func TestAPreReceiverThatComesLaterMakesADeleteReadAgain(t *testing.T) {
	t.Parallel()
	db := openSeeded(t)
	products := signals.For[Product](db)
	products.PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { return nil })
	require.NoError(t, db.Delete(&Product{ID: 3}).Error)
	sql := recordSQL(db)
	require.NoError(t, db.Delete(&Product{ID: 1}).Error)
	assert.Equal(t, map[string]int{"DELETE": 1}, sql.kinds())
	disconnect := products.PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { return nil })
	require.NoError(t, db.Delete(&Product{ID: 2}).Error)
	assert.Equal(t, map[string]int{"SELECT": 1, "DELETE": 1}, sql.kinds())
	require.True(t, disconnect())
}

// TestStatementsThatOthersRunAreReadFirst: a program may run an UPDATE or a DELETE in another way than GORM does, or build its SQL.
func TestStatementsThatOthersRunAreReadFirst(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]func(t *testing.T, db *gorm.DB){
		"run": func(t *testing.T, db *gorm.DB) {
			t.Helper()
			run := func(sql string) func(*gorm.DB) {
				return func(tx *gorm.DB) {
					result, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, sql)
					if tx.AddError(err) == nil {
						tx.RowsAffected, _ = result.RowsAffected()
					}
				}
			}
			require.NoError(t, db.Callback().Update().Replace("gorm:update", run("UPDATE products SET name = 'new' WHERE id = 1")))
			require.NoError(t, db.Callback().Delete().Replace("gorm:delete", run("DELETE FROM products WHERE id = 1")))
		},
		"built": func(t *testing.T, db *gorm.DB) {
			t.Helper()
			build := func(sql string) func(*gorm.DB) {
				return func(tx *gorm.DB) { tx.Statement.SQL.WriteString(sql) }
			}
			require.NoError(t, db.Callback().Update().Before("signals:prepare_update").After("signals:pre_update").Register("other", build("UPDATE products SET name = 'new' WHERE id = 1")))
			require.NoError(t, db.Callback().Delete().Before("signals:cascade").After("signals:pre_delete").Register("other", build("DELETE FROM products WHERE id = 1")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openSeeded(t)
			other(t, db)
			var heard []string
			signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
				heard = append(heard, "saved "+e.Instance.Name)
				return nil
			}, signals.Needs(signals.Row))
			signals.For[Product](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
				heard = append(heard, "deleted "+e.Instance.Name)
				return nil
			})
			require.NoError(t, db.Model(&Product{}).Where("id = ?", 1).Update("name", "new").Error)
			require.NoError(t, db.Where("id = ?", 1).Delete(&Product{}).Error)
			assert.Equal(t, []string{"saved new", "deleted new"}, heard)
		})
	}
}

func TestRowsOfAStatementThatACallbackBuildsTooLateAreAnErrorOfTheHandler(t *testing.T) {
	t.Parallel()
	var told []error
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{ErrorHandler: func(_ context.Context, err error) { told = append(told, err) }}, &Product{})
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	build := func(sql string) func(*gorm.DB) { return func(tx *gorm.DB) { tx.Statement.SQL.WriteString(sql) } }
	require.NoError(t, db.Callback().Update().After("signals:prepare_update").Before("gorm:update").Register("other", build("UPDATE products SET name = 'b'")))
	require.NoError(t, db.Callback().Delete().After("signals:cascade").Before("gorm:delete").Register("other", build("DELETE FROM products WHERE id = 1")))
	heard := errors.New("heard")
	signals.For[Product](db).PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return heard }, signals.Needs(signals.Row))
	signals.For[Product](db).PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Product]) error { return heard })
	for _, result := range []*gorm.DB{db.Model(&Product{}).Where("id = ?", 1).Update("name", "new"), db.Where("id = ?", 1).Delete(&Product{})} {
		require.NoError(t, result.Error)
		assert.EqualValues(t, 1, result.RowsAffected)
	}
	require.Len(t, told, 2)
	for _, err := range told {
		assert.ErrorContains(t, err, "have not heard of the 1 rows that it has written")
	}
}
