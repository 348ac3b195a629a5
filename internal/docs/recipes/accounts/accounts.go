// Package accounts gives new users a profile, and welcomes them.
package accounts

import (
	"context"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// User is a row of the table users.
type User struct {
	ID    uint
	Email string
}

// Profile is the page of a user.
type Profile struct {
	ID     uint
	UserID uint `gorm:"uniqueIndex"`
	Text   string
}

// Connect connects the receivers for new users.
func Connect(db *gorm.DB, send func(ctx context.Context, to, text string) error) {
	users := signals.For[User](db).PostSave
	users.Connect(func(_ context.Context, e signals.SaveEvent[*User]) error {
		if e.Raw() {
			return nil // fixtures bring their own profiles
		}
		return e.DB().Create(&Profile{UserID: e.Instance.ID}).Error
	}, signals.OnCreate(), signals.Atomic(), signals.UID("accounts.profile"))
	users.Connect(func(ctx context.Context, e signals.SaveEvent[*User]) error {
		return send(ctx, e.Instance.Email, "Welcome!")
	}, signals.OnCreate(), signals.AfterCommit(), signals.UID("accounts.welcome"))
}
