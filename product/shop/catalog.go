package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

// Shelf is the category of a product. It is a table of this program, besides those of package product.
type Shelf struct {
	ProductID uint   `gorm:"primaryKey;autoIncrement:false"`
	Category  string `gorm:"not null;index"`
}

// clearShelves is a receiver of post_delete: a product that was deleted for good is on no shelf.
func clearShelves(_ context.Context, products []signals.DeleteEvent[*product.Product]) error {
	var ids []uint
	for _, e := range products {
		if !e.Soft {
			ids = append(ids, e.Instance.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return products[0].DB().Where("product_id IN ?", ids).Delete(&Shelf{}).Error
}

// category is a category with its products.
type category struct {
	Name     string
	Products []product.Product
}

// byID sorts images, so that the first image of a product stays the first.
func byID(db *gorm.DB) *gorm.DB { return db.Order("id") }

// list returns all products by category. Categories and products are sorted by name.
func (s *shop) list(ctx context.Context) ([]category, error) {
	var shelves []Shelf
	if err := s.db.WithContext(ctx).Order("category, product_id").Find(&shelves).Error; err != nil {
		return nil, err
	}
	var products []product.Product
	if err := s.db.WithContext(ctx).Preload("Images", byID).Order("name, id").Find(&products).Error; err != nil {
		return nil, err
	}
	var categories []category
	place := map[uint]int{} // index of a product's category in categories
	for _, shelf := range shelves {
		if len(categories) == 0 || categories[len(categories)-1].Name != shelf.Category {
			categories = append(categories, category{Name: shelf.Category})
		}
		place[shelf.ProductID] = len(categories) - 1
	}
	for i := range products {
		if at, ok := place[products[i].ID]; ok {
			categories[at].Products = append(categories[at].Products, products[i])
		}
	}
	return categories, nil
}

// find returns a product with its images and its category.
func (s *shop) find(ctx context.Context, id uint) (p product.Product, category string, err error) {
	db := s.db.WithContext(ctx)
	if err = db.Preload("Images", byID).Take(&p, id).Error; err == nil {
		err = db.Model(&Shelf{}).Where("product_id = ?", id).Pluck("category", &category).Error
	}
	return p, category, err
}

// add creates a product. It writes the file first; if the rows are not committed, the file is removed again.
func (s *shop) add(ctx context.Context, p *product.Product, category string, pic *picture) error {
	rows := func(tx *gorm.DB) error {
		if pic != nil {
			p.Images = []product.Image{{File: pic.name}}
		}
		if err := tx.Create(p).Error; err != nil {
			return err
		}
		return tx.Create(&Shelf{ProductID: p.ID, Category: category}).Error
	}
	db := s.db.WithContext(ctx)
	if pic == nil {
		return db.Transaction(rows)
	}
	return product.StoreFile(db, s.images, pic.name, bytes.NewReader(pic.data), rows)
}

// setPrice changes the price of a product. If the price drops, a receiver sends a mail.
func (s *shop) setPrice(ctx context.Context, id uint, cents int64) error {
	changed := s.db.WithContext(ctx).Model(&product.Product{}).Where("id = ?", id).Update("price", cents)
	if changed.Error == nil && changed.RowsAffected == 0 {
		return gorm.ErrRecordNotFound
	}
	return changed.Error
}

// setPicture replaces the first picture of a product, or gives it one. A receiver removes the old file.
func (s *shop) setPicture(ctx context.Context, p *product.Product, pic *picture) error {
	db := s.db.WithContext(ctx)
	if len(p.Images) > 0 {
		return product.ReplaceImage(db, s.images, &p.Images[0], pic.name, bytes.NewReader(pic.data))
	}
	_, err := product.AddImage(db, s.images, p.ID, pic.name, bytes.NewReader(pic.data))
	return err
}

// delete deletes a product for good. Receivers remove its images and its place on the shelf.
func (s *shop) delete(ctx context.Context, id uint) error {
	deleted := s.db.WithContext(ctx).Unscoped().Delete(&product.Product{}, id)
	if deleted.Error == nil && deleted.RowsAffected == 0 {
		return gorm.ErrRecordNotFound
	}
	return deleted.Error
}

// deleteCategory deletes all products of a category for good, in one statement, and returns how many there were.
func (s *shop) deleteCategory(ctx context.Context, name string) (int64, error) {
	db := s.db.WithContext(ctx)
	ids := db.Model(&Shelf{}).Select("product_id").Where("category = ?", name)
	deleted := db.Unscoped().Where("id IN (?)", ids).Delete(&product.Product{})
	return deleted.RowsAffected, deleted.Error
}

// inCategory returns the names of a category's products.
func (s *shop) inCategory(ctx context.Context, name string) (names []string, err error) {
	ids := s.db.WithContext(ctx).Model(&Shelf{}).Select("product_id").Where("category = ?", name)
	err = s.db.WithContext(ctx).Model(&product.Product{}).Where("id IN (?)", ids).Order("name").Pluck("name", &names).Error
	return names, err
}

// seen records that somebody looked at a product, and returns the number of its views.
func (s *shop) seen(ctx context.Context, p *product.Product, user string) (views int64, err error) {
	db := s.db.WithContext(ctx)
	if err = product.Viewed.Send(ctx, product.View{Product: p, User: user, DB: db}); err != nil {
		return p.Views, fmt.Errorf("the view of product %d is not counted: %w", p.ID, err)
	}
	err = db.Model(&product.Product{}).Where("id = ?", p.ID).Pluck("views", &views).Error
	return views, err
}

// view is one look at a product by one user, or several.
type view struct {
	ProductID uint
	Name      string // empty if the product was deleted
	User      string // empty if unknown
	Times     int64
	CreatedAt time.Time
}

// Limits of the lists on pages.
const (
	maxViews = 200
	maxMails = 100
)

// views returns how often each user viewed each product, the highest number first, and the latest views.
func (s *shop) views(ctx context.Context) (counts, latest []view, err error) {
	named := func() *gorm.DB {
		return s.db.WithContext(ctx).Table("product_views AS v").Limit(maxViews).
			Joins("LEFT JOIN products AS p ON p.id = v.product_id AND p.deleted_at IS NULL")
	}
	err = named().Select("v.product_id, v.user, COALESCE(p.name, '') AS name, COUNT(*) AS times").
		Group("v.product_id, v.user").Order("times DESC, v.product_id, v.user").Scan(&counts).Error
	if err == nil {
		err = named().Select("v.product_id, v.user, COALESCE(p.name, '') AS name, 1 AS times, v.created_at").
			Order("v.id DESC").Scan(&latest).Error
	}
	return counts, latest, err
}
