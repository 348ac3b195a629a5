package mail_test

import (
	"context"
	"slices"
	"testing"

	"github.com/gorm-signals/signals/internal/docs/start/mail"
	"github.com/gorm-signals/signals/internal/docs/start/orders"
	"github.com/gorm-signals/signals/internal/docs/start/shoptest"
	"github.com/gorm-signals/signals/signalstest"
)

// inbox keeps mails instead of sending them.
type inbox struct{ mails []string }

func (o *inbox) send(_ context.Context, to, _ string) error {
	o.mails = append(o.mails, to)
	return nil
}

func TestAMailWaitsForTheCommit(t *testing.T) {
	t.Parallel()
	db, sent := shoptest.Open(t, &orders.Order{}), &inbox{}
	mail.Connect(db, sent.send)

	tx := db.Begin()
	defer tx.Rollback() // the test leaves no row behind
	waiting := signalstest.CaptureCommit(t, tx)
	if err := tx.Create(&orders.Order{Email: "ann@example.com", Status: "paid"}).Error; err != nil {
		t.Fatal(err)
	}
	waiting.Want("post_save Order to mail.paid") // and nothing has run
	if len(sent.mails) > 0 {
		t.Errorf("%v were sent before the commit", sent.mails)
	}

	waiting.Run() // as if tx had committed; an error of a receiver fails the test
	if !slices.Equal(sent.mails, []string{"ann@example.com"}) {
		t.Errorf("%v were sent", sent.mails)
	}
}

func TestNoMailIsSentAfterARollback(t *testing.T) {
	t.Parallel()
	db, sent := shoptest.Open(t, &orders.Order{}), &inbox{}
	lane := mail.Connect(db, sent.send)

	tx := db.Begin()
	if err := tx.Create(&orders.Order{Email: "ann@example.com", Status: "paid"}).Error; err != nil {
		t.Fatal(err)
	}
	tx.Rollback() // a real end of the transaction
	if err := lane.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(sent.mails) > 0 {
		t.Errorf("%v were sent", sent.mails)
	}
}

func TestAMailIsSentOnTheLane(t *testing.T) {
	t.Parallel()
	db, sent := shoptest.Open(t, &orders.Order{}), &inbox{}
	lane := mail.Connect(db, sent.send)

	order := orders.Order{Email: "ann@example.com"}
	if err := db.Create(&order).Error; err != nil {
		t.Fatal(err)
	}
	if err := orders.Pay(db, order.ID); err != nil { // commits, and does not wait for the mail
		t.Fatal(err)
	}
	if err := lane.Wait(t.Context()); err != nil { // does
		t.Fatal(err)
	}
	if !slices.Equal(sent.mails, []string{"ann@example.com"}) {
		t.Errorf("%v were sent", sent.mails)
	}
}
