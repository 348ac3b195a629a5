package main

import (
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/product"
)

// errChangedMind is the error with which the story rolls a transaction back.
var errChangedMind = errors.New("the shop changes its mind")

func (d *demo) changeMind() error {
	d.step("A transaction that rolls back. Until its end files only lie aside and mails only wait, so that nothing is lost.",
		`db.Transaction: create the teapot with its image, delete the blue mug for good, return an error`)
	before := d.sent
	err := d.db.Transaction(func(tx *gorm.DB) error {
		if err := d.createTeapot(tx); err != nil {
			return err
		}
		mug, err := d.find(tx, "Blue mug")
		if err != nil {
			return err
		}
		if err := tx.Unscoped().Delete(mug).Error; err != nil {
			return err
		}
		if err := d.inside(before, "teapot-1.png", "blue-mug-1.png"); err != nil {
			return err
		}
		return errChangedMind
	})
	if !errors.Is(err, errChangedMind) {
		return fmt.Errorf("the transaction was to be rolled back, and answered: %w", err)
	}
	d.say("ROLLBACK, because %v", err)
	if d.sent != before {
		return errors.New("a mail was sent for what was rolled back")
	}
	files, err := d.images.List()
	if err != nil {
		return err
	}
	if slices.Contains(files, "teapot-1.png") || !slices.Contains(files, "blue-mug-1.png") {
		return fmt.Errorf("the files are not as they were: %q", files)
	}
	d.say("result  no mail; the picture of the mug is back, the one of the teapot is gone")
	return nil
}

func (d *demo) commit() error {
	d.step("A transaction that commits. Its mails leave after the COMMIT, and only then the replaced picture goes.",
		`db.Transaction: create the teapot with its image, give the lamp a lower price and another picture`)
	before := d.sent
	err := d.db.Transaction(func(tx *gorm.DB) error {
		if err := d.createTeapot(tx); err != nil {
			return err
		}
		if err := d.changeLamp(tx); err != nil {
			return err
		}
		if err := d.inside(before, "desk-lamp-2.png", ""); err != nil {
			return err
		}
		d.say("COMMIT")
		return nil
	})
	if err == nil && d.sent != before+2 {
		err = fmt.Errorf("two mails were to be sent after the commit, not %d", d.sent-before)
	}
	return err
}

func (d *demo) createTeapot(tx *gorm.DB) error {
	teapot := &product.Product{Name: "Teapot", Description: "For six cups.", Price: 2200, Stock: 3}
	if err := tx.Create(teapot).Error; err != nil {
		return err
	}
	picture, err := draw(6, 0)
	if err != nil {
		return err
	}
	_, err = product.AddImage(tx, d.images, teapot.ID, "teapot-1.png", picture)
	return err
}

// changeLamp gives the lamp a lower price and another picture.
func (d *demo) changeLamp(tx *gorm.DB) error {
	lamp, err := d.find(tx.Preload("Images"), "Desk lamp")
	if err != nil {
		return err
	}
	if err = tx.Model(lamp).Update("price", 3900).Error; err != nil {
		return err
	}
	picture, err := draw(2, 1)
	if err != nil {
		return err
	}
	return product.ReplaceImage(tx, d.images, &lamp.Images[0], "desk-lamp-2.png", picture)
}

// inside prints the state within a transaction: one file was written, perhaps one was moved aside, and no mail was sent.
func (d *demo) inside(sentBefore int, written, aside string) error {
	files, err := d.images.List()
	if err != nil {
		return err
	}
	if d.sent != sentBefore || !slices.Contains(files, written) || slices.Contains(files, aside) {
		return fmt.Errorf("in the transaction there are the files %q and %d mails: too early", files, d.sent-sentBefore)
	}
	d.say("inside  %s is written, no mail has left", written)
	if aside != "" {
		d.say("inside  %s lies aside", aside)
	}
	return nil
}
