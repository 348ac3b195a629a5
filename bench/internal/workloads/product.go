package workloads

import (
	"errors"
	"time"

	"gorm.io/gorm"
)

// Product is the model of the workloads.
type Product struct {
	ID        uint
	Name      string
	Category  string
	Price     int64
	Stock     int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TableName implements GORM's schema.Tabler.
func (Product) TableName() string { return table }

const table = "products"

// hooked does the work of the receivers in GORM's own hooks.
type hooked Product

// TableName implements GORM's schema.Tabler.
func (*hooked) TableName() string { return table }

// BeforeSave is a hook of GORM.
func (p *hooked) BeforeSave(*gorm.DB) error { return CheckPrice(p.Price) }

// AfterSave is a hook of GORM.
func (p *hooked) AfterSave(*gorm.DB) error { return CheckPrice(p.Price) }

// BeforeDelete is a hook of GORM.
func (p *hooked) BeforeDelete(*gorm.DB) error { return CheckPrice(p.Price) }

// AfterDelete is a hook of GORM.
func (p *hooked) AfterDelete(*gorm.DB) error { return CheckPrice(p.Price) }

// comparing compares itself with the stored row.
type comparing Product

// TableName implements GORM's schema.Tabler.
func (*comparing) TableName() string { return table }

// BeforeSave is a hook of GORM.
func (p *comparing) BeforeSave(tx *gorm.DB) error {
	var old Product
	if err := tx.Session(&gorm.Session{NewDB: true}).First(&old, p.ID).Error; err != nil {
		return err
	}
	return ComparePrice(p.Price, old.Price)
}

// AfterSave is a hook of GORM.
func (p *comparing) AfterSave(*gorm.DB) error { return CheckPrice(p.Price) }

// model is Product with or without hooks.
type model interface{ Product | hooked | comparing }

var errPrice = errors.New("bad price")

// CheckPrice is the work of a receiver that reads a field.
func CheckPrice(price int64) error {
	if price < 0 {
		return errPrice
	}
	return nil
}

// ComparePrice is the work of a receiver that compares with the stored row.
func ComparePrice(price, old int64) error {
	if price < 0 && old > 0 {
		return errPrice
	}
	return nil
}

// CheckAll is the work of a receiver of every row.
func CheckAll(all []Product) error {
	for i := range all {
		if err := CheckPrice(all[i].Price); err != nil {
			return err
		}
	}
	return nil
}

// NewProduct returns a row to insert.
func NewProduct() Product {
	return Product{Name: "tea", Category: "drinks", Price: 250, Stock: 40}
}

// StoredProduct returns the row of a fresh database.
func StoredProduct() Product {
	p := NewProduct()
	p.ID = 1
	return p
}

// NextPrice returns a price for an update: never the stored one, and with two digits at most after the first one.
func NextPrice(price int64) int64 { return 100 + (price+1)%100 }
