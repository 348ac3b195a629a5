// Package accounts has users and their profiles.
package accounts

import (
	"context"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// User is a model.
type User struct {
	ID     uint
	Name   string
	Active bool
}

// Profile belongs to a user.
type Profile struct {
	ID     uint
	UserID uint
}

// Cache holds users.
type Cache interface {
	Delete(id uint)
}

// Connect connects the receivers, as the method ready of an AppConfig does. Call it once for each database, after db.Use.
func Connect(db *gorm.DB, cache Cache, mail func(name string) error) {
	users := signals.For[User](db)

	// @receiver(post_save, sender=User), if created
	users.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*User]) error {
		return e.DB().Create(&Profile{UserID: e.Instance.ID}).Error
	}, signals.OnCreate(), signals.Atomic(), signals.UID("accounts.profile"))

	// @receiver([post_save, post_delete], sender=User), with transaction.on_commit in it
	users.PostChange.Connect(func(_ context.Context, e signals.ChangeEvent[*User]) error {
		cache.Delete(e.Instance.ID)
		return nil
	}, signals.AfterCommit(), signals.UID("accounts.cache"))

	// a field that a tracker of changes would watch
	users.PostSave.Connect(func(_ context.Context, e signals.SaveEvent[*User]) error {
		return mail(e.Instance.Name)
	}, signals.Becomes("Active", true), signals.AfterCommit(), signals.UID("accounts.welcome"))
}
