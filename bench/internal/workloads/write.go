package workloads

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

func w0() []Workload {
	var all []Workload
	for _, w := range []struct {
		form    string
		on      Backend
		prepare func(*Env) (Work, error)
	}{
		{"insert", Null, inserting[Product]},
		{"update", Null, updating[Product]},
		{"save", Null, saving[Product]},
		{"delete", Null, deleting},
		{"all three", Memory, comingAndGoing},
	} {
		all = append(all, Workload{ID: "W0", Form: w.form, What: "nobody listens", On: w.on, Per: 1, Ways: []Way{
			{Plain, w.prepare},
			{Signals, connected(nobody, w.prepare)},
			floor(nil, nil, w.prepare),
		}})
	}
	return all
}

func w1() []Workload {
	var all []Workload
	for _, on := range []Backend{Null, Memory, File} {
		w := Workload{ID: "W1", What: "insert a row", On: on, Per: 1, Ways: []Way{
			{Plain, inserting[Product]},
			{Hooks, inserting[hooked]},
			{Hand, insertingByHand},
			{Signals, connected(saves(), inserting[Product])},
			floor(callEach, callEach, inserting[Product]),
		}}
		if on == Null {
			w.Ways = append(w.Ways, Way{Crowd, connected(crowds, inserting[Product])})
		}
		all = append(all, w)
	}
	return all
}

func w2() []Workload {
	var all []Workload
	for _, form := range updateForms() {
		for _, on := range []Backend{Null, Memory, File} {
			w := Workload{ID: "W2", Form: form.name, What: "change a row, compare it with the stored one", On: on, Per: 1, Ways: []Way{
				{Plain, form.plain},
				{Hooks, form.comparing},
				{Hand, comparingByHand(form.write)},
				{Signals, connected(compares, form.plain)},
				floor(readOne, lookOnce, form.plain),
			}}
			if on != Null {
				w.Ways = append(w.Ways, Way{SQL, comparingBySQL})
			}
			all = append(all, w)
		}
	}
	return all
}

func w2n() []Workload {
	var all []Workload
	for _, form := range updateForms() {
		for _, on := range []Backend{Null, Memory, File} {
			all = append(all, Workload{ID: "W2n", Form: form.name, What: "change a row, not compared", On: on, Per: 1, Ways: []Way{
				{Plain, form.plain},
				{Hooks, form.hooked},
				{Hand, changingByHand(form.write)},
				{Signals, connected(saves(signals.Needs(signals.Keys)), form.plain)},
			}})
		}
	}
	return all
}

func w6() []Workload {
	var all []Workload
	for _, on := range []Backend{Null, Memory, File} {
		all = append(all, Workload{ID: "W6", What: "insert in a transaction, look after the commit", On: on, Per: 1, Ways: []Way{
			{Plain, inTransaction(nil)},
			{Hand, inTransaction(CheckPrice)},
			{Signals, connected(commits, inTransaction(nil))},
			{Idle, connected(nobody, inTransaction(nil))},
		}})
	}
	return all
}

type updateForm struct {
	name                     string
	plain, hooked, comparing func(*Env) (Work, error)
	write                    func(tx *gorm.DB, p *Product) error
}

func updateForms() []updateForm {
	return []updateForm{
		{"update", updating[Product], updating[hooked], updating[comparing], func(tx *gorm.DB, p *Product) error {
			return tx.Model(p).Update("price", p.Price).Error
		}},
		{"save", saving[Product], saving[hooked], saving[comparing], func(tx *gorm.DB, p *Product) error {
			return tx.Save(p).Error
		}},
	}
}

func inserting[M model](e *Env) (Work, error) {
	return Work{Run: func() error {
		p := M(NewProduct())
		return e.DB.Create(&p).Error
	}}, nil
}

func insertingByHand(e *Env) (Work, error) {
	return Work{Run: func() error {
		p := NewProduct()
		return e.DB.Transaction(func(tx *gorm.DB) error {
			if err := CheckPrice(p.Price); err != nil {
				return err
			}
			if err := tx.Create(&p).Error; err != nil {
				return err
			}
			return CheckPrice(p.Price)
		})
	}}, nil
}

