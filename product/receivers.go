package product

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Short names for what the receivers get.
type (
	productSaved   = signals.SaveEvent[*Product]
	productDeleted = signals.DeleteEvent[*Product]
	imageSaved     = signals.SaveEvent[*Image]
	imageDeleted   = signals.DeleteEvent[*Image]
)

// newsletter tells the customers what is new.
type newsletter struct {
	mailer Mailer
	from   string
	to     []string
}

// newProduct is a receiver of post_save: it mails when a product was created.
func (n newsletter) newProduct(ctx context.Context, e productSaved) error {
	if !e.Created || e.Raw() {
		return nil
	}
	p := e.Instance
	body := fmt.Sprintf("%s\n\n%s\n\nPrice: %s\n", p.Name, p.Description, FormatPrice(p.Price))
	return n.send(ctx, "New product: "+p.Name, body)
}

func (n newsletter) send(ctx context.Context, subject, body string) error {
	return n.mailer.Send(ctx, Mail{From: n.from, To: n.to, Subject: subject, Body: body})
}

// imageFiles keeps the image directory in step with the rows.
type imageFiles struct {
	store *ImageStore
}

// checkName is a receiver of pre_save: it refuses rows whose file name leaves the image directory.
func (imageFiles) checkName(_ context.Context, e imageSaved) error {
	return checkName(e.Instance.File)
}

// removeImages is a receiver of pre_delete: it deletes the images of products that are about to go for good. Deleting
// the rows sends their own signals, and those remove the files. An archived product keeps its images.
func (imageFiles) removeImages(_ context.Context, products []productDeleted) error {
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

// removeFiles is a receiver of post_delete: it removes the files of deleted rows. A file that another row still names
// is kept.
func (f imageFiles) removeFiles(_ context.Context, images []imageDeleted) error {
	files := make([]string, len(images))
	for i, e := range images {
		files[i] = e.Instance.File
	}
	kept, err := namedFiles(images[0].DB(), files)
	if err != nil {
		return err
	}
	for _, file := range files {
		if kept[file] {
			continue
		}
		if err := f.store.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// namedFiles returns which of the files are named by a row.
func namedFiles(db *gorm.DB, files []string) (map[string]bool, error) {
	var found []string
	if err := db.Model(&Image{}).Where("file IN ?", files).Distinct().Pluck("file", &found).Error; err != nil {
		return nil, fmt.Errorf("product: cannot look for images with the same file: %w", err)
	}
	named := make(map[string]bool, len(found))
	for _, file := range found {
		named[file] = true
	}
	return named, nil
}
