package product

import (
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Product is something that the shop sells.
//
// Deletes are soft: db.Delete marks the row and keeps the image files. Orders and links still name a product that is no longer sold, and a product
// that was deleted by mistake must come back with its pictures. db.Unscoped() deletes a product for good, with its image rows and files.
type Product struct {
	ID          uint
	Name        string `gorm:"not null"`
	Description string
	Price       int64 `gorm:"not null;check:price_not_negative,price >= 0"` // in cents
	Stock       int   `gorm:"not null"`

	// Views is counted by the database when Viewed is sent. Saving a whole struct that was read earlier would set an old count: use Updates, or
	// Omit("Views").
	Views int64 `gorm:"not null;default:0"`

	Images    []Image
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt `gorm:"index"`
}

// Models returns the models of the package, for AutoMigrate.
func Models() []any {
	return []any{&Product{}, &Image{}, &ProductView{}}
}

// FormatPrice writes an amount in cents for customers: 1990 is "19.90".
func FormatPrice(cents int64) string {
	sign := ""
	if cents < 0 {
		sign = "-"
	}
	return fmt.Sprintf("%s%d.%02d", sign, abs(cents/100), abs(cents%100))
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
