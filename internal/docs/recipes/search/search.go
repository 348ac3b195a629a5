// Package search keeps a search engine up to date.
package search

import (
	"context"
	"sync"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Product is a row of the table products.
type Product struct {
	ID    uint
	Name  string
	Stock int

	DeletedAt gorm.DeletedAt
}

// Engine is the client of a search engine.
type Engine interface {
	Put(ctx context.Context, p Product) error
	Remove(ctx context.Context, id uint) error
}

// Connect makes the engine follow the table.
func Connect(db *gorm.DB, engine Engine) {
	f := &follower{engine: engine}
	signals.For[Product](db).PostChange.ConnectBatch(f.follow, signals.Fields("Name"), signals.AfterCommit(), signals.Net(), signals.UID("search"))
}

type follower struct {
	mu     sync.Mutex
	engine Engine
}

// follow tells the engine what the database says now of the rows of a transaction. Two transactions that commit at the same time may be
// reported in either order, so what the events say may be old by now.
func (f *follower) follow(ctx context.Context, events []signals.ChangeEvent[*Product]) error {
	f.mu.Lock() // from the query to the engine's answer, or an older answer could come last
	defer f.mu.Unlock()
	gone := map[uint]bool{}
	for _, e := range events {
		gone[e.Instance.ID] = true
	}
	ids := make([]uint, 0, len(gone))
	for id := range gone {
		ids = append(ids, id)
	}
	var rows []Product
	if err := events[0].DB().Find(&rows, ids).Error; err != nil {
		return err
	}
	for _, p := range rows {
		delete(gone, p.ID)
		if err := f.engine.Put(ctx, p); err != nil {
			return err
		}
	}
	for id := range gone {
		if err := f.engine.Remove(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
