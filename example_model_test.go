package signals_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
)

func ExampleFor() {
	db := exampleDB(&Product{})

	products := signals.For[Product](db)
	products.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		e.Instance.Slug = strings.ToLower(e.Instance.Name)
		return nil
	})
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		fmt.Println("saved", e.Instance.Slug, e.Instance.Price, "created", e.Created)
		return nil
	})
	products.PostDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Product]) error {
		fmt.Println("deleted", e.Instance.Name)
		return nil
	})

	lamp := Product{Name: "Lamp", Price: 30}
	db.Create(&lamp)
	db.Model(&lamp).Update("price", 25)
	db.Delete(&Product{}, lamp.ID)

	// Output:
	// saved lamp 30 created true
	// saved lamp 25 created false
	// deleted Lamp
}

func ExampleFor_condition() {
	db := exampleDB(&Product{})
	db.Create(&[]Product{{Name: "lamp", Price: 30}, {Name: "desk", Price: 90}, {Name: "pen", Price: 2}})

	products := signals.For[Product](db)
	products.PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Instance.Name == "desk" {
			e.Instance.Stock = 1
		}
		return nil
	})
	products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		fmt.Println(e.Instance.Name, e.Instance.Price, e.Instance.Stock)
		return nil
	})

	db.Model(&Product{}).Where("price > ?", 10).Update("price", gorm.Expr("price * 2"))

	// Output:
	// lamp 60 0
	// desk 180 1
}

func ExampleFor_postLoad() {
	db := exampleDB(&Product{})
	db.Create(&Product{Name: "lamp", Price: 30})

	signals.For[Product](db).PostLoad.Connect(func(_ context.Context, e signals.LoadEvent[*Product]) error {
		e.Instance.Name = strings.ToUpper(e.Instance.Name)
		return nil
	})

	var p Product
	db.First(&p, 1)
	fmt.Println(p.Name)

	// Output:
	// LAMP
}

func ExampleImplementing() {
	db := exampleDB(&Article{}, &Comment{}, &Product{})

	// Article and Comment have a method ShownTitle, Product has none.
	signals.Implementing[Titled](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[Titled]) error {
		fmt.Println("saved in", e.Schema().Table, "with title", e.Instance.ShownTitle())
		return nil
	})

	db.Create(&Article{Base: Base{Title: "Go"}})
	db.Create(&Comment{Base: Base{Title: "Re: Go"}})
	db.Create(&Product{Name: "lamp"})

	// Output:
	// saved in articles with title Go
	// saved in comments with title Re: Go
}

func ExampleReceivers() {
	db := exampleDB(&Product{}, &Page{})
	products, pages := signals.For[Product](db), signals.For[Page](db)
	products.PostSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil },
		signals.UID("reindex"), signals.Needs(signals.Keys))
	products.PreSave.Connect(func(context.Context, signals.SaveEvent[*Product]) error { return nil }, signals.UID("check-price"))
	pages.PreDelete.Connect(func(context.Context, signals.DeleteEvent[*Page]) error { return nil }, signals.UID("keep-home"))

	for _, r := range signals.Receivers(db) {
		fmt.Println(r.Signal, r.Sender, r.UID, "needs", r.Needs)
	}

	// Output:
	// pre_save Product check-price needs original
	// post_save Product reindex needs keys
	// pre_delete Page keep-home needs row
}

func ExampleMute() {
	db := exampleDB(&Product{})
	products := signals.For[Product](db)
	for _, uid := range []string{"mail", "reindex"} {
		products.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
			fmt.Println(uid, e.Instance.Name)
			return nil
		}, signals.UID(uid))
	}

	ctx := context.Background()
	db.WithContext(signals.Mute(ctx)).Create(&Product{Name: "quiet"})
	db.WithContext(signals.Mute(ctx, "mail")).Create(&Product{Name: "lamp"})

	// Output:
	// reindex lamp
}

func ExampleRaw() {
	db := exampleDB(&Product{})
	signals.For[Product](db).PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*Product]) error {
		if e.Raw() {
			return nil // other rows may not be there yet
		}
		fmt.Println("mail about", e.Instance.Name)
		return nil
	})

	db.WithContext(signals.Raw(context.Background())).Create(&Product{Name: "from a fixture"})
	db.Create(&Product{Name: "lamp"})

	// Output:
	// mail about lamp
}

func ExamplePlugin() {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		panic(err)
	}
	fmt.Println(db.Use(signals.Plugin{BatchSize: -1}))
	fmt.Println(db.Use(signals.Plugin{BatchSize: 1000, MaxDepth: 4}))

	// Output:
	// signals: Plugin.BatchSize is -1: use 1 to 10000, or 0 for 500
	// <nil>
}

// Playlist has many Tracks, and a Track is on many Playlists.
type Playlist struct {
	ID     uint
	Name   string
	Tracks []Track `gorm:"many2many:playlist_tracks"`
	Fans   []Fan   `gorm:"many2many:playlist_fans"`
}

