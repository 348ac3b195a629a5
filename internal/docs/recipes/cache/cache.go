// Package cache keeps products in memory, by key.
package cache

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
	Price int64
}

// Cache holds products that were read.
type Cache struct {
	db    *gorm.DB
	mu    sync.Mutex
	rows  map[uint]Product
	drops int // how often entries were dropped
}

// New returns a cache that drops a product when it has changed. Call it once for each database, after db.Use.
func New(db *gorm.DB) *Cache {
	c := &Cache{db: db, rows: map[uint]Product{}}
	signals.For[Product](db).PostChange.ConnectBatch(c.drop, signals.AfterCommit(), signals.Needs(signals.Keys), signals.UID("cache"))
	return c
}

// drop gets all changes of a transaction together, after its commit: before it, a reader would put the old row back.
func (c *Cache) drop(_ context.Context, events []signals.ChangeEvent[*Product]) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	for _, e := range events {
		delete(c.rows, e.Instance.ID)
	}
	return nil
}

// Get returns a product from the cache, or reads it. Inside a transaction, read through the transaction instead.
func (c *Cache) Get(ctx context.Context, id uint) (Product, error) {
	c.mu.Lock()
	p, found := c.rows[id]
	before := c.drops
	c.mu.Unlock()
	if found {
		return p, nil
	}
	if err := c.db.WithContext(ctx).First(&p, id).Error; err != nil {
		return p, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drops == before { // otherwise this row may be older than the change that was dropped
		c.rows[id] = p
	}
	return p, nil
}
