// Package slug gives articles the last part of their address.
package slug

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Article is found by its slug. The index makes sure that there is one.
type Article struct {
	ID    uint
	Title string
	Slug  string `gorm:"size:250;uniqueIndex"`
}

// Connect chooses a slug for each new article, and another one when the title changes.
func Connect(db *gorm.DB) {
	signals.For[Article](db).PreSave.ConnectBatch(choose, signals.Fields("Title"), signals.UID("slug"))
}

// choose gets the rows of one statement together. None of them is stored yet, so it must remember the slugs that it has given away.
func choose(_ context.Context, events []signals.SaveEvent[*Article]) error {
	given := map[string]bool{}
	for _, e := range events {
		a, base := e.Instance, slugOf(e.Instance.Title)
		var stored []string
		others := e.DB().Model(&Article{}).Where("id <> ?", a.ID)
		if err := others.Where("slug = ? OR slug LIKE ?", base, base+"-%").Pluck("slug", &stored).Error; err != nil {
			return err
		}
		a.Slug = base
		for n := 2; given[a.Slug] || slices.Contains(stored, a.Slug); n++ {
			a.Slug = fmt.Sprintf("%s-%d", base, n)
		}
		given[a.Slug] = true
	}
	return nil
}

var separators = regexp.MustCompile(`[^a-z0-9]+`)

// slugOf returns the words of a title with hyphens between them. It keeps ASCII alone, of which each database has the same order and equality.
func slugOf(title string) string {
	return cmp.Or(strings.Trim(separators.ReplaceAllString(strings.ToLower(title), "-"), "-"), "untitled")
}

// Retry runs a transaction, and runs it again if another connection was faster to store the same slug:
//
//	err := slug.Retry(db, func(tx *gorm.DB) error { return tx.Create(&slug.Article{Title: "A lamp"}).Error })
//
// The database must be opened with gorm.Config{TranslateError: true}.
func Retry(db *gorm.DB, fn func(tx *gorm.DB) error) error {
	for try := 1; ; try++ {
		err := db.Transaction(fn)
		if !errors.Is(err, gorm.ErrDuplicatedKey) || try == 20 {
			return err
		}
		time.Sleep(rand.N(time.Duration(try) * 5 * time.Millisecond)) // so that not all losers try again at once
	}
}
