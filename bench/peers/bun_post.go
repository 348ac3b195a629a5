package main

import (
	"context"
	"time"

	"github.com/gorm-signals/signals/bench/internal/workloads"
	"github.com/uptrace/bun"                       //nolint:depguard // A peer.
	"github.com/uptrace/bun/dialect/sqlitedialect" //nolint:depguard // A peer.
)

// Ways of bun that only look at rows after the write: statements with RETURNING.

func bunUpdatesReturning(e *workloads.Env) (workloads.Work, error) {
	db := bun.NewDB(e.Pool, sqlitedialect.New())
	p := newBunProduct()
	p.ID = 1
	return workloads.Work{Run: func() error {
		p.Price, p.UpdatedAt = workloads.NextPrice(p.Price), time.Now()
		return db.RunInTx(e.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
			if _, err := tx.NewUpdate().Model(&p).WherePK().Column("price", "updated_at").Returning("*").Exec(ctx); err != nil {
				return err
			}
			return workloads.CheckPrice(p.Price)
		})
	}}, nil
}

func bunDeletesReturning(ctx context.Context, tx bun.Tx) error {
	var all []bunProduct
	if _, err := tx.NewDelete().Model(&all).Where("category = ?", workloads.Drinks).Returning("*").Exec(ctx); err != nil {
		return err
	}
	return bunLooks(all)
}

func bunDoublesReturning(ctx context.Context, tx bun.Tx) error {
	var all []bunProduct
	if _, err := tx.NewUpdate().Model((*bunProduct)(nil)).Set("price = price * 2").Set("updated_at = ?", time.Now()).
		Where("category = ?", workloads.Drinks).Returning("*").Exec(ctx, &all); err != nil {
		return err
	}
	return bunLooks(all)
}
