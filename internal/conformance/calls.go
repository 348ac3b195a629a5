package conformance

import (
	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// The calls below exist in gorm.G too. With Options.Generics the cases use that.

// create is Create of one row.
func create[M any](c *C, db *gorm.DB, row *M) error {
	if c.options.Generics {
		return gorm.G[M](db).Create(c.Context(), row)
	}
	return db.Create(row).Error
}

// createAll is Create of several rows.
func createAll[M any](c *C, db *gorm.DB, rows *[]M) error {
	if c.options.Generics {
		return gorm.G[M](db).CreateInBatches(c.Context(), rows, len(*rows))
	}
	return db.Create(rows).Error
}

// createBatches is CreateInBatches.
func createBatches[M any](c *C, db *gorm.DB, rows *[]M, size int) error {
	if c.options.Generics {
		return gorm.G[M](db).CreateInBatches(c.Context(), rows, size)
	}
	return db.CreateInBatches(rows, size).Error
}

// update is Update of one column under a condition.
func update[M any](c *C, db *gorm.DB, column string, value any, query string, args ...any) (int, error) {
	if c.options.Generics {
		return gorm.G[M](db).Where(query, args...).Update(c.Context(), column, value)
	}
	result := db.Model(new(M)).Where(query, args...).Update(column, value)
	return int(result.RowsAffected), result.Error
}

// updates is Updates with a struct under a condition.
func updates[M any](c *C, db *gorm.DB, values M, query string, args ...any) (int, error) {
	if c.options.Generics {
		return gorm.G[M](db).Where(query, args...).Updates(c.Context(), values)
	}
	result := db.Model(new(M)).Where(query, args...).Updates(values)
	return int(result.RowsAffected), result.Error
}

// remove is Delete under a condition.
func remove[M any](c *C, db *gorm.DB, query string, args ...any) (int, error) {
	if c.options.Generics {
		return gorm.G[M](db).Where(query, args...).Delete(c.Context())
	}
	result := db.Where(query, args...).Delete(new(M))
	return int(result.RowsAffected), result.Error
}

// first is First under a condition.
func first[M any](c *C, db *gorm.DB, query string, args ...any) (M, error) {
	if c.options.Generics {
		return gorm.G[M](db).Where(query, args...).First(c.Context())
	}
	var row M
	err := db.Where(query, args...).First(&row).Error
	return row, err
}

// source returns a session for calls that read before they write, and must see the newest rows.
func (c *C) source() *gorm.DB {
	if c.options.Truth != nil {
		return c.options.Truth(c.DB)
	}
	return c.DB
}

// transaction is db.Transaction, or signals.Transaction if the plugin follows no others.
func (c *C) transaction(db *gorm.DB, fn func(tx *gorm.DB) error) error {
	if c.options.Explicit {
		return signals.Transaction(db, fn)
	}
	return db.Transaction(fn)
}

// live returns the session of a deferred receiver, for reads that must see its own write.
func (c *C) live(db *gorm.DB) *gorm.DB {
	if c.options.Truth != nil {
		return c.options.Truth(db)
	}
	return db
}
