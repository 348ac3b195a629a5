package conformance

import (
	"context"
	"fmt"
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

func servedCases() []Case {
	return []Case{
		{"delete that is looked at afterwards", "A receiver of post_delete alone hears of each row that is gone, whole, in batches.", servedDelete},
		{"veto of a delete that is looked at afterwards", "An error of post_delete brings all rows back, of earlier batches too.", servedVeto},
	}
}

// manyItems stores rows with the prices 1 to n.
func manyItems(c *C, n int) []Item {
	c.Helper()
	tables(c, &Item{})
	rows := make([]Item, n)
	for i := range rows {
		rows[i] = Item{Name: fmt.Sprint("row ", i+1), Price: int64(i + 1)}
	}
	require.NoError(c, c.DB.Session(&gorm.Session{SkipHooks: true}).CreateInBatches(&rows, 1000).Error)
	return rows
}

func servedDelete(c *C) {
	rows := manyItems(c, 4000)
	var heard []int64
	largest := 0
	signals.For[Item](c.DB).PostDelete.ConnectBatch(func(_ context.Context, events []signals.DeleteEvent[*Item]) error {
		largest = max(largest, len(events))
		for _, e := range events {
			assert.Equal(c, fmt.Sprint("row ", e.Instance.Price), e.Instance.Name)
			assert.NotZero(c, e.Instance.CreatedAt)
			assert.False(c, e.Soft || e.Cascade)
			heard = append(heard, e.Instance.Price)
		}
		return nil
	})
	gone := func(from, to int64) {
		c.Helper()
		slices.Sort(heard)
		require.Len(c, heard, int(to-from)+1)
		for i, price := range heard {
			require.Equal(c, from+int64(i), price)
		}
		heard = nil
	}
	require.NoError(c, c.DB.Delete(&rows[0]).Error)
	gone(1, 1)
	require.NoError(c, c.DB.Delete(rows[1:3]).Error)
	gone(2, 3)
	require.NoError(c, c.DB.Delete(&Item{}, []uint{rows[3].ID, rows[4].ID}).Error)
	gone(4, 5)
	require.NoError(c, c.DB.Where("id = ?", rows[5].ID).Delete(&Item{}).Error)
	gone(6, 6)
	require.NoError(c, c.DB.Where("id = ?", rows[6].ID).Or("price = ?", 8).Delete(&Item{}).Error)
	gone(7, 8)
	affected, err := remove[Item](c, c.DB, "price > ?", 8)
	require.NoError(c, err)
	assert.Equal(c, 3992, affected)
	gone(9, 4000)
	assert.LessOrEqual(c, largest, 500, "a batch is one of Plugin.BatchSize")
	stored[Item](c)
}

func servedVeto(c *C) {
	manyItems(c, 3000)
	n := 0
	signals.For[Item](c.DB).PostDelete.Connect(func(context.Context, signals.DeleteEvent[*Item]) error {
		if n++; n > 2900 {
			return errVeto
		}
		return nil
	})
	_, err := remove[Item](c, c.DB, "price > ?", 0)
	require.ErrorIs(c, err, errVeto)
	var left int64
	require.NoError(c, c.truth().Model(&Item{}).Count(&left).Error)
	assert.EqualValues(c, 3000, left)
}
