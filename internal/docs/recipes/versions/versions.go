// Package versions refuses to save a document that somebody else has saved meanwhile.
package versions

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// ErrStale is the error of a Save whose struct is older than the stored row.
var ErrStale = errors.New("the row has changed since it was read")

// Document has a version, which each write counts up.
type Document struct {
	ID      uint
	Text    string
	Version int
}

// Connect checks and counts the versions, after all other receivers of pre_save.
func Connect(db *gorm.DB) {
	signals.For[Document](db).PreSave.Connect(func(_ context.Context, e signals.SaveEvent[*Document]) error {
		stored, err := e.Original()
		if err != nil {
			return err
		}
		if !e.Created && e.Instance.Version != stored.Version {
			return ErrStale
		}
		e.Instance.Version++
		return nil
	}, signals.Last(), signals.UID("versions"))
}