// Track is the other side of Playlist.
type Track struct {
	ID        uint
	Title     string
	Playlists []Playlist `gorm:"many2many:playlist_tracks"`
}

// Fan has no relation back to Playlists.
type Fan struct {
	ID   uint
	Name string
}

func ExampleM2MEvent() {
	db := exampleDB(&Playlist{}, &Track{}, &Fan{})
	signals.For[Playlist](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Playlist]) error {
		fmt.Println(e.Action, e.Relation, "of", e.Instance.Name, e.PKs, "reverse", e.Reverse)
		return nil
	})
	signals.For[Track](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Track]) error {
		if !e.Action.Pre() {
			fmt.Println(e.Action, e.Relation, "of", e.Instance.Title, e.PKs, "reverse", e.Reverse)
		}
		return nil
	})

	db.Create(&[]Track{{Title: "Naima"}, {Title: "So What"}})
	db.Create(&Playlist{Name: "calm"})
	tracks := func() *gorm.Association { return db.Model(&Playlist{ID: 1}).Association("Tracks") }
	err := errors.Join(
		tracks().Append(&Track{ID: 1}, &Track{ID: 2}),
		tracks().Append(&Track{ID: 2}), // a link that exists
		db.Model(&Track{ID: 2}).Association("Playlists").Delete(&Playlist{ID: 1}),
		tracks().Clear(),
	)
	fmt.Println(err)

	// Output:
	// pre_add Tracks of calm [1 2] reverse false
	// post_add Tracks of calm [1 2] reverse false
	// post_add Playlists of Naima [1] reverse true
	// post_add Playlists of So What [1] reverse true
	// pre_remove Tracks of calm [2] reverse true
	// post_remove Playlists of So What [1] reverse false
	// post_remove Tracks of calm [2] reverse true
	// pre_clear Tracks of calm [1] reverse false
	// post_clear Tracks of calm [1] reverse false
	// post_remove Playlists of Naima [1] reverse true
	// <nil>
}

func ExampleM2MAction() {
	db := exampleDB(&Playlist{}, &Track{}, &Fan{})
	errFull := errors.New("a playlist has two tracks at most")
	signals.For[Playlist](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Playlist]) error {
		switch e.Action {
		case signals.PreAdd:
			tracks := e.DB().Model(e.Instance).Association("Tracks")
			if int(tracks.Count())+len(e.PKs) > 2 {
				return errFull // nothing is added
			}
			return tracks.Error
		case signals.PostRemove, signals.PostClear:
			fmt.Println(len(e.PKs), "gone from", e.Instance.Name)
		default:
		}
		return nil
	}, signals.Fields("Tracks"))

	calm := Playlist{Name: "calm", Tracks: []Track{{Title: "Naima"}, {Title: "So What"}}}
	db.Create(&calm)
	err := db.Model(&calm).Association("Tracks").Append(&Track{Title: "Blue in Green"})
	fmt.Println(errors.Is(err, errFull))
	fmt.Println(db.Select("Tracks").Delete(&calm).Error)

	// Output:
	// true
	// 2 gone from calm
	// <nil>
}

func ExampleFields_m2mChanged() {
	db := exampleDB(&Playlist{}, &Track{}, &Fan{})
	signals.For[Playlist](db).M2MChanged.Connect(func(_ context.Context, e signals.M2MEvent[*Playlist]) error {
		fmt.Println(e.Action, e.Relation)
		return nil
	}, signals.Fields("Fans"))

	db.Create(&Playlist{Name: "calm", Tracks: []Track{{Title: "Naima"}}, Fans: []Fan{{Name: "ann"}}})

	// Output:
	// pre_add Fans
	// post_add Fans
}

// Atlas has many Charts, which the database deletes with it.
type Atlas struct {
	ID     uint
	Name   string
	Charts []Chart `gorm:"constraint:OnDelete:CASCADE"`
}

// Chart is deleted with its Atlas.
type Chart struct {
	ID      uint
	Name    string
	AtlasID uint
}

func ExampleDeleteEvent_cascade() {
	db := exampleDB(&Atlas{}, &Chart{})
	db.Exec("PRAGMA foreign_keys = ON") // or SQLite deletes no children
	signals.For[Chart](db).PreDelete.Connect(func(_ context.Context, e signals.DeleteEvent[*Chart]) error {
		fmt.Println("delete chart", e.Instance.Name, "cascade", e.Cascade)
		return nil
	})

	db.Create(&Atlas{Name: "world", Charts: []Chart{{Name: "north"}, {Name: "south"}}})
	db.Delete(&Chart{}, "name = ?", "north")
	db.Delete(&Atlas{}, 1)

	// Output:
	// delete chart north cascade false
	// delete chart south cascade true
}
