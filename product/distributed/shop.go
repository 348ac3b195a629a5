package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/outbox" //nolint:depguard // The demo is a program of its own module.
	"github.com/gorm-signals/signals/product"
	"gorm.io/gorm"
)

// typePrefix is the prefix of event types.
const typePrefix = "com.example"

// productV1 is the product that other programs get. They depend on it, so it is not a copy of the shop's row.
type productV1 struct {
	ID    uint
	Name  string
	Price int64
}

// openShop opens the shop's database and the outbox on it.
func openShop(dir string) (*gorm.DB, *outbox.Outbox, error) {
	db, err := openDB(dir, shopFile)
	if err != nil {
		return nil, nil, err
	}
	if err = db.Use(signals.Plugin{}); err != nil {
		return nil, nil, err
	}
	ob, err := outbox.Install(db, outbox.Config{Source: "/shop", TypePrefix: typePrefix, Poll: pollEvery})
	return db, ob, err
}

// shop is the process that changes products.
type shop struct {
	db        *gorm.DB
	out       io.Writer
	mug, lamp product.Product
	poster    product.Product
}

// sell executes commands line by line, and prints when each is done.
func sell(commands io.Reader, w io.Writer, dir string) error {
	db, ob, err := openShop(dir)
	if err != nil {
		return err
	}
	outbox.Publish[product.Product](ob, outbox.Saved, outbox.Deleted, outbox.Version(1),
		outbox.Payload(func(p *product.Product) any { return productV1{ID: p.ID, Name: p.Name, Price: p.Price} }))
	count(db)
	s := &shop{db: db, out: w}
	steps := map[string]func() error{
		"create": s.create, "lower": s.lower, "archive": s.archive, "change mind": s.changeMind, "sell a lot": s.sellALot,
	}
	lines := bufio.NewScanner(commands)
	for lines.Scan() {
		step, ok := steps[lines.Text()]
		if !ok {
			return fmt.Errorf("no command %q", lines.Text())
		}
		if err := step(); err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		fmt.Fprintln(w, done)
	}
	return errors.Join(lines.Err(), closeDB(db))
}

// count counts changes in the shop's database, in the transaction of the change.
func count(db *gorm.DB) {
	products := signals.For[product.Product](db)
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*product.Product]) error {
		return addOne(e.DB())
	}, signals.Atomic())
	products.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*product.Product]) error {
		return addOne(e.DB())
	}, signals.Atomic())
}

func (s *shop) say(format string, a ...any) { fmt.Fprintf(s.out, format+"\n", a...) }

func (s *shop) create() error {
	products := []product.Product{
		{Name: "Blue mug", Description: "Holds tea.", Price: 1200, Stock: 10},
		{Name: "Desk lamp", Description: "Bright.", Price: 4500, Stock: 7},
		{Name: "Poster", Description: "The sea.", Price: 1500, Stock: 2},
	}
	if err := s.db.Create(&products).Error; err != nil {
		return err
	}
	s.mug, s.lamp, s.poster = products[0], products[1], products[2]
	for _, p := range products {
		s.say("%s is created", p.Name)
	}
	return nil
}

func (s *shop) lower() error {
	err := s.db.Model(&product.Product{}).Where("id IN ?", []uint{s.mug.ID, s.lamp.ID}).
		Update("price", gorm.Expr("price - ?", 100)).Error
	s.say("Blue mug and Desk lamp cost less")
	return err
}

func (s *shop) archive() error {
	err := s.db.Delete(&s.poster).Error
	s.say("Poster is archived")
	return err
}

var errChangedMind = errors.New("the shop changes its mind")

func (s *shop) changeMind() error {
	err := s.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&product.Product{Name: "Teapot", Price: 2200}).Error; err != nil {
			return err
		}
		if err := tx.Delete(&product.Product{}, s.lamp.ID).Error; err != nil {
			return err
		}
		return errChangedMind
	})
	if !errors.Is(err, errChangedMind) {
		return fmt.Errorf("the transaction was to be rolled back, and answered: %w", err)
	}
	s.say("ROLLBACK, because %v", err)
	return nil
}

// lot is how many products sellALot creates. It also changes each once.
const lot = 150

func (s *shop) sellALot() error {
	for i := range lot {
		p := product.Product{Name: fmt.Sprintf("Card %d", i+1), Price: 300}
		if err := s.db.Create(&p).Error; err != nil {
			return err
		}
		var err error
		if i%10 == 0 {
			err = s.db.Delete(&p).Error
		} else {
			err = s.db.Model(&p).Update("price", 250).Error
		}
		if err != nil {
			return err
		}
	}
	s.say("%d products are created, and changed or archived", lot)
	return nil
}
