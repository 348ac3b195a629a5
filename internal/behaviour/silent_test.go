package behaviour_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

func TestSilentCallsSendNothing(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(db *gorm.DB) error{
		"UpdateColumn":  func(db *gorm.DB) error { return db.Model(&Product{ID: 1}).UpdateColumn("price", 9).Error },
		"UpdateColumns": func(db *gorm.DB) error { return db.Model(&Product{ID: 1}).UpdateColumns(Product{Price: 9}).Error },
		"SkipHooks create": func(db *gorm.DB) error {
			return db.Session(&gorm.Session{SkipHooks: true}).Create(&Product{}).Error
		},
		"SkipHooks save": func(db *gorm.DB) error {
			return db.Session(&gorm.Session{SkipHooks: true}).Save(&Product{ID: 50}).Error
		},
		"SkipHooks delete": func(db *gorm.DB) error {
			return db.Session(&gorm.Session{SkipHooks: true}).Delete(&Product{ID: 1}).Error
		},
		"SkipHooks find": func(db *gorm.DB) error {
			return db.Session(&gorm.Session{SkipHooks: true}).Find(&[]Product{}).Error
		},
		"Exec": func(db *gorm.DB) error { return db.Exec("DELETE FROM products").Error },
		"Raw":  func(db *gorm.DB) error { return db.Raw("SELECT 1").Scan(new(int)).Error },
		"Table update": func(db *gorm.DB) error {
			return db.Table("products").Where("id = 1").Updates(map[string]any{"price": 9}).Error
		},
		"Table create": func(db *gorm.DB) error { return db.Table("products").Create(map[string]any{"name": "x"}).Error },
		"muted context": func(db *gorm.DB) error {
			return db.WithContext(signals.Mute(context.Background())).Save(&Product{ID: 1}).Error
		},
		"count": func(db *gorm.DB) error { return db.Model(&Product{}).Count(new(int64)).Error },
		"pluck": func(db *gorm.DB) error { return db.Model(&Product{}).Pluck("name", &[]string{}).Error },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, tr := seeded(t, signals.Plugin{})
			signals.For[Product](db).PostLoad.Connect(func(context.Context, signals.LoadEvent[*Product]) error {
				tr.add("post_load")
				return nil
			})
			require.NoError(t, call(db))
			assert.Empty(t, tr.take())
		})
	}
}

func TestDryRunSendsNothingAndRunsNoQuery(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	queries := countQueries(db)
	dry := db.Session(&gorm.Session{DryRun: true})
	require.NoError(t, dry.Create(&Product{}).Error)
	require.NoError(t, dry.Save(&Product{ID: 1}).Error)
	require.NoError(t, dry.Model(&Product{}).Where("price > 1").Update("price", 2).Error)
	require.NoError(t, dry.Delete(&Product{}, 1).Error)
	sql := db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Model(&Product{}).Where("id = 1").Delete(&Product{}) })
	assert.Contains(t, sql, "DELETE FROM `products`")
	assert.Empty(t, tr.take())
	assert.Equal(t, 5, queries.n, "GORM shows its own five statements to the logger; ours would be further ones")
}

func TestMuteOfOneUIDLeavesTheOthers(t *testing.T) {
	t.Parallel()
	db, tr := seeded(t, signals.Plugin{})
	signals.For[Product](db).PreSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return errBoom }, signals.UID("strict"))
	require.ErrorIs(t, db.Save(&Product{ID: 1}).Error, errBoom)
	tr.take()
	require.NoError(t, db.WithContext(signals.Mute(t.Context(), "strict")).Save(&Product{ID: 1}).Error)
	assert.Len(t, tr.take(), 2)
}

func TestRawMarksEventsAsFixtureLoading(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{})
	var raw []bool
	products := signals.For[Product](db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		raw = append(raw, e.Raw())
		return nil
	})
	products.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
		raw = append(raw, e.Raw())
		return nil
	})
	fixtures := db.WithContext(signals.Raw(t.Context()))
	require.NoError(t, fixtures.Create(&Product{ID: 1}).Error)
	require.NoError(t, fixtures.Delete(&Product{ID: 1}).Error)
	require.NoError(t, db.Create(&Product{ID: 1}).Error)
	assert.Equal(t, []bool{true, true, false}, raw)
}

func TestNobodyListensRunsNoQuery(t *testing.T) {
	t.Parallel()
	db := open(t, &Product{}, &Page{})
	tracePages(db)
	queries := countQueries(db)
	require.NoError(t, db.Create(&Product{Name: "a"}).Error)
	require.NoError(t, db.Save(&Product{ID: 1, Name: "b"}).Error)
	require.NoError(t, db.Model(&Product{}).Where("id = 1").Update("name", "c").Error)
	require.NoError(t, db.Delete(&Product{}, 1).Error)
	assert.Equal(t, 4, queries.n)
}

// queryCount counts the statements that a database shows to its logger.
type queryCount struct {
	logger.Interface
	n int
}

func countQueries(db *gorm.DB) *queryCount {
	q := &queryCount{Interface: logger.Discard}
	db.Logger = q
	return q
}

// Trace counts. Not from several goroutines.
func (q *queryCount) Trace(ctx context.Context, begin time.Time, fc func() (string, int64), err error) {
	q.n++
	q.Interface.Trace(ctx, begin, fc, err)
}
