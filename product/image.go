package product

import (
	"errors"
	"fmt"
	"io"

	"gorm.io/gorm"
)

// Image is a picture of a product. The row holds the name of the file, an ImageStore the file itself. Rows are deleted
// for good, never softly: a row and its file come and go together.
type Image struct {
	ID        uint
	ProductID uint   `gorm:"not null;index"`
	File      string `gorm:"not null;index"` // a name inside the image directory
}

// AddImage stores a picture of a product: the file first, then the row, so that no row ever names a file that is not
// there. The file is removed again when the row cannot be written.
func AddImage(db *gorm.DB, store *ImageStore, productID uint, name string, picture io.Reader) (*Image, error) {
	if err := store.Save(name, picture); err != nil {
		return nil, err
	}
	image := &Image{ProductID: productID, File: name}
	if err := db.Create(image).Error; err != nil {
		err = fmt.Errorf("product: image %q of product %d is not stored: %w", name, productID, err)
		return nil, errors.Join(err, store.Remove(name))
	}
	return image, nil
}