func updating[M model](e *Env) (Work, error) {
	p, price := M(StoredProduct()), StoredProduct().Price
	return Work{Run: func() error {
		price = NextPrice(price)
		return e.DB.Model(&p).Update("price", price).Error
	}}, nil
}

func saving[M model](e *Env) (Work, error) {
	stored := StoredProduct()
	return Work{Run: func() error {
		stored.Price = NextPrice(stored.Price)
		p := M(stored)
		return e.DB.Save(&p).Error
	}}, nil
}

func deleting(e *Env) (Work, error) {
	p := StoredProduct()
	return Work{Run: func() error { return e.DB.Delete(&p).Error }}, nil
}

// comingAndGoing inserts, updates and deletes one row.
func comingAndGoing(e *Env) (Work, error) {
	return Work{Run: func() error {
		p := NewProduct()
		if err := e.DB.Create(&p).Error; err != nil {
			return err
		}
		if err := e.DB.Model(&p).Update("price", 300).Error; err != nil {
			return err
		}
		return e.DB.Delete(&p).Error
	}}, nil
}

func changingByHand(write func(tx *gorm.DB, p *Product) error) func(e *Env) (Work, error) {
	return byHand(write, func(*gorm.DB, *Product) error { return nil })
}

// comparingByHand is the code of an application without hooks: it reads, compares, writes and looks again.
func comparingByHand(write func(tx *gorm.DB, p *Product) error) func(e *Env) (Work, error) {
	return byHand(write, func(tx *gorm.DB, p *Product) error {
		var old Product
		if err := tx.First(&old, p.ID).Error; err != nil {
			return err
		}
		return ComparePrice(p.Price, old.Price)
	})
}

func byHand(write, compare func(tx *gorm.DB, p *Product) error) func(e *Env) (Work, error) {
	return func(e *Env) (Work, error) {
		stored := StoredProduct()
		return Work{Run: func() error {
			stored.Price = NextPrice(stored.Price)
			p := stored
			return e.DB.Transaction(func(tx *gorm.DB) error {
				if err := compare(tx, &p); err != nil {
					return err
				}
				if err := write(tx, &p); err != nil {
					return err
				}
				return CheckPrice(p.Price)
			})
		}}, nil
	}
}

// comparingBySQL updates the same columns as GORM: the price and the time.
func comparingBySQL(e *Env) (Work, error) {
	ctx, price := context.Background(), StoredProduct().Price
	return Work{Run: func() error {
		price = NextPrice(price)
		return inSQL(ctx, e.Pool, func(tx *sql.Tx) error {
			old, err := scan(tx.QueryRowContext(ctx, selectProducts+" WHERE id = ?", 1))
			if err != nil {
				return err
			}
			if err := ComparePrice(price, old.Price); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "UPDATE products SET price = ?, updated_at = ? WHERE id = ?", price, time.Now(), 1); err != nil {
				return err
			}
			return CheckPrice(price)
		})
	}}, nil
}

const (
	productColumns = "id, name, category, price, stock, created_at, updated_at"
	selectProducts = "SELECT " + productColumns + " FROM products"
)

func scan(row interface{ Scan(into ...any) error }) (p Product, err error) {
	err = row.Scan(&p.ID, &p.Name, &p.Category, &p.Price, &p.Stock, &p.CreatedAt, &p.UpdatedAt)
	return p, err
}

func inSQL(ctx context.Context, pool *sql.DB, do func(tx *sql.Tx) error) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// inTransaction inserts in an explicit transaction. If after is not nil, it calls after once the transaction has committed.
func inTransaction(after func(price int64) error) func(e *Env) (Work, error) {
	return func(e *Env) (Work, error) {
		return Work{Run: func() error {
			p := NewProduct()
			err := e.DB.Transaction(func(tx *gorm.DB) error { return tx.Create(&p).Error })
			if err != nil || after == nil {
				return err
			}
			return after(p.Price)
		}}, nil
	}
}
