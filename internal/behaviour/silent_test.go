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
