package dbtest_test

import (
	"database/sql"
	"errors"
	"sync"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/audit"
	"github.com/gorm-signals/signals/internal/docs/recipes/slug"
	"github.com/gorm-signals/signals/internal/docs/recipes/tags"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// The recipes whose result depends on how a database lets connections write at once.

// atOnce calls a function on as many goroutines.
func atOnce(t *testing.T, writers int, write func(i int) error) {
	t.Helper()
	var all sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		all.Go(func() { errs[i] = write(i) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
}

func TestConnectionsThatChooseSlugsAtOnceGetDifferentOnes(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{TranslateError: true})
		require.NoError(t, db.AutoMigrate(&slug.Article{}))
		require.NoError(t, db.Use(signals.Plugin{}))
		slug.Connect(db)
		atOnce(t, 4, func(int) error {
			for range 5 {
				err := slug.Retry(db, func(tx *gorm.DB) error { return tx.Create(&[]slug.Article{{Title: "Lamp"}, {Title: "Lamp"}}).Error })
				if err != nil {
					return err
				}
			}
			return nil
		})
		var slugs []string
		require.NoError(t, db.Model(&slug.Article{}).Distinct().Pluck("slug", &slugs).Error)
		assert.Len(t, slugs, 40)
		assert.Contains(t, slugs, "lamp")
		assert.Contains(t, slugs, "lamp-40")
	})
}

func TestConnectionsThatLinkAtOnceAreAllCounted(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.AutoMigrate(&tags.Tag{}, &tags.Article{}))
		require.NoError(t, db.Use(signals.Plugin{}))
		tags.Connect(db)
		require.NoError(t, db.Create(&tags.Tag{ID: 1, Name: "red"}).Error)
		atOnce(t, 4, func(i int) error {
			for range 5 {
				a := tags.Article{Tags: []tags.Tag{{ID: 1}}}
				err := committed(db, func(tx *gorm.DB) error { return tx.Omit("Tags.*").Create(&a).Error })
				if err == nil && i == 0 {
					err = committed(db, func(tx *gorm.DB) error { return tx.Select("Tags").Delete(&a).Error })
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		var tag tags.Tag
		require.NoError(t, db.First(&tag, 1).Error)
		assert.Equal(t, 15, tag.Uses)
	})
}

// committed runs a transaction that reads what is committed. Otherwise MySQL and MariaDB lock the gaps between links, and may end in a deadlock.
func committed(db *gorm.DB, fn func(tx *gorm.DB) error) error {
	return db.Transaction(fn, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
}

func TestTheAuditLogIsKeptOnEachDatabase(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		db := connect(t, dialector(), &gorm.Config{})
		require.NoError(t, db.AutoMigrate(&slug.Article{}, &audit.Line{}))
		require.NoError(t, db.Use(signals.Plugin{}))
		audit.Connect(db)
		require.NoError(t, db.WithContext(signals.WithActor(t.Context(), "ann")).Create(&slug.Article{Title: "Lamp", Slug: "lamp"}).Error)
		var lines []audit.Line
		require.NoError(t, db.Order("id").Find(&lines).Error)
		require.Len(t, lines, 3)
		assert.Equal(t, "ann created articles 1 title NULL Lamp",
			lines[1].Actor+" "+lines[1].Kind+" "+lines[1].Table+" "+lines[1].Key+" "+lines[1].Column+" "+lines[1].Old+" "+lines[1].New)
	})
}
