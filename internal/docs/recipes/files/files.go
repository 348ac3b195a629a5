// Package files removes the files of pictures when no row names them any more.
package files

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Picture is a row that names a file. A soft delete keeps the row, and with it the file.
type Picture struct {
	ID        uint
	File      string `gorm:"size:100;index"`
	DeletedAt gorm.DeletedAt
}

// Connect removes files from a directory. A program writes the file first, under a new name, and then the row.
func Connect(db *gorm.DB, dir *os.Root) {
	clean := func(_ context.Context, events []signals.ChangeEvent[*Picture]) error {
		names := map[string]bool{}
		for _, e := range events {
			old, err := e.Original()
			if err != nil {
				return err
			}
			if old != nil { // it is nil of a created row
				names[old.File] = true
			}
			names[e.Instance.File] = true
		}
		delete(names, "")
		return remove(events[0].DB(), dir, names)
	}
	changes := signals.For[Picture](db).PostChange
	changes.ConnectBatch(clean, signals.Fields("File"), signals.AfterCommit(), signals.UID("files"))          // the old file of a row
	changes.ConnectBatch(clean, signals.Fields("File"), signals.AfterRollback(), signals.UID("files.undone")) // the new file of a row that is not stored
	changes.ConnectBatch(clean, signals.Fields("File"), signals.AfterFailure(), signals.UID("files.refused")) // and of one that was refused
}

// remove asks the database which files to keep, soft-deleted rows included: events alone do not know the other rows, nor what came later.
func remove(db *gorm.DB, dir *os.Root, names map[string]bool) error {
	var candidates, kept []string
	for name := range names {
		candidates = append(candidates, name)
	}
	if err := db.Unscoped().Model(&Picture{}).Where("file IN ?", candidates).Pluck("file", &kept).Error; err != nil {
		return err
	}
	for _, name := range kept {
		delete(names, name)
	}
	var errs []error
	for name := range names {
		if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
