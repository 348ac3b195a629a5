package main

import (
	"context"
	"slices"
	"time"

	"github.com/gorm-signals/signals/bench/internal/workloads"
	"github.com/uptrace/bun"                       //nolint:depguard // A peer.
	"github.com/uptrace/bun/dialect/sqlitedialect" //nolint:depguard // A peer.
)

// bunProduct is the model of the workloads for bun. Hooks of bun get a query and not a row, so the work of a receiver is written around the queries.
type bunProduct struct {
	bun.BaseModel `bun:"table:products"`

	ID        uint `bun:",pk,autoincrement"`
	Name      string
	Category  string
	Price     int64
	Stock     int
	CreatedAt time.Time
	UpdatedAt time.Time
}

func newBunProduct() bunProduct {
	p, now := workloads.NewProduct(), time.Now()
	return bunProduct{Name: p.Name, Category: p.Category, Price: p.Price, Stock: p.Stock, CreatedAt: now, UpdatedAt: now}
}

// bunDoes returns how bun does a workload, or nil.
func bunDoes(w workloads.Workload) prepare {
	switch w.ID {
	case "W1":
		return bunInserts(workloads.CheckPrice, nil)
	case "W2":
		return bunUpdates(w.Form == "save", true)
	case "W2n":
		return bunUpdates(w.Form == "save", false)
	case "W2 post":
		return bunUpdatesReturning
	case "W3":
		return workloads.Filled(w.Per, func(e *workloads.Env) error { return bunTx(e, bunDeletes) })
	case "W3 post":
		return workloads.Filled(w.Per, func(e *workloads.Env) error { return bunTx(e, bunDeletesReturning) })
	case "W4":
		return bunInsertsMany
	case "W6":
		return bunInserts(nil, workloads.CheckPrice)
	case "W7":
		return workloads.Filled(w.Per, func(e *workloads.Env) error { return bunTx(e, bunDoubles) })
	case "W7 post":
		return workloads.Filled(w.Per, func(e *workloads.Env) error { return bunTx(e, bunDoublesReturning) })
	}
	return nil
}

func bunTx(e *workloads.Env, do func(ctx context.Context, tx bun.Tx) error) error {
	return bun.NewDB(e.Pool, sqlitedialect.New()).RunInTx(e.Context(), nil, do)
}

// bunInserts inserts a row. look is called before and after the INSERT, after when the transaction has committed.
func bunInserts(look, after func(price int64) error) prepare {
	return func(e *workloads.Env) (workloads.Work, error) {
		db := bun.NewDB(e.Pool, sqlitedialect.New())
		return workloads.Work{Run: func() error {
			p := newBunProduct()
			err := db.RunInTx(context.Background(), nil, func(ctx context.Context, tx bun.Tx) error {
				if err := call(look, p.Price); err != nil {
					return err
				}
				if _, err := tx.NewInsert().Model(&p).Exec(ctx); err != nil {
					return err
				}
				return call(look, p.Price)
			})
			if err != nil {
				return err
			}
			return call(after, p.Price)
		}}, nil
	}
}

func call(look func(price int64) error, price int64) error {
	if look == nil {
		return nil
	}
	return look(price)
}

// bunUpdates updates the price of a row, or the whole row.
func bunUpdates(whole, compare bool) prepare {
	return func(e *workloads.Env) (workloads.Work, error) {
		db := bun.NewDB(e.Pool, sqlitedialect.New())
		stored := newBunProduct()
		stored.ID = 1
		return workloads.Work{Run: func() error {
			stored.Price, stored.UpdatedAt = workloads.NextPrice(stored.Price), time.Now()
			p := stored
			return db.RunInTx(context.Background(), nil, func(ctx context.Context, tx bun.Tx) error {
				if compare {
					var old bunProduct
					if err := tx.NewSelect().Model(&old).Where("id = ?", p.ID).Scan(ctx); err != nil {
						return err
					}
					if err := workloads.ComparePrice(p.Price, old.Price); err != nil {
						return err
					}
				}
				update := tx.NewUpdate().Model(&p).WherePK()
				if !whole {
					update.Column("price", "updated_at")
				}
				if _, err := update.Exec(ctx); err != nil {
					return err
				}
				return workloads.CheckPrice(p.Price)
			})
		}}, nil
	}
}

func bunDeletes(ctx context.Context, tx bun.Tx) error {
	var all []bunProduct
	if err := tx.NewSelect().Model(&all).Where("category = ?", workloads.Drinks).Scan(ctx); err != nil {
		return err
	}
	if err := bunLooks(all); err != nil {
		return err
	}
	if _, err := tx.NewDelete().Model((*bunProduct)(nil)).Where("category = ?", workloads.Drinks).Exec(ctx); err != nil {
		return err
	}
	return bunLooks(all)
}

func bunLooks(all []bunProduct) error {
	for i := range all {
		if err := workloads.CheckPrice(all[i].Price); err != nil {
			return err
		}
	}
	return nil
}

func bunInsertsMany(e *workloads.Env) (workloads.Work, error) {
	return workloads.InsertMany(e, newBunProduct, func(rows []bunProduct) error {
		return bunTx(e, func(ctx context.Context, tx bun.Tx) error {
			for part := range slices.Chunk(rows, workloads.BatchRows) {
				if err := bunLooks(part); err != nil {
					return err
				}
				if _, err := tx.NewInsert().Model(&part).Exec(ctx); err != nil {
					return err
				}
				if err := bunLooks(part); err != nil {
					return err
				}
			}
			return nil
		})
	}), nil
}

func bunDoubles(ctx context.Context, tx bun.Tx) error {
	var old, updated []bunProduct
	if err := tx.NewSelect().Model(&old).Where("category = ?", workloads.Drinks).Scan(ctx); err != nil {
		return err
	}
	if err := bunLooks(old); err != nil {
		return err
	}
	if _, err := tx.NewUpdate().Model((*bunProduct)(nil)).Set("price = price * 2").Set("updated_at = ?", time.Now()).
		Where("category = ?", workloads.Drinks).Exec(ctx); err != nil {
		return err
	}
	if err := tx.NewSelect().Model(&updated).Where("category = ?", workloads.Drinks).Scan(ctx); err != nil {
		return err
	}
	for i := range updated {
		if err := workloads.ComparePrice(updated[i].Price, old[i].Price); err != nil {
			return err
		}
	}
	return nil
}
