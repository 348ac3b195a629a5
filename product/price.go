package product

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"weak"
)

// priceWatch mails when a price drops. pre_save sees the price before and after side by side, with one exception: what
// the database computes, as in Update("price", gorm.Expr("price - 100")), nobody knows before the write. pre_save notes
// such a row, and post_save compares it.
type priceWatch struct {
	news  newsletter
	noted sync.Map // weak.Pointer[Product] of rows between pre_save and post_save
}

// before is a receiver of pre_save for writes that change the price.
func (w *priceWatch) before(ctx context.Context, e productSaved) error {
	old, err := e.Original()
	if err != nil || e.Created || e.Raw() {
		return err
	}
	if e.Instance.Price == old.Price {
		w.note(e.Instance)
		return nil
	}
	w.noted.Delete(weak.Make(e.Instance)) // what a failed write of the same struct left
	return w.compare(ctx, old.Price, e.Instance)
}

// after is a receiver of post_save for what before has noted.
func (w *priceWatch) after(ctx context.Context, e productSaved) error {
	if e.Created {
		return nil
	}
	if _, noted := w.noted.LoadAndDelete(weak.Make(e.Instance)); !noted {
		return nil
	}
	old, err := e.Original()
	if err != nil {
		return err
	}
	return w.compare(ctx, old.Price, e.Instance)
}

// note remembers an instance until post_save. A write that fails in between never gets there, so that the note also
// goes with the instance.
func (w *priceWatch) note(p *Product) {
	key := weak.Make(p)
	w.noted.Store(key, nil)
	runtime.AddCleanup(p, func(key weak.Pointer[Product]) { w.noted.Delete(key) }, key)
}

func (w *priceWatch) compare(ctx context.Context, old int64, p *Product) error {
	if p.Price >= old {
		return nil
	}
	body := fmt.Sprintf("%s\n\nBefore: %s\nNow: %s\n", p.Name, FormatPrice(old), FormatPrice(p.Price))
	return w.news.send(ctx, fmt.Sprintf("Now %s: %s", FormatPrice(p.Price), p.Name), body)
}
