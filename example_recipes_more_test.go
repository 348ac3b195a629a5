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

// These are a recipe and what the pages for those who know Django, Rails and Laravel show.

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

// Order has Lines, which go with it.
type Order struct {
	ID    uint
	Email string
	State string
	Lines []Line `gorm:"constraint:OnDelete:CASCADE"`
}

// Line is a line of an Order.
type Line struct{ ID, OrderID uint }

var errShipped = errors.New("it has been shipped")

func Example_fromRails() {
	db := exampleDBWith(&gorm.Config{}, &Order{}, &Line{})
	db.Exec("PRAGMA foreign_keys = ON") // SQLite asks for it

	orders := signals.For[Order](db)
	orders.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Order]) error {
		e.Instance.Email = strings.ToLower(e.Instance.Email)
		return nil
	}, signals.Fields("Email"))
	orders.PostSave.Connect(signals.If(
		func(e signals.SaveEvent[*Order]) bool { return e.Created },
		func(_ context.Context, e signals.SaveEvent[*Order]) error {
			fmt.Println("mail to", e.Instance.Email)
			return nil
		}), signals.AfterCommit())
	orders.PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Order]) error {
		if e.Instance.State == "shipped" {
			return errShipped
		}
		return nil
	})
	signals.For[Line](db).PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Line]) error {
		fmt.Println("line", e.Instance.ID, "goes, cascade:", e.Cascade)
		return nil
	})

	db.Create(&Order{Email: "Ann@Example.com", Lines: []Line{{}, {}}})
	db.Model(&Order{}).Where("id = ?", 1).Update("state", "shipped")
	fmt.Println(errors.Is(db.Delete(&Order{}, 1).Error, errShipped))
	db.Model(&Order{}).Where("id = ?", 1).UpdateColumn("state", "returned") // silent, as update_columns is
	fmt.Println(db.Delete(&Order{}, 1).Error)

	// Output:
	// mail to ann@example.com
	// true
	// line 1 goes, cascade: true
	// line 2 goes, cascade: true
	// <nil>
}

// PageObserver has a method for each signal of a Page that it hears.
type PageObserver struct{ log func(...any) }

// Saving is a receiver of pre_save.
func (o PageObserver) Saving(_ context.Context, e signals.SaveEvent[*Page]) error {
	if e.Instance.Title == "" {
		return errors.New("a page needs a title")
	}
	return nil
}

// Saved is a receiver of post_save.
func (o PageObserver) Saved(_ context.Context, e signals.SaveEvent[*Page]) error {
	switch {
	case e.Created:
		o.log("created", e.Instance.Title)
	case e.Restored():
		o.log("restored", e.Instance.Title)
	case e.Changed("Title"):
		old, err := e.Original()
		o.log("updated", old.Title, "->", e.Instance.Title)
		return err
	}
	return nil
}

// Deleted is a receiver of post_delete.
func (o PageObserver) Deleted(_ context.Context, e signals.DeleteEvent[*Page]) error {
	o.log("deleted", e.Instance.Title, "for good:", !e.Soft)
	return nil
}

// Observe connects the observer.
func (o PageObserver) Observe(db *gorm.DB) {
	pages := signals.For[Page](db)
	pages.PreSave.Connect(o.Saving)
	pages.PostSave.Connect(o.Saved, signals.AfterCommit())
	pages.PostDelete.Connect(o.Deleted, signals.AfterCommit())
}

func Example_fromLaravel() {
	db := exampleDB(&Page{})
	PageObserver{log: func(words ...any) { fmt.Println(words...) }}.Observe(db)

	db.Create(&[]Page{{Title: "home"}, {Title: "news"}})
	fmt.Println(db.Create(&Page{}).Error != nil)
	db.Model(&Page{}).Where("title = ?", "home").Update("title", "start") // heard, by a condition too
	quiet := db.Session(&gorm.Session{SkipHooks: true})
	quiet.Model(&Page{ID: 2}).Update("title", "blog") // saveQuietly
	muted := db.WithContext(signals.Mute(context.Background()))
	muted.Delete(&Page{}, 2) // withoutEvents
	db.Delete(&Page{}, 1)
	db.Unscoped().Model(&Page{}).Where("id = ?", 1).Update("deleted_at", nil)
	db.Unscoped().Delete(&Page{}, 1)

	// Output:
	// created home
	// created news
	// true
	// updated home -> start
	// deleted start for good: false
	// restored start
	// deleted start for good: true
}
