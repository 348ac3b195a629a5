package signals_test

import (
	"context"
	"fmt"

	"github.com/gorm-signals/signals"
)

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
