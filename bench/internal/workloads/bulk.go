package workloads

import (
	"database/sql"
	"slices"
	"strconv"

	"gorm.io/gorm"
)

// BatchRows is how many rows a way by hand writes with one statement. SQLite binds 32,766 parameters at most.
const BatchRows = 1000

const bulkRows = 10_000

// Drinks is the category of the rows that a condition matches.
const Drinks = "drinks"

func w3() []Workload {
	var all []Workload
	for _, n := range []int{bulkRows, 10 * bulkRows} {
		for _, on := range []Backend{Memory, File} {
			w := Delete(n, on)
			w.Long = n > bulkRows || on == File
			all = append(all, w)
		}
	}
	return append(all, Delete(bulkRows, Memory).Cancellable())
}

// Delete is W3 with n rows.
func Delete(n int, on Backend) Workload {
	way := func(name string, run func(tx *gorm.DB) error) Way {
		return Way{name, Filled(n, func(e *Env) error { return e.DB.Transaction(run) })}
	}
	plain := Filled(n, func(e *Env) error { return e.DB.Where("category = ?", Drinks).Delete(&Product{}).Error })
	return Workload{ID: "W3", Form: strconv.Itoa(n), What: "delete by a condition", On: on, Per: n, Ways: []Way{
		{Plain, plain},
		way(Hooks, deleteWithHooks),
		way(Hand, deleteByHand),
		way(Batches, deleteInBatches),
		{Signals, connected(deletes, plain)},
		{SQL, Filled(n, deleteBySQL)},
		{Floor, Filled(n, deleteAtLeast)},
	}}
}

// Filled is work on a table that holds n drinks.
func Filled(n int, run func(e *Env) error) func(e *Env) (Work, error) {
	return func(e *Env) (Work, error) {
		return Work{Before: func() error { return e.Fill(n) }, Run: func() error { return run(e) }}, nil
	}
}

// deleteWithHooks loads the rows first, because GORM's hooks need them.
func deleteWithHooks(tx *gorm.DB) error {
	var all []hooked
	if err := tx.Where("category = ?", Drinks).Find(&all).Error; err != nil {
		return err
	}
	for part := range slices.Chunk(all, bulkRows) {
		if err := tx.Delete(&part).Error; err != nil {
			return err
		}
	}
	return nil
}

// deleteByHand is one SELECT and one DELETE.
func deleteByHand(tx *gorm.DB) error {
	var all []Product
	if err := tx.Where("category = ?", Drinks).Find(&all).Error; err != nil {
		return err
	}
	if err := CheckAll(all); err != nil {
		return err
	}
	if err := tx.Where("category = ?", Drinks).Delete(&Product{}).Error; err != nil {
		return err
	}
	return CheckAll(all)
}

// deleteInBatches is a SELECT and a DELETE by key for every batch.
func deleteInBatches(tx *gorm.DB) error {
	for {
		var part []Product
		err := tx.Where("category = ?", Drinks).Order("id").Limit(BatchRows).Find(&part).Error
		if err != nil || len(part) == 0 {
			return err
		}
		if err := CheckAll(part); err != nil {
			return err
		}
		if err := tx.Delete(&part).Error; err != nil {
			return err
		}
		if err := CheckAll(part); err != nil {
			return err
		}
	}
}

func deleteBySQL(e *Env) error {
	ctx := e.Context()
	return inSQL(ctx, e.Pool, func(tx *sql.Tx) error {
		all, err := products(ctx, tx, selectProducts+" WHERE category = ?", Drinks)
		if err != nil {
			return err
		}
		if err := CheckAll(all); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM products WHERE category = ?", Drinks); err != nil {
			return err
		}
		return CheckAll(all)
	})
}

func w4() []Workload {
	var all []Workload
	for _, on := range []Backend{Null, Memory, File} {
		all = append(all, Workload{ID: "W4", What: "insert 10,000 rows in one call", On: on, Per: bulkRows, Ways: []Way{
			{Plain, insertingMany[Product]},
			{Hooks, insertingMany[hooked]},
			{Hand, insertingManyByHand},
			{Signals, connected(saves(), insertingMany[Product])},
			floor(callEach, callEach, insertingMany[Product]),
		}})
	}
	return all
}

func insertingMany[M model](e *Env) (Work, error) {
	return InsertMany(e, func() M { return M(NewProduct()) }, func(rows []M) error {
		return e.DB.CreateInBatches(&rows, BatchRows).Error
	}), nil
}

func insertingManyByHand(e *Env) (Work, error) {
	return InsertMany(e, NewProduct, func(rows []Product) error {
		return e.DB.Transaction(func(tx *gorm.DB) error {
			if err := CheckAll(rows); err != nil {
				return err
			}
			if err := tx.CreateInBatches(&rows, BatchRows).Error; err != nil {
				return err
			}
			return CheckAll(rows)
		})
	}), nil
}

// InsertMany is the work of W4: insert writes fresh rows into an empty table.
func InsertMany[M any](e *Env, fresh func() M, insert func(rows []M) error) Work {
	rows := make([]M, bulkRows)
	return Work{
		Before: func() error {
			for i := range rows {
				rows[i] = fresh()
			}
			return e.Empty()
		},
		Run: func() error { return insert(rows) },
	}
}

func w7() []Workload {
	var all []Workload
	for _, on := range []Backend{Memory, File} {
		plain := Filled(bulkRows, func(e *Env) error { return double(e.DB) })
		all = append(all, Workload{ID: "W7", What: "update 10,000 rows by a condition", On: on, Per: bulkRows, Long: on == File, Ways: []Way{
			{Plain, plain},
			{Hand, Filled(bulkRows, func(e *Env) error { return e.DB.Transaction(doubleByHand) })},
			{Signals, connected(compares, plain)},
			{Floor, Filled(bulkRows, doubleAtLeast)},
		}})
	}
	return append(all, all[0].Cancellable())
}

func double(db *gorm.DB) error {
	return db.Model(&Product{}).Where("category = ?", Drinks).Update("price", gorm.Expr("price * 2")).Error
}

// doubleByHand runs a SELECT, the UPDATE, and a second SELECT for the values that the database computed.
func doubleByHand(tx *gorm.DB) error {
	var old, updated []Product
	if err := tx.Where("category = ?", Drinks).Find(&old).Error; err != nil {
		return err
	}
	if err := CheckAll(old); err != nil {
		return err
	}
	if err := double(tx); err != nil {
		return err
	}
	if err := tx.Where("category = ?", Drinks).Find(&updated).Error; err != nil {
		return err
	}
	return CompareAll(updated, old)
}

// CompareAll is the work of a receiver that compares every row with the stored one.
func CompareAll(all, old []Product) error {
	for i := range all {
		if err := ComparePrice(all[i].Price, old[i].Price); err != nil {
			return err
		}
	}
	return nil
}
