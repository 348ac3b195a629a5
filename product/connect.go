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

// Connect connects the shop's receivers to the signals of db and ties the image store to its rows. signals.Plugin must be installed on db. Connecting
// a database again replaces its receivers. The returned function disconnects them; call it before the database is closed. Also call Sweep when the
// program starts.
func Connect(db *gorm.DB, shop Shop) (disconnect func(), err error) {
	if err := shop.check(db); err != nil {
		return nil, err
	}
	products, images := signals.For[Product](db), signals.For[Image](db)
	news := newsletter{mailer: shop.Mailer, from: shop.From, to: shop.To}
	files := imageFiles{store: shop.Images, rows: db.Session(&gorm.Session{NewDB: true})}
	views := viewCounter{products: products}
	shop.Images.rows.Store(files.rows)

	// These receivers run after all others have agreed to the write and made their changes. Batch receivers get the rows of a write together, and ask
	// the database once for all of them.
	last, names := signals.Priority(-100), signals.Fields("File", "Thumb")

	undo := []func() bool{
		products.PostSave.Connect(news.newProduct, signals.AfterCommit(), signals.Net(), signals.UID("mail-new-product")),
		products.PreSave.Connect(news.priceDrop, last, signals.UID("mail-price-drop"), signals.Fields("Price")),
		products.PreDelete.ConnectBatch(files.deleteImages, last, signals.UID("delete-images")),
		images.PreSave.Connect(files.check, last, signals.UID("check-image-files"), names),
		images.PostSave.ConnectBatch(files.replaced, last, signals.UID("remove-replaced-files"), names),
		images.PreDelete.ConnectBatch(files.moveAside, last, signals.UID("move-image-files-aside")),
		Viewed.Connect(views.count, signals.UID(fmt.Sprintf("count-views-%p", products))),
	}
	return func() {
		for _, disconnect := range undo {
			disconnect()
		}
	}, nil
}

// check returns an error for a shop that could not work later.
func (s Shop) check(db *gorm.DB) error {
	if db == nil {
		return errors.New("product: Connect got no database: open one with gorm.Open")
	}
	if _, installed := db.Plugins[signals.Plugin{}.Name()]; !installed {
		return fmt.Errorf("product: Connect: %w", signals.ErrNotInstalled)
	}
	if _, inTransaction := signals.SQLTx(db); inTransaction {
		return errors.New("product: Connect got a transaction: call it with the database")
	}
	if s.Images == nil || s.Mailer == nil {
		return errors.New("product: a Shop needs Images and Mailer: use OpenImageStore, and OpenDirMailer or the Mailer of product/smtpmail")
	}
	_, _, err := Mail{From: s.From, To: s.To, Subject: "test"}.Addresses()
	return err
}
