package orders_test

import (
	"errors"
	"testing"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/start/orders"
	"github.com/gorm-signals/signals/internal/docs/start/shoptest"
	"github.com/gorm-signals/signals/signalstest"
)

func TestATotalBelowZeroIsRefused(t *testing.T) {
	t.Parallel()
	db := shoptest.Open(t, &orders.Order{})
	orders.Connect(db)

	err := db.Create(&orders.Order{Total: -1}).Error
	if !errors.Is(err, orders.ErrTotal) {
		t.Errorf("the error is %v", err)
	}
}

func TestPayUpdatesTheStatusAndNothingElse(t *testing.T) {
	t.Parallel()
	db := shoptest.Open(t, &orders.Order{})
	order := orders.Order{Email: "ann@example.com", Total: 30}
	if err := db.Create(&order).Error; err != nil {
		t.Fatal(err)
	}

	sent := signalstest.Record[orders.Order](t, db) // from here on
	if err := orders.Pay(db, order.ID); err != nil {
		t.Fatal(err)
	}
	events := sent.Events()
	if sent.Want("pre_save updated", "post_save updated") && len(events[1].Changes) != 1 {
		t.Errorf("the update changes %v", events[1].Changes)
	}
}

func TestAnOldOrderThatBreaksTheRuleCannotBePaid(t *testing.T) {
	t.Parallel()
	db := shoptest.Open(t, &orders.Order{})
	orders.Connect(db)
	old := orders.Order{Total: -1}
	muted := db.WithContext(signals.Mute(t.Context(), "orders.check"))
	if err := muted.Create(&old).Error; err != nil { // as an import of old data
		t.Fatal(err)
	}

	if err := orders.Pay(db, old.ID); !errors.Is(err, orders.ErrTotal) {
		t.Errorf("the error is %v", err)
	}
}
