package cache_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/cache"
	"github.com/gorm-signals/signals/internal/testkit"
)

func TestAChangeDropsTheEntryAfterTheCommit(t *testing.T) {
	t.Parallel()
	db, products := open(t)
	assert.EqualValues(t, 30, price(t, products))

	require.NoError(t, db.Exec("UPDATE products SET price = 1").Error) // which nobody hears of
	assert.EqualValues(t, 30, price(t, products), "it comes from the cache")

	tx := db.Begin()
	require.NoError(t, tx.Model(&cache.Product{}).Where("price < ?", 20).Update("price", 25).Error)
	require.NoError(t, tx.Rollback().Error)
	assert.EqualValues(t, 30, price(t, products), "nothing has changed")

	require.NoError(t, db.Model(&cache.Product{}).Where("price < ?", 20).Update("price", 25).Error)
	assert.EqualValues(t, 25, price(t, products))

	require.NoError(t, db.Delete(&cache.Product{}, 1).Error)
	_, err := products.Get(t.Context(), 1)
	require.ErrorIs(t, err, gorm.ErrRecordNotFound)
}

func TestARowThatChangesWhileItIsReadIsNotCached(t *testing.T) {
	t.Parallel()
	db, products := open(t)
	once := true
	signals.For[cache.Product](db).PostLoad.Connect(func(_ context.Context, e signals.LoadEvent[*cache.Product]) error {
		if once {
			once = false
			return e.DB().Model(&cache.Product{ID: 1}).Update("price", 25).Error
		}
		return nil
	})
	assert.EqualValues(t, 30, price(t, products), "the reader was faster")
	assert.EqualValues(t, 25, price(t, products), "and has not put the old row back")
}

func TestTheCacheReadsNothingBeforeAWrite(t *testing.T) {
	t.Parallel()
	counted := &selects{Interface: logger.Discard}
	db, _ := openWith(t, counted)
	counted.n = 0
	require.NoError(t, errors.Join(db.Save(&cache.Product{ID: 1, Price: 5}).Error, db.Create(&cache.Product{}).Error))
	assert.Zero(t, counted.n)
}

// selects counts the queries of a database.
type selects struct {
	logger.Interface
	n int
}

func (s *selects) LogMode(logger.LogLevel) logger.Interface { return s }

func (s *selects) Trace(_ context.Context, _ time.Time, sql func() (string, int64), _ error) {
	if text, _ := sql(); strings.HasPrefix(text, "SELECT") {
		s.n++
	}
}

func price(t *testing.T, c *cache.Cache) int64 {
	t.Helper()
	p, err := c.Get(t.Context(), 1)
	require.NoError(t, err)
	return p.Price
}

func open(t *testing.T) (*gorm.DB, *cache.Cache) {
	t.Helper()
	return openWith(t, logger.Discard)
}

func openWith(t *testing.T, log logger.Interface) (*gorm.DB, *cache.Cache) {
	t.Helper()
	db := testkit.OpenWith(t, &gorm.Config{Logger: log}, signals.Plugin{Strict: true}, &cache.Product{})
	c := cache.New(db)
	require.NoError(t, db.Create(&cache.Product{Name: "lamp", Price: 30}).Error)
	return db, c
}
