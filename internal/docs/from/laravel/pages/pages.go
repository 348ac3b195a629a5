// Package pages has the pages of a site, and their observer.
package pages

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Page is a model with soft delete.
type Page struct {
	ID        uint
	Title     string
	DeletedAt gorm.DeletedAt
}

// PageObserver has a method for each signal that it receives.
type PageObserver struct {
	Log func(words ...any)
}

// Connect connects the observer. Call it once for each database, after db.Use.
func (o *PageObserver) Connect(db *gorm.DB) {
	signals.ConnectAll[Page](db, o, signals.UID("pages.observer"))
}

// PreSave is the method saving of an observer.
func (o *PageObserver) PreSave(_ context.Context, e signals.SaveEvent[*Page]) error {
	if e.Instance.Title == "" {
		return errors.New("a page needs a title")
	}
	return nil
}

// PostChange is the methods created, updated, restored, trashed and forceDeleted in one.
func (o *PageObserver) PostChange(_ context.Context, e signals.ChangeEvent[*Page]) error {
	if e.Kind == signals.Updated {
		old, err := e.Original()
		if err != nil {
			return err
		}
		o.Log("updated", old.Title, "->", e.Instance.Title)
		return nil
	}
	o.Log(e.Kind, e.Instance.Title)
	return nil
}

// ConnectOptions lets PostChange wait for the commit, as ShouldHandleEventsAfterCommit does. PreSave does not wait.
func (o *PageObserver) ConnectOptions(signal string) []signals.ConnectOption {
	if signal == "post_change" {
		return []signals.ConnectOption{signals.AfterCommit(), signals.Fields("Title", "DeletedAt")}
	}
	return nil
}
