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

// Image is a picture of a product. The row holds the names of files, an ImageStore the files themselves. Rows are deleted
// for good, never softly: a row and its files come and go together.
type Image struct {
	ID        uint
	ProductID uint   `gorm:"not null;index"`
	File      string `gorm:"not null;index"` // a name inside the image directory
	Thumb     string `gorm:"not null;index"` // the same for a small version; empty when there is none
}

// fileColumns are the columns that name files.
func fileColumns() []string { return []string{"file", "thumb"} }

// files returns the names of the row's files, each once. A File without a name is one too, for checkName to refuse.
func (i *Image) files() []string {
	if i.Thumb == "" || i.Thumb == i.File {
		return []string{i.File}
	}
	return []string{i.File, i.Thumb}
}

// AddImage stores a picture of a product, file and row. See StoreFile for what a rollback does.
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

// ReplaceImage gives an image another picture, under a new name. The old file goes once the change is committed.
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

// StoreFile writes a new file and then calls write, which writes the row that names it, in a transaction or a savepoint of
// db's transaction. When that is rolled back, now or when the transaction of db ends, the file is removed again. No row
// ever names a file that is not there.
//
// The file is written before the transaction begins, so that a slow upload locks nothing. A name that is taken is an error
// that wraps [fs.ErrExist]; it is taken while a row names it, and while a transaction that has written it is open.
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

// notNamed refuses a name that a row has. Its file need not be there: another transaction may have moved it aside, and put
// it back.
func notNamed(db *gorm.DB, name string) error {
	named, err := namedFiles(db, []string{name})
	if err == nil && named[name] {
		err = fmt.Errorf("product: cannot save image file %q, which an image names: %w", name, fs.ErrExist)
	}
	return err
}
