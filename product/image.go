package product

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Image is a picture of a product. The row holds the names of files, and an ImageStore has the files. Rows are never soft-deleted: a row and its
// files are created and removed together.
type Image struct {
	ID        uint
	ProductID uint   `gorm:"not null;index"`
	File      string `gorm:"not null;index"` // a name inside the image directory
	Thumb     string `gorm:"not null;index"` // a name for a small version; empty if there is none
}

// fileColumns are the columns that name files.
func fileColumns() []string { return []string{"file", "thumb"} }

// files returns the names of the row's files, each once. An empty File is one of them, so that checkName refuses it.
func (i *Image) files() []string {
	if i.Thumb == "" || i.Thumb == i.File {
		return []string{i.File}
	}
	return []string{i.File, i.Thumb}
}

// AddImage stores a picture of a product: its file and its row. StoreFile says what a rollback does.
func AddImage(db *gorm.DB, store *ImageStore, productID uint, name string, picture io.Reader) (*Image, error) {
	image := &Image{ProductID: productID, File: name}
	err := StoreFile(db, store, name, picture, func(tx *gorm.DB) error {
		if err := tx.Create(image).Error; err != nil {
			return fmt.Errorf("product: image %q of product %d is not stored: %w", name, productID, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return image, nil
}

// ReplaceImage gives an image another picture, under a new name. The old file is removed after the change is committed.
func ReplaceImage(db *gorm.DB, store *ImageStore, image *Image, name string, picture io.Reader) error {
	err := StoreFile(db, store, name, picture, func(tx *gorm.DB) error {
		changed := tx.Model(&Image{}).Where("id = ?", image.ID).Update("file", name)
		if changed.Error == nil && changed.RowsAffected == 0 {
			changed.Error = gorm.ErrRecordNotFound
		}
		if changed.Error != nil {
			return fmt.Errorf("product: image %d cannot be changed to %q: %w", image.ID, name, changed.Error)
		}
		return nil
	})
	if err == nil {
		image.File = name
	}
	return err
}

// StoreFile writes a new file. Then it calls write, which writes the row that names the file, in a transaction or in a savepoint of db's transaction.
// If that is rolled back, now or when db's transaction ends, the file is removed again. So no row ever names a missing file.
//
// StoreFile writes the file before the transaction begins, so that a slow upload locks nothing. If the name is taken, it returns an error that wraps
// [fs.ErrExist]. A name is taken while a row has it, and while a transaction that has written it is open.
func StoreFile(db *gorm.DB, store *ImageStore, name string, picture io.Reader, write func(tx *gorm.DB) error) error {
	db = db.Session(&gorm.Session{NewDB: true})
	files, err := store.connected()
	if err == nil {
		err = checkName(name)
	}
	if err == nil {
		err = notNamed(db, name)
	}
	if err != nil {
		return err
	}
	file, err := store.save(name, picture)
	if err != nil {
		return err
	}
	waits := false
	err = signals.Transaction(db, func(tx *gorm.DB) error {
		undo := func(ctx context.Context) error { return files.settle(ctx, []held{file}, undone) }
		if refused := signals.OnRollback(tx, undo); refused != nil {
			return fmt.Errorf("product: cannot tie image file %q to the transaction: %w", name, refused)
		}
		waits = true
		return write(tx)
	})
	if !waits {
		err = errors.Join(err, store.drop(file))
	}
	return err
}

// notNamed returns an error for a name that a row has. Its file may be missing: another transaction may have moved it aside, and may put it back.
func notNamed(db *gorm.DB, name string) error {
	named, err := namedFiles(db, []string{name})
	if err == nil && named[name] {
		err = fmt.Errorf("product: cannot save image file %q, which an image names: %w", name, fs.ErrExist)
	}
	return err
}
