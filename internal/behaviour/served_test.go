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
