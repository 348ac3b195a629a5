package search_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/search"
	"github.com/gorm-signals/signals/internal/testkit"
)

type engine struct{ calls []string }

func (e *engine) Put(_ context.Context, p search.Product) error {
	e.calls = append(e.calls, fmt.Sprint("put ", p.ID, " ", p.Name))
	return nil
}

func (e *engine) Remove(_ context.Context, id uint) error {
	e.calls = append(e.calls, fmt.Sprint("remove ", id))
	return nil
}

func TestTheEngineGetsWhatATransactionHasMadeOfTheRows(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true}, &search.Product{})
	e := &engine{}
	search.Connect(db, e)
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		err := errors.Join(tx.Create(&[]search.Product{{Name: "lamp"}, {Name: "pen"}}).Error,
			tx.Model(&search.Product{ID: 1}).Update("name", "floor lamp").Error, tx.Delete(&search.Product{}, 2).Error)
		assert.Empty(t, e.calls, "nothing is committed")
		return err
	}))
	require.NoError(t, db.Model(&search.Product{ID: 1}).Update("stock", 4).Error)
	assert.Equal(t, []string{"put 1 floor lamp"}, e.calls, "the pen was never there, and the stock is not searched")
	require.NoError(t, db.Delete(&search.Product{}, 1).Error)
	assert.Equal(t, "remove 1", e.calls[1])
}

func TestTheEngineFollowsRowsThatAreMarkedAsDeletedAndRestored(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true}, &search.Product{})
	require.NoError(t, db.Create(&search.Product{Name: "lamp"}).Error)
	e := &engine{}
	search.Connect(db, e)
	require.NoError(t, db.Delete(&search.Product{}, 1).Error)
	require.NoError(t, db.Unscoped().Model(&search.Product{ID: 1}).Update("deleted_at", nil).Error)
	require.NoError(t, db.Model(&search.Product{ID: 1}).Update("deleted_at", time.Now()).Error)
	require.NoError(t, db.Unscoped().Model(&search.Product{ID: 1}).Update("stock", 4).Error)
	assert.Equal(t, []string{"remove 1", "put 1 lamp", "remove 1"}, e.calls)
}

func TestTheEngineGetsTheRowAsItIsByNow(t *testing.T) {
	t.Parallel()
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true}, &search.Product{})
	e, once := &engine{}, true
	signals.For[search.Product](db).PostSave.Connect(func(_ context.Context, ev signals.SaveEvent[*search.Product]) error {
		if once {
			once = false
			return ev.DB().Exec("UPDATE products SET name = 'newer'").Error
		}
		return nil
	}, signals.AfterCommit())
	search.Connect(db, e)
	require.NoError(t, db.Create(&search.Product{Name: "older"}).Error)
	assert.Equal(t, []string{"put 1 newer"}, e.calls)
}
