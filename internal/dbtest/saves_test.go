package dbtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// A server of MySQL's kind counts no row that has its values already, so 0 rows may be a row that was found.
func TestAWholeStructOfWhichALateConditionHidesTheRowSendsNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialector func() gorm.Dialector) {
		t.Helper()
		e := hearEnds(t, dialector())
		require.NoError(t, e.db.Create(&Seat{ID: 1}).Error)
		e.are(t, []string{"insert 1 0"}, nil)

		require.NoError(t, e.db.Select("*").Updates(&Seat{ID: 1}).Error)
		e.are(t, []string{"update 1 0"}, nil)

		hides := func(tx *gorm.DB) { tx.Where("n > 100") }
		require.NoError(t, e.db.Callback().Update().Before("gorm:update").Register("hides", hides))
		for _, write := range []func(seat *Seat) *gorm.DB{
			func(seat *Seat) *gorm.DB { return e.db.Select("*").Updates(seat) },
			func(seat *Seat) *gorm.DB { return e.db.Select("*").Save(seat) },
		} {
			result := write(&Seat{ID: 1, N: 5})
			require.NoError(t, result.Error)
			assert.Zero(t, result.RowsAffected)
			e.are(t, nil, nil)
			e.stored(t, "1 0")
		}
		require.NoError(t, e.db.Save(&Seat{ID: 1, N: 5}).Error, "GORM's INSERT takes the row over")
		e.are(t, []string{"update 1 5"}, nil)
		e.stored(t, "1 5")
	})
}
