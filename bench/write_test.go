package bench_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// BenchmarkW0 writes one row when nobody listens.
func BenchmarkW0(b *testing.B) {
	for _, w := range []struct {
		name    string
		on      backend
		prepare func(testing.TB, *gorm.DB) work
	}{
		{"insert", onNull, inserting[benchProduct]},
		{"update", onNull, updating[benchProduct]},
		{"save", onNull, saving[benchProduct]},
		{"delete", onNull, deleting},
		{"all", onMemory, comingAndGoing},
	} {
		b.Run(w.name, func(b *testing.B) {
			compare(b, w.on,
				variant{"plain", w.prepare},
				variant{"signals", func(tb testing.TB, db *gorm.DB) work {
					tb.Helper()
					install(tb, db)
					return w.prepare(tb, db)
				}},
			)
		})
	}
}

// BenchmarkW1 inserts one row with a pre_save and a post_save receiver.
func BenchmarkW1(b *testing.B) {
	for _, on := range []backend{onNull, onMemory} {
		compare(b, on,
			variant{"plain", inserting[benchProduct]},
			variant{"hooks", inserting[hookedProduct]},
			variant{"hand", insertingByHand},
			variant{"signals", func(tb testing.TB, db *gorm.DB) work {
				tb.Helper()
				connectSave(tb, db)
				return inserting[benchProduct](tb, db)
			}},
		)
	}
}

// BenchmarkW2 updates one row by key with a pre_save receiver that compares it with the stored one, and a post_save receiver.
func BenchmarkW2(b *testing.B) {
	for _, w := range []struct {
		name         string
		plain, hooks func(testing.TB, *gorm.DB) work
		write        func(tx *gorm.DB, p *benchProduct) error
	}{
		{"update", updating[benchProduct], updating[comparingProduct], func(tx *gorm.DB, p *benchProduct) error {
			return tx.Model(p).Update("price", p.Price).Error
		}},
		{"save", saving[benchProduct], saving[comparingProduct], func(tx *gorm.DB, p *benchProduct) error {
			return tx.Save(p).Error
		}},
	} {
		b.Run(w.name, func(b *testing.B) {
			for _, on := range []backend{onNull, onMemory} {
				compare(b, on,
					variant{"plain", w.plain},
					variant{"hooks", w.hooks},
					variant{"hand", func(_ testing.TB, db *gorm.DB) work { return comparingByHand(db, w.write) }},
					variant{"signals", func(tb testing.TB, db *gorm.DB) work {
						tb.Helper()
						connectCompare(tb, db)
						return w.plain(tb, db)
					}},
				)
			}
		})
	}
}

// BenchmarkW2n saves one row with receivers that need no stored row.
func BenchmarkW2n(b *testing.B) {
	for _, on := range []backend{onNull, onMemory} {
		compare(b, on,
			variant{"plain", saving[benchProduct]},
			variant{"hooks", saving[hookedProduct]},
			variant{"hand", savingByHand},
			variant{"signals", func(tb testing.TB, db *gorm.DB) work {
				tb.Helper()
				connectSave(tb, db, signals.Needs(signals.Keys))
				return saving[benchProduct](tb, db)
			}},
		)
	}
}

func newProduct() benchProduct {
	return benchProduct{Name: "tea", Category: "drinks", Price: 250, Stock: 40}
}

// storedProduct is the row that fill writes first.
func storedProduct() benchProduct {
	p := newProduct()
	p.ID = 1
	return p
}

// benchModel is benchProduct with or without hooks.
type benchModel interface {
	benchProduct | hookedProduct | comparingProduct
}

func inserting[M benchModel](_ testing.TB, db *gorm.DB) work {
	return work{run: func() error {
		p := M(newProduct())
		return db.Create(&p).Error
	}}
}

func insertingByHand(_ testing.TB, db *gorm.DB) work {
	return work{run: func() error {
		p := newProduct()
		return db.Transaction(func(tx *gorm.DB) error {
			if err := checkPrice(p.Price); err != nil {
				return err
			}
			if err := tx.Create(&p).Error; err != nil {
				return err
			}
			return checkPrice(p.Price)
		})
	}}
}

func updating[M benchModel](_ testing.TB, db *gorm.DB) work {
	p, price := M(storedProduct()), int64(0)
	return work{run: func() error {
		price = (price + 1) % 100
		return db.Model(&p).Update("price", 100+price).Error
	}}
}

func saving[M benchModel](_ testing.TB, db *gorm.DB) work {
	stored := storedProduct()
	return work{run: func() error {
		stored.Price = 100 + (stored.Price+1)%100
		p := M(stored)
		return db.Save(&p).Error
	}}
}

func savingByHand(_ testing.TB, db *gorm.DB) work {
	stored := storedProduct()
	return work{run: func() error {
		stored.Price = 100 + (stored.Price+1)%100
		p := stored
		return db.Transaction(func(tx *gorm.DB) error {
			if err := checkPrice(p.Price); err != nil {
				return err
			}
			if err := tx.Save(&p).Error; err != nil {
				return err
			}
			return checkPrice(p.Price)
		})
	}}
}

func deleting(_ testing.TB, db *gorm.DB) work {
	p := storedProduct()
	return work{run: func() error { return db.Delete(&p).Error }}
}

// comingAndGoing inserts, updates and deletes one row.
func comingAndGoing(_ testing.TB, db *gorm.DB) work {
	return work{run: func() error {
		p := newProduct()
		if err := db.Create(&p).Error; err != nil {
			return err
		}
		if err := db.Model(&p).Update("price", 300).Error; err != nil {
			return err
		}
		return db.Delete(&p).Error
	}}
}

// comparingByHand is what an application does without hooks: read, compare, write, and look once more.
func comparingByHand(db *gorm.DB, write func(tx *gorm.DB, p *benchProduct) error) work {
	stored := storedProduct()
	return work{run: func() error {
		stored.Price = 100 + (stored.Price+1)%100
		p := stored
		return db.Transaction(func(tx *gorm.DB) error {
			var old benchProduct
			if err := tx.First(&old, p.ID).Error; err != nil {
				return err
			}
			if err := comparePrice(p.Price, old.Price); err != nil {
				return err
			}
			if err := write(tx, &p); err != nil {
				return err
			}
			return checkPrice(p.Price)
		})
	}}
}
