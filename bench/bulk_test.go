package bench_test

import (
	"slices"
	"strconv"
	"testing"

	"gorm.io/gorm"
)

const bulkRows = 10_000

// BenchmarkW3 deletes rows by a condition, with pre_delete and post_delete receivers for every row.
func BenchmarkW3(b *testing.B) {
	for _, n := range []int{bulkRows, 10 * bulkRows} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			if n > bulkRows && testing.Short() {
				b.Skip("many rows")
			}
			compare(b, onMemory, deletes(n, func() {})...)
		})
	}
}

// BenchmarkW3Memory reports by how much the Go heap grows during W3.
func BenchmarkW3Memory(b *testing.B) {
	for _, n := range []int{10 * bulkRows, 100 * bulkRows} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			if testing.Short() {
				b.Skip("many rows")
			}
			h := newHeap()
			for _, v := range deletes(n, h.row) {
				b.Run(v.name, func(b *testing.B) {
					w := v.prepare(b, openMemory(b))
					h.peak = 0
					for b.Loop() {
						w.before()
						h.begin()
						check(b, w.run())
						h.end()
					}
					b.ReportMetric(h.grown(), "grown-MB")
				})
			}
		})
	}
}

// deletes are the ways of deleting n drinks. What looks at a row calls seen.
func deletes(n int, seen func()) []variant {
	way := func(name string, run func(db *gorm.DB) error) variant {
		return variant{name, func(tb testing.TB, db *gorm.DB) work {
			tb.Helper()
			if name == "signals" {
				connectDelete(tb, db, seen)
			}
			return work{before: func() { fill(tb, db, n) }, run: func() error { return run(db) }}
		}}
	}
	plain := func(db *gorm.DB) error { return db.Where("category = ?", "drinks").Delete(&benchProduct{}).Error }
	return []variant{
		way("plain", plain),
		way("hooks", func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error { return deleteWithHooks(tx, seen) })
		}),
		way("hand", func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error { return deleteByHand(tx, seen) })
		}),
		way("batches", func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error { return deleteInBatches(tx, seen) })
		}),
		way("signals", plain),
	}
}

// deleteWithHooks loads the rows, so that GORM's hooks see them. SQLite binds 32,766 parameters at most.
func deleteWithHooks(tx *gorm.DB, seen func()) error {
	var all []hookedProduct
	if err := tx.Where("category = ?", "drinks").Find(&all).Error; err != nil {
		return err
	}
	for part := range slices.Chunk(all, bulkRows) {
		if err := tx.Delete(&part).Error; err != nil {
			return err
		}
		for range part {
			seen()
		}
	}
	return nil
}

// deleteByHand is one SELECT and one DELETE.
func deleteByHand(tx *gorm.DB, seen func()) error {
	var all []benchProduct
	if err := tx.Where("category = ?", "drinks").Find(&all).Error; err != nil {
		return err
	}
	if err := checkAll(all, seen); err != nil {
		return err
	}
	if err := tx.Where("category = ?", "drinks").Delete(&benchProduct{}).Error; err != nil {
		return err
	}
	return checkAll(all, seen)
}

// deleteInBatches is a SELECT and a DELETE by key for every thousand rows.
func deleteInBatches(tx *gorm.DB, seen func()) error {
	for {
		var part []benchProduct
		if err := tx.Where("category = ?", "drinks").Order("id").Limit(1000).Find(&part).Error; err != nil || len(part) == 0 {
			return err
		}
		if err := checkAll(part, seen); err != nil {
			return err
		}
		if err := tx.Delete(&part).Error; err != nil {
			return err
		}
		if err := checkAll(part, seen); err != nil {
			return err
		}
	}
}

func checkAll(all []benchProduct, seen func()) error {
	for i := range all {
		seen()
		if err := checkPrice(all[i].Price); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkW4 inserts rows in one call with a pre_save and a post_save receiver for every row.
func BenchmarkW4(b *testing.B) {
	for _, on := range []backend{onNull, onMemory} {
		compare(b, on,
			variant{"plain", insertingMany[benchProduct]},
			variant{"hooks", insertingMany[hookedProduct]},
			variant{"hand", func(tb testing.TB, db *gorm.DB) work {
				tb.Helper()
				return insertMany(tb, db, func(rows []benchProduct) error {
					return db.Transaction(func(tx *gorm.DB) error {
						if err := checkAll(rows, func() {}); err != nil {
							return err
						}
						if err := tx.CreateInBatches(&rows, 1000).Error; err != nil {
							return err
						}
						return checkAll(rows, func() {})
					})
				})
			}},
			variant{"signals", func(tb testing.TB, db *gorm.DB) work {
				tb.Helper()
				connectSave(tb, db)
				return insertingMany[benchProduct](tb, db)
			}},
		)
	}
}

func insertingMany[M benchModel](tb testing.TB, db *gorm.DB) work {
	tb.Helper()
	return insertMany(tb, db, func(rows []M) error { return db.CreateInBatches(&rows, 1000).Error })
}

func insertMany[M benchModel](tb testing.TB, db *gorm.DB, insert func(rows []M) error) work {
	tb.Helper()
	rows := make([]M, bulkRows)
	return work{
		before: func() {
			for i := range rows {
				rows[i] = M(newProduct())
			}
			check(tb, db.Exec("DELETE FROM products").Error)
		},
		run: func() error { return insert(rows) },
	}
}

// BenchmarkW7 updates rows by a condition, with pre_save and post_save receivers for every row.
func BenchmarkW7(b *testing.B) {
	way := func(run func(*gorm.DB) error) func(testing.TB, *gorm.DB) work {
		return func(tb testing.TB, db *gorm.DB) work {
			tb.Helper()
			return work{before: func() { fill(tb, db, bulkRows) }, run: func() error { return run(db) }}
		}
	}
	compare(b, onMemory,
		variant{"plain", way(double)},
		variant{"hand", way(func(db *gorm.DB) error { return db.Transaction(doubleByHand) })},
		variant{"signals", func(tb testing.TB, db *gorm.DB) work {
			tb.Helper()
			connectCompare(tb, db)
			return way(double)(tb, db)
		}},
	)
}

func double(db *gorm.DB) error {
	return db.Model(&benchProduct{}).Where("category = ?", "drinks").Update("price", gorm.Expr("price * 2")).Error
}

// doubleByHand is a SELECT, the UPDATE and a second SELECT for what the database computed.
func doubleByHand(tx *gorm.DB) error {
	var old, updated []benchProduct
	if err := tx.Where("category = ?", "drinks").Find(&old).Error; err != nil {
		return err
	}
	if err := checkAll(old, func() {}); err != nil {
		return err
	}
	if err := double(tx); err != nil {
		return err
	}
	if err := tx.Where("category = ?", "drinks").Find(&updated).Error; err != nil {
		return err
	}
	for i := range updated {
		if err := comparePrice(updated[i].Price, old[i].Price); err != nil {
			return err
		}
	}
	return nil
}
