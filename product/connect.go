package product

import (
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Shop is what the receivers work with.
type Shop struct {
	Images *ImageStore // where the image files are; required
	Mailer Mailer      // how mails leave; required
	From   string      // the shop's address, "The shop <shop@example.com>"; required
	To     []string    // who hears of new products and lower prices; at least one
}

// Connect connects the shop's receivers to the signals of db, on which signals.Plugin must be installed. Connecting a
// database again replaces its receivers. The function it returns disconnects them; call it before the database is closed.
func Connect(db *gorm.DB, shop Shop) (disconnect func(), err error) {
	if err := shop.check(db); err != nil {
		return nil, err
	}
	products, images := signals.For[Product](db), signals.For[Image](db)
	news := newsletter{mailer: shop.Mailer, from: shop.From, to: shop.To}
	prices := &priceWatch{news: news}
	files := imageFiles{store: shop.Images}
	views := viewCounter{products: products}

	// What cannot be undone comes last, when every other receiver has agreed to the write. Batch receivers hear the rows
	// of a write together, so that a veto against one row comes before the files of any are removed.
	last := signals.Priority(-100)

	undo := []func() bool{
		products.PostSave.Connect(news.newProduct, last, signals.UID("mail-new-product")),
		products.PreSave.Connect(prices.before, last, signals.UID("mail-price-drop"), signals.Fields("Price")),
		products.PostSave.Connect(prices.after, last, signals.UID("mail-computed-price-drop")),
		products.PreDelete.ConnectBatch(files.removeImages, last, signals.UID("remove-images")),
		images.PreSave.Connect(files.checkName, signals.UID("check-image-name"), signals.Fields("File")),
		images.PostDelete.ConnectBatch(files.removeFiles, last, signals.UID("remove-image-files")),
		Viewed.Connect(views.count, signals.UID(fmt.Sprintf("count-views-%p", products))),
	}
	return func() {
		for _, disconnect := range undo {
			disconnect()
		}
	}, nil
}

// check refuses what could not work later.
func (s Shop) check(db *gorm.DB) error {
	if db == nil {
		return errors.New("product: Connect got no database: open one with gorm.Open")
	}
	if _, installed := db.Plugins[signals.Plugin{}.Name()]; !installed {
		return fmt.Errorf("product: Connect: %w", signals.ErrNotInstalled)
	}
	if s.Images == nil || s.Mailer == nil {
		return errors.New("product: a Shop needs Images and Mailer: use OpenImageStore, and OpenDirMailer or an SMTPMailer")
	}
	_, _, err := Mail{From: s.From, To: s.To, Subject: "test"}.addresses()
	return err
}
