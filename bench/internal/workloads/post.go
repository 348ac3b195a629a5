package workloads

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// The workloads of receivers that only look at written rows. By hand, they are statements with RETURNING.

func w2post() []Workload {
	return []Workload{{ID: "W2 post", What: "change a row, look at it afterwards", On: Memory, Per: 1, Ways: []Way{
		{Plain, updating[Product]},
		{Hand, updatingReturning},
		{Signals, connected(savesPost, updating[Product])},
		{SQL, updatingReturningBySQL},
		floor(returnRow, returned, updating[Product]),
	}}}
}

func w3post() []Workload {
	plain := Filled(bulkRows, func(e *Env) error { return e.DB.Where("category = ?", Drinks).Delete(&Product{}).Error })
	return []Workload{{ID: "W3 post", What: "delete 10,000 rows by a condition, look at them afterwards", On: Memory, Per: bulkRows, Ways: []Way{
		{Plain, plain},
		{Hand, Filled(bulkRows, func(e *Env) error { return e.DB.Transaction(deleteReturning) })},
		{Signals, connected(deletesPost, plain)},
		{SQL, Filled(bulkRows, func(e *Env) error {
			return returningBySQL(e, "DELETE FROM products WHERE category = ?", Drinks)
		})},
	}}}
}

func w7post() []Workload {
	plain := Filled(bulkRows, func(e *Env) error { return double(e.DB) })
	return []Workload{{ID: "W7 post", What: "update 10,000 rows by a condition, look at them afterwards", On: Memory, Per: bulkRows, Ways: []Way{
		{Plain, plain},
		{Hand, Filled(bulkRows, func(e *Env) error { return e.DB.Transaction(doubleReturning) })},
		{Signals, connected(savesPost, plain)},
		{SQL, Filled(bulkRows, func(e *Env) error {
			return returningBySQL(e, "UPDATE products SET price = price * 2, updated_at = ? WHERE category = ?", time.Now(), Drinks)
		})},
	}}}
}

func updatingReturning(e *Env) (Work, error) {
	p, price := StoredProduct(), StoredProduct().Price
	return Work{Run: func() error {
		price = NextPrice(price)
		return e.DB.Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&p).Clauses(clause.Returning{}).Update("price", price).Error; err != nil {
				return err
			}
			return CheckPrice(p.Price)
		})
	}}, nil
}

func updatingReturningBySQL(e *Env) (Work, error) {
	price := StoredProduct().Price
	return Work{Run: func() error {
		price = NextPrice(price)
		return returningBySQL(e, "UPDATE products SET price = ?, updated_at = ? WHERE id = ?", price, time.Now(), 1)
	}}, nil
}

func deleteReturning(tx *gorm.DB) error {
	var all []Product
	if err := tx.Clauses(clause.Returning{}).Where("category = ?", Drinks).Delete(&all).Error; err != nil {
		return err
	}
	return CheckAll(all)
}

func doubleReturning(tx *gorm.DB) error {
	var all []Product
	err := tx.Model(&all).Clauses(clause.Returning{}).Where("category = ?", Drinks).Update("price", gorm.Expr("price * 2")).Error
	if err != nil {
		return err
	}
	return CheckAll(all)
}

// returningBySQL runs a statement in a transaction and looks at the rows that the statement returns.
func returningBySQL(e *Env, query string, args ...any) error {
	return inSQL(e.Context(), e.Pool, func(tx *sql.Tx) error {
		all, err := products(e.Context(), tx, query+" RETURNING "+productColumns, args...)
		if err != nil {
			return err
		}
		return CheckAll(all)
	})
}

func products(ctx context.Context, tx *sql.Tx, query string, args ...any) (all []Product, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		p, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}
