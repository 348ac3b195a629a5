package orders_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/recipes/events/orders"
	"github.com/gorm-signals/signals/internal/testkit"
)

// No parallel tests: the signal is one for the whole program.
func TestAnOrderIsPackedAfterItsCommitAndBeforeTheLaneHasEnded(t *testing.T) { //nolint:paralleltest // see above
	db := testkit.OpenWith(t, &gorm.Config{}, signals.Plugin{Strict: true}, &orders.Order{}, &orders.Line{})
	lane := signals.NewLane(signals.LaneConfig{Name: "packing", Workers: 1})
	var packed []string
	errLarge := errors.New("too large")
	var group signals.Group
	defer group.Disconnect()
	group.Add(orders.Placed.Connect(func(_ context.Context, e orders.OrderPlaced) error {
		packed = append(packed, fmt.Sprint(e.OrderID, " with ", e.Lines))
		return nil
	}, signals.AfterCommit(), signals.In(lane)), orders.Placed.Connect(func(_ context.Context, e orders.OrderPlaced) error {
		if e.Lines > 2 {
			return errLarge
		}
		return nil
	}))
	require.NoError(t, orders.Place(t.Context(), db, &orders.Order{Lines: make([]orders.Line, 2)}))
	require.ErrorIs(t, orders.Place(t.Context(), db, &orders.Order{Lines: make([]orders.Line, 3)}), errLarge)
	tx := db.Begin()
	require.NoError(t, orders.Place(t.Context(), tx, &orders.Order{Lines: make([]orders.Line, 1)}))
	require.NoError(t, tx.Rollback().Error)
	require.NoError(t, lane.Shutdown(t.Context()))
	assert.Equal(t, []string{"1 with 2"}, packed)
	stored := int64(0)
	require.NoError(t, db.Model(&orders.Order{}).Count(&stored).Error)
	assert.EqualValues(t, 1, stored)
}
