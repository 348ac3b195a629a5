package search_test

import (
	"context"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/start/orders"
	"github.com/gorm-signals/signals/internal/docs/start/search"
	"github.com/gorm-signals/signals/internal/docs/start/shoptest"
)

func TestTheIndexFollowsTheOrders(t *testing.T) {
	t.Parallel()
	index, ctx := &search.Index{}, context.Background()
	order := &orders.Order{ID: 7, Email: "ann@example.com"}

	for _, step := range []struct {
		kind signals.ChangeKind
		want int
	}{{signals.Created, 1}, {signals.Updated, 1}, {signals.Deleted, 0}} {
		err := index.PostChange(ctx, signals.ChangeEvent[*orders.Order]{Instance: order, Kind: step.kind})
		if err != nil || index.Len() != step.want {
			t.Errorf("after %s there are %d orders, and the error is %v", step.kind, index.Len(), err)
		}
	}
}

func TestTheIndexIsConnected(t *testing.T) {
	t.Parallel()
	db, index := shoptest.Open(t, &orders.Order{}), &search.Index{}
	index.Connect(db)

	_ = db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&orders.Order{}).Error; err != nil {
			t.Error(err)
		}
		return context.Canceled // any error rolls back
	})
	if index.Len() != 0 {
		t.Error("an order is in the index that was rolled back")
	}
	if err := db.Create(&orders.Order{}).Error; err != nil || index.Len() != 1 {
		t.Errorf("there are %d orders, and the error is %v", index.Len(), err)
	}
}

func TestFixturesStayOutOfTheIndex(t *testing.T) {
	t.Parallel()
	db, index := shoptest.Open(t, &orders.Order{}), &search.Index{}
	orders.Connect(db)
	index.Connect(db)

	fixtures := db.WithContext(signals.Raw(t.Context()))
	order := orders.Order{Email: "ann@example.com"}
	if err := fixtures.Create(&order).Error; err != nil {
		t.Fatal(err)
	}
	if index.Len() != 0 || order.Status != "new" {
		t.Error("the index ignores fixtures, and the rule of orders runs for them")
	}
}
