package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals/product"
)

// state is the state of a shop. Each list is sorted, except the mails.
type state struct {
	sold, archived []string // name and price
	rows, files    []string // image files as the rows name them, and as the directory holds them
	aside          []string // files that wait for the end of a transaction
	counted        []string // views by the products' counters
	recorded       []string // views by the rows
	mails          []string // subjects, oldest first
}

// expected is the state at the end of the story.
func expected() state {
	images := []string{"blue-mug-1.png", "desk-lamp-2.png", "poster-1.png", "poster-2.png", "teapot-1.png"}
	return state{
		sold: []string{"Blue mug 8.99", "Desk lamp 39.00", "Teapot 22.00"}, archived: []string{"Poster 15.00"},
		rows: images, files: images,
		counted: []string{"Desk lamp 3"}, recorded: []string{"ann 2", "bob 1"},
		mails: []string{
			"New product: Blue mug", "New product: Red mug", "New product: Desk lamp",
			"New product: Poster", "New product: Old chair", "New product: Old vase",
			"Now 9.99: Blue mug", "Now 8.99: Blue mug", "Now 10.00: Red mug",
			"New product: Teapot", "Now 39.00: Desk lamp",
		},
	}
}

// check reads the shop in dir from its files, without the plugin, and compares it with the wanted state. It ignores mails of earlier runs. It prints
// what it found and returns an error for every difference.
func check(w io.Writer, dir string, want state, earlier int) error {
	got, err := read(dir, earlier)
	if err != nil {
		return err
	}
	var errs []error
	for _, line := range []struct {
		what      string
		got, want []string
	}{
		{"products for sale", got.sold, want.sold},
		{"products archived", got.archived, want.archived},
		{"images in the database", got.rows, want.rows},
		{"images in the directory", got.files, want.files},
		{"images lying aside", got.aside, want.aside},
		{"views counted", got.counted, want.counted},
		{"views recorded", got.recorded, want.recorded},
		{"mails in the directory", got.mails, want.mails},
	} {
		mark := "ok "
		if !slices.Equal(line.got, line.want) {
			mark = "OFF"
			errs = append(errs, fmt.Errorf("%s: found %q, but there must be %q", line.what, line.got, line.want))
		}
		fmt.Fprintf(w, "   %s  %-24s %2d  %s\n", mark, line.what, len(line.got), short(line.got))
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	fmt.Fprint(w, "All is as it must be: rows, files, views and mails agree.\n")
	return nil
}

// short joins texts, and leaves out the middle of a long list.
func short(texts []string) string {
	if len(texts) > 5 {
		texts = slices.Concat(texts[:2], []string{"..."}, texts[len(texts)-2:])
	}
	return strings.Join(texts, ", ")
}

// read reads the state of the shop in dir.
func read(dir string, earlier int) (s state, err error) {
	db, err := openDB(dir)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, closeDB(db)) }()
	return s, errors.Join(s.readProducts(db), s.readViews(db), s.readImages(dir), s.readMails(dir, earlier))
}

func (s *state) readProducts(db *gorm.DB) error {
	var products []product.Product
	if err := db.Unscoped().Preload("Images").Order("name").Find(&products).Error; err != nil {
		return fmt.Errorf("cannot read the products: %w", err)
	}
	for _, p := range products {
		text := p.Name + " " + product.FormatPrice(p.Price)
		if p.DeletedAt.Valid {
			s.archived = append(s.archived, text)
		} else {
			s.sold = append(s.sold, text)
		}
		if p.Views != 0 {
			s.counted = append(s.counted, fmt.Sprintf("%s %d", p.Name, p.Views))
		}
	}
	if err := db.Model(&product.Image{}).Order("file").Pluck("file", &s.rows).Error; err != nil {
		return fmt.Errorf("cannot read the images: %w", err)
	}
	return nil
}

func (s *state) readViews(db *gorm.DB) error {
	err := db.Model(&product.ProductView{}).Group("user").Order("user").Pluck("user || ' ' || count(*)", &s.recorded).Error
	if err != nil {
		return fmt.Errorf("cannot read the views: %w", err)
	}
	return nil
}

// readImages lists the image files. Each must be a picture.
func (s *state) readImages(dir string) error {
	entries, err := os.ReadDir(imageDir(dir))
	if err != nil {
		return fmt.Errorf("cannot list the images: %w", err)
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := s.readAside(filepath.Join(imageDir(dir), entry.Name())); err != nil {
				return err
			}
			continue
		}
		content, err := os.ReadFile(filepath.Join(imageDir(dir), entry.Name()))
		if err != nil {
			return fmt.Errorf("cannot read an image: %w", err)
		}
		if _, err := png.Decode(bytes.NewReader(content)); err != nil {
			return fmt.Errorf("the image %s is broken: %w", entry.Name(), err)
		}
		s.files = append(s.files, entry.Name())
	}
	return nil
}

// readAside lists a folder of the image directory, which must be empty.
func (s *state) readAside(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("cannot list the images that lie aside: %w", err)
	}
	for _, entry := range entries {
		s.aside = append(s.aside, entry.Name())
	}
	return nil
}

// readMails reads the subjects of the mails, as a mail program does.
func (s *state) readMails(dir string, earlier int) error {
	entries, err := os.ReadDir(mailDir(dir))
	if err != nil {
		return fmt.Errorf("cannot list the mails: %w", err)
	}
	for _, entry := range entries[min(earlier, len(entries)):] {
		content, err := os.ReadFile(filepath.Join(mailDir(dir), entry.Name()))
		if err != nil {
			return fmt.Errorf("cannot read a mail: %w", err)
		}
		m, err := mail.ReadMessage(bytes.NewReader(content))
		if err != nil {
			return fmt.Errorf("the mail %s is broken: %w", entry.Name(), err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil {
			return fmt.Errorf("the mail %s is broken: %w", entry.Name(), err)
		}
		s.mails = append(s.mails, subject)
	}
	return nil
}
