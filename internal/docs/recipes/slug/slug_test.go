package slug_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/slug"
)

func TestRowsOfOneStatementGetDifferentSlugs(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.NoError(t, db.Create(&slug.Article{Title: "A lamp"}).Error)
	require.NoError(t, db.Create(&[]slug.Article{{Title: "A lamp!"}, {Title: "A LAMP"}, {Title: "A lampshade"}, {Title: "?"}}).Error)
	assert.Equal(t, []string{"a-lamp", "a-lamp-2", "a-lamp-3", "a-lampshade", "untitled"}, slugs(t, db))

	require.NoError(t, db.Model(&slug.Article{}).Where("title LIKE ?", "A lamp%").Update("title", "Red lamp").Error)
	assert.Equal(t, []string{"red-lamp", "red-lamp-2", "red-lamp-3", "red-lamp-4", "untitled"}, slugs(t, db))
}

func TestASlugStaysWhenTheTitleMeansTheSame(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.NoError(t, db.Create(&[]slug.Article{{Title: "Lamp"}, {Title: "Lamp"}}).Error)
	require.NoError(t, db.Model(&slug.Article{}).Where("1 = 1").Update("title", "Lamp!").Error)
	assert.Equal(t, []string{"lamp", "lamp-2"}, slugs(t, db))
}

func TestConnectionsThatWriteAtOnceGetDifferentSlugs(t *testing.T) {
	t.Parallel()
	db := open(t)
	var all sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		all.Go(func() {
			errs[i] = slug.Retry(db, func(tx *gorm.DB) error { return tx.Create(&[]slug.Article{{Title: "Lamp"}, {Title: "Lamp"}}).Error })
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	stored := slugs(t, db)
	assert.Len(t, stored, 40)
	assert.Contains(t, stored, "lamp-40")
}

// faster stores a slug behind the back of the receiver, as another connection may do between its query and the INSERT.
func faster(db *gorm.DB, times int) {
	signals.For[slug.Article](db).PreSave.ConnectBatch(func(_ context.Context, events []signals.SaveEvent[*slug.Article]) error {
		if times--; times < 0 {
			return nil
		}
		return events[0].DB().Exec("INSERT INTO articles (title, slug) VALUES ('', ?)", events[0].Instance.Slug).Error
	}, signals.Last())
}

func TestRetryChoosesAgain(t *testing.T) {
	t.Parallel()
	db := open(t)
	faster(db, 2)
	require.ErrorIs(t, db.Create(&slug.Article{Title: "Lamp"}).Error, gorm.ErrDuplicatedKey)
	require.NoError(t, slug.Retry(db, func(tx *gorm.DB) error { return tx.Create(&slug.Article{Title: "Lamp"}).Error }))
	assert.Equal(t, []string{"lamp"}, slugs(t, db))
}

func TestRetryGivesUpAndReturnsOtherErrors(t *testing.T) {
	t.Parallel()
	db := open(t)
	faster(db, 1000)
	require.ErrorIs(t, slug.Retry(db, func(tx *gorm.DB) error { return tx.Create(&slug.Article{Title: "Lamp"}).Error }), gorm.ErrDuplicatedKey)
	calls, other := 0, errors.New("no")
	require.ErrorIs(t, slug.Retry(db, func(*gorm.DB) error { calls++; return other }), other)
	assert.Equal(t, 1, calls)
}

func slugs(t *testing.T, db *gorm.DB) (all []string) {
	t.Helper()
	require.NoError(t, db.Model(&slug.Article{}).Order("id").Pluck("slug", &all).Error)
	return all
}

func open(t *testing.T) *gorm.DB {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "test.db") + "?_txlock=immediate&_busy_timeout=60000&_journal_mode=wal"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{TranslateError: true, Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, pool.Close()) })
	require.NoError(t, db.Use(signals.Plugin{Strict: true}))
	require.NoError(t, db.AutoMigrate(&slug.Article{}))
	slug.Connect(db)
	return db
}
