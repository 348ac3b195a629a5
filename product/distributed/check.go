package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gorm-signals/signals/product"
)

// errDisagree means that shop and search hold different products.
var errDisagree = errors.New("shop and search do not agree")

// check reads both databases, prints their contents, and returns an error if they differ.
func check(w io.Writer, dir string) (err error) {
	shopDB, err := openDB(dir, shopFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDB(shopDB)) }()
	searchDB, err := openDB(dir, searchFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDB(searchDB)) }()

	var sold, indexed []found
	committed, err := changes(context.Background(), shopDB)
	if err != nil {
		return err
	}
	handled, err := changes(context.Background(), searchDB)
	if err != nil {
		return err
	}
	if err = shopDB.Model(&product.Product{}).Order("id").Find(&sold).Error; err != nil {
		return err
	}
	if err = searchDB.Order("id").Find(&indexed).Error; err != nil {
		return err
	}
	rows := []struct {
		what         string
		shop, search int64
	}{
		{"changes", int64(committed), int64(handled)},
		{"products", int64(len(sold)), int64(len(indexed))},
		{"sum of prices", sum(sold), sum(indexed)},
		{"with the same content", int64(len(sold)), same(sold, indexed)},
	}
	for _, r := range rows {
		mark := ""
		if r.shop != r.search {
			mark, err = "  OFF", errDisagree
		}
		fmt.Fprintf(w, "     %-22s shop %7d   search %7d%s\n", r.what, r.shop, r.search, mark)
	}
	if err == nil {
		fmt.Fprint(w, "\nShop and search agree.\n")
	}
	return err
}

func sum(rows []found) (n int64) {
	for _, r := range rows {
		n += r.Price
	}
	return n
}

// same counts the products that the index has with equal values.
func same(sold, indexed []found) (n int64) {
	known := make(map[found]bool, len(indexed))
	for _, r := range indexed {
		known[r] = true
	}
	for _, r := range sold {
		if known[r] {
			n++
		}
	}
	return n
}
