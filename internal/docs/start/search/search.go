// Package search keeps an index of the orders that are stored.
package search

import (
	"context"
	"sync"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/internal/docs/start/orders"
)

// Index finds orders by their keys. Its method PostChange is a receiver.
type Index struct {
	mu     sync.Mutex
	emails map[uint]string
}

// Connect connects the index to the orders of a database.
func (x *Index) Connect(db *gorm.DB) {
	signals.ConnectAll[orders.Order](db, x, signals.AfterCommit(), signals.UID("search"))
}

// PostChange puts an order that is stored into the index, and takes a deleted one out. Fixtures stay out of the index.
func (x *Index) PostChange(_ context.Context, e signals.ChangeEvent[*orders.Order]) error {
	if e.Raw() {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if e.Kind == signals.Deleted {
		delete(x.emails, e.Instance.ID)
		return nil
	}
	if x.emails == nil {
		x.emails = map[uint]string{}
	}
	x.emails[e.Instance.ID] = e.Instance.Email
	return nil
}

// Len returns how many orders are in the index.
func (x *Index) Len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.emails)
}
