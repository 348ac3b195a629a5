package signals_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// These are a recipe and what the page for those who know Django shows.

// Hub sends to all browsers that are connected now.
type Hub struct {
	mu       sync.Mutex
	browsers map[chan []byte]bool
}

// Push never waits: a browser that does not keep up misses events, and a write waits for nobody.
func (h *Hub) Push(event any) error {
	text, err := json.Marshal(event) // on one line, whatever the row says
	h.mu.Lock()
	defer h.mu.Unlock()
	for browser := range h.browsers {
		select {
		case browser <- text:
		default:
		}
	}
	return err
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
	w.WriteHeader(http.StatusOK) // before the first flush: a middleware that compresses looks at the header here
	stream := http.NewResponseController(w)
	for stream.Flush() == nil {
		select {
		case text := <-events:
			_, _ = fmt.Fprintf(w, "data: %s\n\n", text) // Flush tells of a browser that has gone
		case <-r.Context().Done():
			return
		}
	}
}

func Example_push() {
	db := exampleDB(&Product{})
	hub := &Hub{browsers: map[chan []byte]bool{}}
	server := httptest.NewServer(hub)
	defer server.Close()

	type PriceV1 struct { // what browsers are told, and no more
		ID    uint
		Price int64
	}
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		return hub.Push(PriceV1{e.Instance.ID, e.Instance.Price})
	}, signals.AfterCommit(), signals.Fields("Price"), signals.UID("push"))

	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, http.NoBody)
	browser, err := server.Client().Do(request)
	if err != nil {
		panic(err)
	}
	defer browser.Body.Close()

	_ = db.Transaction(func(tx *gorm.DB) error {
		tx.Create(&Product{Name: "chair", Price: 90})
		return errors.New("no chair after all")
	})
	db.Create(&Product{Name: "lamp", Price: 30})
	db.Model(&Product{}).Where("name = ?", "lamp").Update("stock", 4)
	db.Model(&Product{}).Where("name = ?", "lamp").Update("price", 25)

	for lines := bufio.NewScanner(browser.Body); lines.Scan(); {
		if lines.Text() != "" {
			fmt.Println(lines.Text())
		}
		if strings.Contains(lines.Text(), "25") {
			break
		}
	}

	// Output:
	// data: {"ID":1,"Price":30}
	// data: {"ID":1,"Price":25}
}

func Example_createdTogether() {
	type Profile struct{ ID, UserID uint }
	type User struct{ ID uint }
	db := exampleDB(&User{}, &Profile{})

	signals.For[User](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*User]) error {
		if !e.Created {
			return nil
		}
		return e.DB().Create(&Profile{UserID: e.Instance.ID}).Error
	}, signals.Atomic(), signals.UID("create-profile"))

	db.Create(&[]User{{ID: 7}, {ID: 8}})
	db.Save(&User{ID: 7})

	var profiles []Profile
	db.Find(&profiles)
	fmt.Println(profiles)

	// Output:
	// [{1 7} {2 8}]
}

func Example_oneRelation() {
	db := exampleDB(&Playlist{}, &Track{}, &Fan{})

	signals.For[Playlist](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Playlist]) error {
		if e.Action == signals.PostAdd {
			fmt.Println(e.Instance.Name, "has new tracks:", e.PKs)
		}
		return nil
	}, signals.Fields("Tracks"))

	db.Create(&Playlist{Name: "calm", Tracks: []Track{{Title: "Naima"}}, Fans: []Fan{{Name: "ann"}}})

	// Output:
	// calm has new tracks: [1]
}
