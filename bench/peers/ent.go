package main

import (
	"context"
	"errors"
	"time"

	entgo "entgo.io/ent"              //nolint:depguard // A peer.
	"entgo.io/ent/dialect"            //nolint:depguard // A peer.
	entsql "entgo.io/ent/dialect/sql" //nolint:depguard // A peer.
	"github.com/gorm-signals/signals/bench/internal/workloads"

	"github.com/gorm-signals/signals/bench/peers/ent"
	"github.com/gorm-signals/signals/bench/peers/ent/product"
)

// entDoes returns how ent does a workload, or nil: ent has no RETURNING for receivers that only look afterwards. If a hook of ent gets the row, the
// hook does the work of a receiver.
func entDoes(w workloads.Workload) prepare {
	switch w.ID {
	case "W1":
		return entInserts(true, nil)
	case "W2":
		return entUpdates(w.Form == "save", true)
	case "W2n":
		return entUpdates(w.Form == "save", false)
	case "W3":
		return workloads.Filled(w.Per, func(e *workloads.Env) error { return entTx(e.Context(), entClient(e), entDeletes) })
	case "W4":
		return entInsertsMany
	case "W6":
		return entInserts(false, workloads.CheckPrice)
	case "W7":
		return workloads.Filled(w.Per, func(e *workloads.Env) error { return entTx(e.Context(), entClient(e), entDoubles) })
	}
	return nil
}

func entClient(e *workloads.Env) *ent.Client {
	return ent.NewClient(ent.Driver(entsql.OpenDB(dialect.SQLite, e.Pool)))
}

func entTx(ctx context.Context, client *ent.Client, do func(ctx context.Context, tx *ent.Tx) error) error {
	tx, err := client.Tx(ctx)
	if err != nil {
		return err
	}
	if err := do(ctx, tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// entLooks is a hook that reads a field before and after the write, and compares it with the stored row.
func entLooks(compare bool) ent.Hook {
	return func(next ent.Mutator) ent.Mutator {
		return entgo.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
			mutation, ok := m.(*ent.ProductMutation)
			if !ok {
				return next.Mutate(ctx, m)
			}
			price, _ := mutation.Price()
			if err := workloads.CheckPrice(price); err != nil {
				return nil, err
			}
			if compare {
				old, err := mutation.OldPrice(ctx)
				if err != nil {
					return nil, err
				}
				if err := workloads.ComparePrice(price, old); err != nil {
					return nil, err
				}
			}
			value, err := next.Mutate(ctx, m)
			if err != nil {
				return nil, err
			}
			if p, ok := value.(*ent.Product); ok {
				return value, workloads.CheckPrice(p.Price)
			}
			return value, nil
		})
	}
}

func entNew(create *ent.ProductCreate) *ent.ProductCreate {
	p, now := workloads.NewProduct(), time.Now()
	return create.SetName(p.Name).SetCategory(p.Category).SetPrice(p.Price).SetStock(p.Stock).SetCreatedAt(now).SetUpdatedAt(now)
}

// entInserts inserts a row. after, if not nil, is called when the transaction has committed.
func entInserts(look bool, after func(price int64) error) prepare {
	return func(e *workloads.Env) (workloads.Work, error) {
		client := entClient(e)
		if look {
			client.Product.Use(entLooks(false))
		}
		return workloads.Work{Run: func() error {
			return entTx(e.Context(), client, func(ctx context.Context, tx *ent.Tx) error {
				p, err := entNew(tx.Product.Create()).Save(ctx)
				if err != nil || after == nil {
					return err
				}
				tx.OnCommit(func(next ent.Committer) ent.Committer {
					return ent.CommitFunc(func(ctx context.Context, tx *ent.Tx) error {
						if err := next.Commit(ctx, tx); err != nil {
							return err
						}
						return after(p.Price)
					})
				})
				return nil
			})
		}}, nil
	}
}

// entUpdates updates the price of a row, or the whole row.
func entUpdates(whole, compare bool) prepare {
	return func(e *workloads.Env) (workloads.Work, error) {
		client := entClient(e)
		client.Product.Use(entLooks(compare))
		p := workloads.StoredProduct()
		p.CreatedAt = time.Now()
		return workloads.Work{Run: func() error {
			p.Price, p.UpdatedAt = workloads.NextPrice(p.Price), time.Now()
			return entTx(e.Context(), client, func(ctx context.Context, tx *ent.Tx) error {
				update := tx.Product.UpdateOneID(p.ID).SetPrice(p.Price).SetUpdatedAt(p.UpdatedAt)
				if whole {
					update.SetName(p.Name).SetCategory(p.Category).SetStock(p.Stock).SetCreatedAt(p.CreatedAt)
				}
				return update.Exec(ctx)
			})
		}}, nil
	}
}

// entDeletes reads the rows itself, because a hook of ent gets only the condition of a delete.
func entDeletes(ctx context.Context, tx *ent.Tx) error {
	all, err := tx.Product.Query().Where(product.Category(workloads.Drinks)).All(ctx)
	if err != nil {
		return err
	}
	if err := entLooksAt(all); err != nil {
		return err
	}
	if _, err := tx.Product.Delete().Where(product.Category(workloads.Drinks)).Exec(ctx); err != nil {
		return err
	}
	return entLooksAt(all)
}

func entLooksAt(all []*ent.Product) error {
	for _, p := range all {
		if err := workloads.CheckPrice(p.Price); err != nil {
			return err
		}
	}
	return nil
}

func entInsertsMany(e *workloads.Env) (workloads.Work, error) {
	client := entClient(e)
	client.Product.Use(entLooks(false))
	return workloads.InsertMany(e, func() struct{} { return struct{}{} }, func(rows []struct{}) error {
		return entTx(e.Context(), client, func(ctx context.Context, tx *ent.Tx) error {
			for range len(rows) / workloads.BatchRows {
				part := make([]*ent.ProductCreate, workloads.BatchRows)
				for i := range part {
					part[i] = entNew(tx.Product.Create())
				}
				if _, err := tx.Product.CreateBulk(part...).Save(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}), nil
}

func entDoubles(ctx context.Context, tx *ent.Tx) error {
	drinks := product.Category(workloads.Drinks)
	old, err := tx.Product.Query().Where(drinks).All(ctx)
	if err != nil {
		return err
	}
	if err = entLooksAt(old); err != nil {
		return err
	}
	err = tx.Product.Update().Where(drinks).SetUpdatedAt(time.Now()).Modify(func(u *entsql.UpdateBuilder) {
		u.Set(product.FieldPrice, entsql.Expr("price * 2"))
	}).Exec(ctx)
	if err != nil {
		return err
	}
	updated, err := tx.Product.Query().Where(drinks).All(ctx)
	if err != nil {
		return err
	}
	for i := range updated {
		if err := workloads.ComparePrice(updated[i].Price, old[i].Price); err != nil {
			return err
		}
	}
	return nil
}
