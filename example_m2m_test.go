package signals_test

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

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

// Fan knows nothing of Playlists.
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

// Chart goes with its Atlas.
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
