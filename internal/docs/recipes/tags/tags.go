// Package tags counts the articles of each tag.
package tags

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-signals/signals"
)

// Article has tags. If an article is deleted, the database deletes its links.
type Article struct {
	ID   uint
	Tags []Tag `gorm:"many2many:article_tags;constraint:OnDelete:CASCADE"`
}

// Tag knows how many articles have it.
type Tag struct {
	ID       uint
	Name     string
	Uses     int
	Articles []Article `gorm:"many2many:article_tags;constraint:OnDelete:CASCADE"`
}

// Connect keeps Tag.Uses right. An article hears of its links from either side, so one receiver is enough.
func Connect(db *gorm.DB) {
	signals.For[Article](db).M2MChanged.Connect(count, signals.Fields("Tags"), signals.UID("tags.count"))
}

// count adds to the stored numbers, in the transaction of the links. A receiver that counts the links anew misses those of a transaction that
// commits meanwhile.
func count(_ context.Context, e signals.M2MEvent[*Article]) error {
	tags := e.DB().Model(&Tag{}).Where("id IN ?", e.PKs)
	if e.Action.Pre() { // lock the tags before their links, and in one order: otherwise two writers may wait for each other
		var ids []uint
		return tags.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Order("id").Pluck("id", &ids).Error
	}
	change := 1
	if e.Action != signals.PostAdd {
		change = -1
	}
	return tags.UpdateColumn("uses", gorm.Expr("uses + ?", change)).Error
}
