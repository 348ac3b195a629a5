package product

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Short names for the events of the receivers.
type (
	productSaved   = signals.SaveEvent[*Product]
	productDeleted = signals.DeleteEvent[*Product]
	imageSaved     = signals.SaveEvent[*Image]
	imageDeleted   = signals.DeleteEvent[*Image]
)

// imageFiles keeps the image directory in step with the rows.
type imageFiles struct {
	store *ImageStore
	rows  *gorm.DB // the database, outside any transaction
}

// check is a receiver of pre_save. It refuses rows whose files are missing in the image directory. A struct that was saved in a transaction that was
// rolled back still names a file that was removed. Saving it again must not cost the row its picture.
func (f imageFiles) check(_ context.Context, e imageSaved) error {
	for _, name := range e.Instance.files() {
		if err := checkName(name); err != nil {
			return err
		}
		if e.Raw() { // fixtures may be loaded before the files
			continue
		}
		switch _, found, err := f.store.find(name); {
		case err != nil:
			return err
		case !found && f.store.occupied(name):
			return fmt.Errorf("product: %q is no image file: %w", name, errFolder)
		case !found:
			return fmt.Errorf("product: there is no image file %q: write it with StoreFile first: %w", name, fs.ErrNotExist)
		}
	}
	return nil
}

// replaced is a receiver of post_save. It removes files that a row no longer names, after the change is committed. Until then the files stay in their
// place, because everybody else still sees the old row.
func (f imageFiles) replaced(ctx context.Context, images []imageSaved) error {
	var files []held
	for _, e := range images {
		if err := f.check(ctx, e); err != nil { // pre_save cannot check names that the database computes
			return err
		}
		old, err := e.Original()
		if err != nil {
			return err
		}
		if e.Created {
			continue
		}
		for _, name := range old.files() {
			if slices.Contains(e.Instance.files(), name) {
				continue
			}
			file, found, err := f.store.find(name)
			if err != nil {
				return err
			}
			if found {
				files = append(files, file)
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	return signals.OnCommit(images[0].DB(), func(ctx context.Context) error { return f.settle(ctx, files, done) })
}

// deleteImages is a receiver of pre_delete. It deletes the images of products that are deleted for good. These deletes send their own signals, whose
// receivers handle the files. An archived product keeps its images.
func (imageFiles) deleteImages(_ context.Context, products []productDeleted) error {
	var ids []uint
	for _, e := range products {
		if !e.Soft {
			ids = append(ids, e.Instance.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return products[0].DB().Where("product_id IN ?", ids).Delete(&Image{}).Error
}

// moveAside is a receiver of pre_delete. It moves the files of rows that are being deleted aside, and the end of the transaction decides about them.
// A file that another row names stays in its place.
func (f imageFiles) moveAside(_ context.Context, images []imageDeleted) error {
	db := images[0].DB()
	var names []string
	rows, row := make([]uint, len(images)), map[string]uint{}
	for i, e := range images {
		rows[i] = e.Instance.ID
		for _, name := range e.Instance.files() {
			if _, known := row[name]; !known {
				names, row[name] = append(names, name), e.Instance.ID
			}
		}
	}
	shared, err := namedFiles(db.Where("id NOT IN ?", rows), names)
	if err != nil {
		return err
	}
	var files []held
	for _, name := range names {
		var file held
		var found bool
		if shared[name] {
			file, found, err = f.store.find(name)
		} else {
			file, found, err = f.store.moveAside(name, row[name])
		}
		if err != nil {
			break
		}
		if found {
			files = append(files, file)
		}
	}
	if err == nil {
		err = f.settleAtEnd(db, files)
	}
	if err != nil { // no end of a transaction will do it
		for _, file := range files {
			err = errors.Join(err, f.store.putBack(file, false))
		}
	}
	return err
}

func (f imageFiles) settleAtEnd(db *gorm.DB, files []held) error {
	if len(files) == 0 {
		return nil
	}
	return errors.Join(
		signals.OnRollback(db, func(ctx context.Context) error { return f.settle(ctx, files, undone) }),
		signals.OnCommit(db, func(ctx context.Context) error { return f.settle(ctx, files, done) }),
	)
}
