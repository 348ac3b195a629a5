package product

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// newsletter mails news to customers after the commit, because a mail cannot be taken back. If a mail cannot be sent then, the plugin's ErrorHandler
// gets the error; the product is sold all the same.
type newsletter struct {
	mailer Mailer
	from   string
	to     []string
}

// newProduct is a net receiver of post_save, after the commit. It mails that a product was created, with its values at the end of the transaction. A
// product that was created and deleted in one transaction has no event.
func (n newsletter) newProduct(ctx context.Context, e productSaved) error {
	if !e.Created || e.Raw() {
		return nil
	}
	p := e.Instance
	body := fmt.Sprintf("%s\n\n%s\n\nPrice: %s\n", p.Name, p.Description, FormatPrice(p.Price))
	return n.send(ctx, "New product: "+p.Name, body)
}

// priceDrop is a receiver of pre_save, which knows the price before the write. It compares that with the stored price after the commit, and then
// mails. Before the write, nobody knows a price that the database computes, as in gorm.Expr("price - 100"), and the same transaction may raise the
// price again. Each write that lowers the price causes a mail.
func (n newsletter) priceDrop(_ context.Context, e productSaved) error {
	old, err := e.Original()
	if err != nil || e.Created || e.Raw() || e.Instance.Price > old.Price {
		return err
	}
	id, before := old.ID, old.Price
	return signals.OnCommit(e.DB(), func(ctx context.Context) error {
		var p Product
		switch err := e.DB().WithContext(ctx).Take(&p, id).Error; {
		case errors.Is(err, gorm.ErrRecordNotFound): // deleted meanwhile
			return nil
		case err != nil:
			return fmt.Errorf("product: cannot read the price of product %d: %w", id, err)
		case p.Price >= before:
			return nil
		}
		body := fmt.Sprintf("%s\n\nBefore: %s\nNow: %s\n", p.Name, FormatPrice(before), FormatPrice(p.Price))
		return n.send(ctx, fmt.Sprintf("Now %s: %s", FormatPrice(p.Price), p.Name), body)
	})
}

func (n newsletter) send(ctx context.Context, subject, body string) error {
	return n.mailer.Send(ctx, Mail{From: n.from, To: n.to, Subject: subject, Body: body})
}
