package product_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

// child is the shop of a process that is to be killed.
type child struct {
	db    *gorm.DB
	store *product.ImageStore
	stop  string
	n     int
}

func openShopDB(dir string) (*gorm.DB, error) {
	dsn := filepath.Join(dir, "shop.db") +
		"?_foreign_keys=on&_busy_timeout=10000&_txlock=immediate&_journal_mode=WAL&_synchronous=NORMAL"
	return gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
}

// work is the child's work: everything that a shop does with images, in turn. It returns when nobody reads its output.
func work(dir, stop string) (err error) {
	c := child{stop: stop}
	if c.db, err = openShopDB(dir); err != nil {
		return err
	}
	if c.store, err = product.OpenImageStore(filepath.Join(dir, "images")); err != nil {
		return err
	}
	handle := func(_ context.Context, err error) { fmt.Fprintln(os.Stderr, err) }
	if err = c.db.Use(signals.Plugin{ErrorHandler: handle}); err != nil {
		return err
	}
	shop := product.Shop{Images: c.store, Mailer: noMail{}, From: "shop@example.com", To: []string{"ann@example.com"}}
	if _, err = product.Connect(c.db, shop); err != nil {
		return err
	}
	c.listen()
	for c.n = range 1000 {
		for _, step := range []func() error{c.add, c.share, c.replace, c.recreate, c.changeMind, c.deleteTwice, c.clear} {
			if err := step(); err != nil {
				return err
			}
			if err := c.at("step done"); err != nil {
				return err
			}
		}
	}
	return errors.New("nobody has killed the child")
}

// at tells the parent where the child is, and waits to be killed if it is to stop there.
func (c *child) at(point string) error {
	if _, err := fmt.Println(point); err != nil {
		return err
	}
	if point == c.stop {
		_, err := io.Copy(io.Discard, os.Stdin)
		return errors.Join(err, errors.New("the parent is gone"))
	}
	return nil
}

// listen connects receivers around the shop's own that tell how far a write has got.
func (c *child) listen() {
	images := signals.For[product.Image](c.db)
	first, last := signals.Priority(200), signals.Priority(-200)
	images.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*product.Image]) error {
		// What is queued first runs first after a commit, and last after a rollback.
		return signals.OnCommit(e.DB(), func(context.Context) error { return c.at("committed, not purged") })
	}, first)
	images.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*product.Image]) error {
		return errors.Join(
			signals.OnRollback(e.DB(), func(context.Context) error { return c.at("rolled back, not put back") }),
			c.at("moved aside"))
	}, last)
	saved := func(point string) signals.Receiver[signals.SaveEvent[*product.Image]] {
		return func(context.Context, signals.SaveEvent[*product.Image]) error { return c.at(point) }
	}
	images.PostDelete.Connect(
		func(context.Context, signals.DeleteEvent[*product.Image]) error { return c.at("row deleted") }, last)
	images.PreSave.Connect(saved("file written"), first)
	images.PostSave.Connect(saved("row saved"), last)
	images.PostSave.Connect(saved("save committed"), signals.AfterCommit())
}

// addImage adds an image of a product's generation in db's transaction.
func (c *child) addImage(db *gorm.DB, p *product.Product, file string) (*product.Image, error) {
	return product.AddImage(db, c.store, p.ID, file, strings.NewReader(content(p.Stock)))
}

func (c *child) newest() (*product.Product, error) {
	var p product.Product
	return &p, c.db.Preload("Images").Order("id DESC").First(&p).Error
}

// add makes a product with two images, the second in the transaction that makes the product.
func (c *child) add() error {
	p := &product.Product{Name: "Mug", Stock: 1}
	err := c.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(p).Error; err != nil {
			return err
		}
		_, err := c.addImage(tx, p, fmt.Sprintf("%d-a.png", p.ID))
		return err
	})
	if err != nil {
		return err
	}
	_, err = c.addImage(c.db, p, fmt.Sprintf("%d-b.png", p.ID))
	return err
}

// share makes a second row, and a second field of it, name a file of the first.
func (c *child) share() error {
	p, err := c.newest()
	if err != nil {
		return err
	}
	file := p.Images[0].File
	return c.db.Create(&product.Image{ProductID: p.ID, File: file, Thumb: file}).Error
}

// replace replaces a file, with a savepoint that fails on the way.
func (c *child) replace() error {
	p, err := c.newest()
	if err != nil {
		return err
	}
	image := &p.Images[len(p.Images)-2]
	return c.db.Transaction(func(tx *gorm.DB) error {
		err := tx.Transaction(func(tx *gorm.DB) error {
			file := fmt.Sprintf("%d-never.png", p.ID)
			never := product.ReplaceImage(tx, c.store, &product.Image{ID: image.ID}, file, strings.NewReader("no"))
			return errors.Join(errBack, never)
		})
		if !errors.Is(err, errBack) {
			return err
		}
		file := fmt.Sprintf("%d-c.png", p.ID)
		return product.ReplaceImage(tx, c.store, image, file, strings.NewReader(content(p.Stock)))
	})
}

// recreate gives a product a new generation of images under the old names.
func (c *child) recreate() error {
	p, err := c.newest()
	if err != nil {
		return err
	}
	return c.db.Transaction(func(tx *gorm.DB) error {
		p.Stock++
		if err := tx.Model(p).Update("stock", p.Stock).Error; err != nil {
			return err
		}
		if err := tx.Where("product_id = ?", p.ID).Delete(&product.Image{}).Error; err != nil {
			return err
		}
		for _, name := range []string{"a", "b"} {
			if _, err := c.addImage(tx, p, fmt.Sprintf("%d-%s.png", p.ID, name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// changeMind does as recreate does, and rolls back.
func (c *child) changeMind() error {
	p, err := c.newest()
	if err != nil {
		return err
	}
	changed := c.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Where("product_id = ?", p.ID).Delete(&product.Image{}).Error; err != nil {
			return err
		}
		if _, err := product.AddImage(tx, c.store, p.ID, p.Images[0].File, strings.NewReader("never")); err != nil {
			return err
		}
		if err := tx.Unscoped().Delete(p).Error; err != nil {
			return err
		}
		return errBack
	})
	if errors.Is(changed, errBack) {
		return nil
	}
	return changed
}

// deleteTwice deletes in a savepoint that is rolled back, and then once more.
func (c *child) deleteTwice() error {
	p, err := c.newest()
	if err != nil {
		return err
	}
	image := p.Images[0]
	return c.db.Transaction(func(tx *gorm.DB) error {
		err := tx.Transaction(func(tx *gorm.DB) error { return errors.Join(errBack, tx.Delete(&image).Error) })
		if !errors.Is(err, errBack) {
			return err
		}
		return tx.Delete(&image).Error
	})
}

// clear deletes all products but the last few, by condition.
func (c *child) clear() error {
	p, err := c.newest()
	if err != nil || p.ID < 4 {
		return err
	}
	return c.db.Unscoped().Where("id < ?", p.ID-3).Delete(&product.Product{}).Error
}
