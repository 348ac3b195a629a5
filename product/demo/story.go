package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

// tell goes through the story step by step. expected is the state at its end.
func (d *demo) tell() error {
	for _, step := range []func() error{
		d.createProducts, d.addImages, d.lowerPrice, d.raisePrice, d.holdSale, d.showLamp,
		d.archivePoster, d.deleteByValue, d.deleteByCondition, d.veto, d.changeMind, d.commit,
	} {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", d.steps, err)
		}
		if err := d.sayFiles(); err != nil {
			return fmt.Errorf("step %d: %w", d.steps, err)
		}
	}
	return nil
}

func (d *demo) createProducts() error {
	d.step("Six products are created. A receiver of post_save mails each one, once they are committed.", "db.Create(&products)")
	return d.db.Create(&[]product.Product{
		{Name: "Blue mug", Description: "Holds tea.", Price: 1200, Stock: 10},
		{Name: "Red mug", Description: "Holds coffee.", Price: 1100, Stock: 4},
		{Name: "Desk lamp", Description: "Bright.", Price: 4500, Stock: 7},
		{Name: "Poster", Description: "The sea.", Price: 1500, Stock: 2},
		{Name: "Old chair", Description: "Comfortable.", Price: 8000},
		{Name: "Old vase", Description: "Holds flowers.", Price: 2500},
	}).Error
}

func (d *demo) addImages() error {
	d.step("Each product gets images: a PNG file in the image directory and a row that names it.",
		"product.AddImage(db, store, p.ID, file, picture)")
	d.quiet = true // otherwise twice as many lines, with nothing new
	defer func() { d.quiet = false }()
	var products []product.Product
	if err := d.db.Order("id").Find(&products).Error; err != nil {
		return err
	}
	for i, p := range products {
		for n := range 1 + i%2 {
			file := fmt.Sprintf("%s-%d.png", strings.ReplaceAll(strings.ToLower(p.Name), " ", "-"), n+1)
			picture, err := draw(i, n)
			if err != nil {
				return err
			}
			if _, err := product.AddImage(d.db, d.images, p.ID, file, picture); err != nil {
				return err
			}
		}
	}
	d.quiet = false
	d.say("signal  pre_save and post_save of each Image")
	return nil
}

func (d *demo) lowerPrice() error {
	d.step("A price drops. A receiver of pre_save sees the stored one beside it, and leaves a mail to the commit.",
		`db.Model(&mug).Update("price", 999)`)
	mug, err := d.find(d.db, "Blue mug")
	if err != nil {
		return err
	}
	return d.db.Model(mug).Update("price", 999).Error
}

func (d *demo) raisePrice() error {
	d.step("A price rises. The same receiver is called, and has nothing to mail.",
		`db.Model(&Product{}).Where("name = ?", "Old vase").Update("price", 2600)`)
	return d.db.Model(&product.Product{}).Where("name = ?", "Old vase").Update("price", 2600).Error
}

func (d *demo) holdSale() error {
	d.step("One statement lowers the price of both mugs. Signals are sent for each row.",
		`db.Model(&Product{}).Where("name LIKE ?", "%mug").Update("price", gorm.Expr("price - ?", 100))`)
	return d.db.Model(&product.Product{}).Where("name LIKE ?", "%mug").Update("price", gorm.Expr("price - ?", 100)).Error
}

func (d *demo) showLamp() error {
	d.step("Three people look at the lamp. Viewed is a signal of the shop's own: a receiver records and counts.",
		`product.Viewed.Send(ctx, product.View{Product: &lamp, User: "ann", DB: db})`)
	lamp, err := d.find(d.db, "Desk lamp")
	if err != nil {
		return err
	}
	for _, user := range []string{"ann", "bob", "ann"} {
		d.say("signal  %-14s  Product %s, by %s", product.Viewed.Name(), lamp.Name, user)
		view := product.View{Product: lamp, User: user, DB: d.db}
		if err = product.Viewed.Send(context.Background(), view); err != nil {
			return err
		}
	}
	if lamp, err = d.find(d.db, "Desk lamp"); err != nil {
		return err
	}
	d.say("result  %d views; the lamp itself sent nothing, because a view does not change it", lamp.Views)
	return nil
}

func (d *demo) archivePoster() error {
	d.step("The poster is taken out of the shop. The delete is soft: its row and its image stay.", "db.Delete(&poster)")
	poster, err := d.find(d.db, "Poster")
	if err != nil {
		return err
	}
	return d.db.Delete(poster).Error
}

func (d *demo) deleteByValue() error {
	d.step("The red mug is deleted for good, its images before it. Receivers of pre_delete see to both.",
		"db.Unscoped().Delete(&mug)")
	mug, err := d.find(d.db, "Red mug")
	if err != nil {
		return err
	}
	return d.db.Unscoped().Delete(mug).Error
}

func (d *demo) deleteByCondition() error {
	d.step("All that is sold out is deleted for good, by condition. Receivers get each row, whole.",
		`db.Unscoped().Where("stock = 0").Delete(&Product{})`)
	return d.db.Unscoped().Where("stock = 0").Delete(&product.Product{}).Error
}

// errInStock is the error with which a receiver refuses the last step.
var errInStock = errors.New("there are still lamps in stock")

func (d *demo) veto() error {
	d.step("A receiver vetoes. All products but the lamp may go, so the whole transaction is rolled back.",
		`db.Transaction: Update("name", "Sold"), then Unscoped().Where("1 = 1").Delete(&Product{})`)
	disconnect := signals.For[product.Product](d.db).PreDelete.Connect(
		func(_ context.Context, e signals.DeleteEvent[*product.Product]) error {
			if e.Instance.Stock == 7 {
				return errInStock
			}
			return nil
		}, signals.UID("keep-what-is-in-stock"))
	defer disconnect()
	err := d.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&product.Product{}).Where("name = ?", "Blue mug").Update("name", "Sold").Error; err != nil {
			return err
		}
		return tx.Unscoped().Where("1 = 1").Delete(&product.Product{}).Error
	})
	if !errors.Is(err, errInStock) {
		return fmt.Errorf("the delete was to be vetoed, and answered: %w", err)
	}
	d.say("error   %v", err)
	if _, err := d.find(d.db, "Blue mug"); err != nil {
		return err
	}
	d.say("result  rolled back: the mug has its name, and all images are there")
	return nil
}

// find reads a product by name.
func (d *demo) find(db *gorm.DB, name string) (*product.Product, error) {
	var p product.Product
	if err := db.Where("name = ?", name).First(&p).Error; err != nil {
		return nil, fmt.Errorf("cannot find the product %q: %w", name, err)
	}
	return &p, nil
}
