package behaviour_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// TestSessionsDerivedFromTheDBOfAnEventAreClean derives sessions from e.DB() the way applications do. None of them may run
// the statement that is being sent about once more.
func TestSessionsDerivedFromTheDBOfAnEventAreClean(t *testing.T) {
	t.Parallel()
	for name, derive := range map[string]func(ctx context.Context, db *gorm.DB) *gorm.DB{
		"as it is":          func(_ context.Context, db *gorm.DB) *gorm.DB { return db },
		"with context":      func(ctx context.Context, db *gorm.DB) *gorm.DB { return db.WithContext(ctx) },
		"session":           func(_ context.Context, db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{}) },
		"session, no hooks": func(_ context.Context, db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{SkipHooks: true}) },
		"debug":             func(_ context.Context, db *gorm.DB) *gorm.DB { return db.Debug() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, &Product{}, &Page{})
			var sums []int64
			check := func(ctx context.Context, e signals.SaveEvent[*Product]) error {
				var sum int64
				err := derive(ctx, e.DB()).Model(&Page{}).Select("COALESCE(SUM(views), 0)").Scan(&sum).Error
				sums = append(sums, sum)
				return err
			}
			signals.For[Product](db).PreSave.Connect(check)
			signals.For[Product](db).PostSave.Connect(check)
			require.NoError(t, db.Create(&Page{Views: 4}).Error)
			require.NoError(t, db.Create(&Product{Name: "a"}).Error)
			require.NoError(t, db.Model(&Product{}).Where("name = ?", "a").Update("price", gorm.Expr("price + 1")).Error)
			assert.Equal(t, []int64{4, 4, 4, 4}, sums)
			var products []Product
			require.NoError(t, db.Find(&products).Error)
			require.Len(t, products, 1)
			assert.Equal(t, int64(1), products[0].Price)
		})
	}
}
