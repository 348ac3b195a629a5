// Package push tells browsers about new prices.
package push

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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

// PriceV1 is what browsers get, and not the row: columns that are added later stay private.
type PriceV1 struct {
	ID    uint
	Price int64
}

// Hub sends to all browsers that are connected now.
type Hub struct {
	mu       sync.Mutex
	browsers map[chan []byte]bool
}

// NewHub returns a hub. Call it once for each database, after db.Use, and serve the hub under an address such as /prices.
func NewHub(db *gorm.DB) *Hub {
	h := &Hub{browsers: map[chan []byte]bool{}}
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		return h.push(PriceV1{e.Instance.ID, e.Instance.Price})
	}, signals.AfterCommit(), signals.Fields("Price"), signals.UID("push"))
	return h
}

// push waits for no browser, because the write waits for push. A browser that does not keep up misses events.
func (h *Hub) push(event any) error {
	text, err := json.Marshal(event) // JSON has no line breaks, which end an event
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for browser := range h.browsers {
		select {
		case browser <- text:
		default:
		}
	}
	return nil
}

// ServeHTTP streams server-sent events.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	events := make(chan []byte, 16)
	h.mu.Lock()
	h.browsers[events] = true
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.browsers, events)
		h.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	stream := http.NewResponseController(w)
	for stream.Flush() == nil { // which fails when the browser has gone
		select {
		case text := <-events:
			_, _ = fmt.Fprintf(w, "data: %s\n\n", text)
		case <-r.Context().Done():
			return
		}
	}
}
