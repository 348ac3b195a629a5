package product

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// outcome is how the write ended that a file waited for.
type outcome int

const (
	done    outcome = iota // committed
	undone                 // rolled back, with its transaction or with a savepoint in it
	unknown                // nobody saw the end
)

// settle makes the directory agree with the stored rows. It runs after a transaction has ended, and asks the rows. It does not follow the statements
// of the transaction, which may roll back a savepoint and write the same row again.
//
//   - It removes a file that no row names.
//   - It puts a file that lies aside back if a row names it, unless a new file has taken its place.
//   - Unless the write is known to be committed, a file whose own row exists takes its place even then: the transaction that wrote the new file did
//     not happen.
//
// An error with one file does not keep settle from the others.
func (f imageFiles) settle(ctx context.Context, files []held, how outcome) error {
	db := f.rows.WithContext(ctx)
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = file.name
	}
	named, err := namedFiles(db, names)
	var own map[string]bool
	if err == nil && how != done {
		own, err = ownRows(db, files)
	}
	if err != nil {
		if how == undone { // most likely the row exists; otherwise Sweep finds out
			for _, file := range files {
				err = errors.Join(err, f.store.putBack(file, false))
			}
		}
		return err
	}
	var errs []error
	for _, file := range files {
		if named[file.name] {
			errs = append(errs, f.store.putBack(file, own[file.aside.path]))
		} else {
			errs = append(errs, f.store.drop(file))
		}
	}
	return errors.Join(errs...)
}

// askAtOnce is the number of names or keys in one query. Databases limit it.
const askAtOnce = 500

// namedFiles returns which of the files are named by a row that satisfies db's condition, if it has one. Databases compare texts by their collation,
// often ignoring case or trailing blanks. So a query finds candidates, and Go compares the bytes. The query must not use DISTINCT, which keeps only
// one of two names that are equal to the collation.
func namedFiles(db *gorm.DB, names []string) (map[string]bool, error) {
	db = db.Session(&gorm.Session{}).Model(&Image{})
	named := map[string]bool{}
	for some := range slices.Chunk(names, askAtOnce) {
		for _, column := range fileColumns() {
			var found []string
			tx := db.Session(&gorm.Session{}).Where(column+" IN ?", some)
			if err := tx.Pluck(column, &found).Error; err != nil {
				return nil, fmt.Errorf("product: cannot look for images with the same file: %w", err)
			}
			for _, name := range found {
				named[name] = true
			}
		}
	}
	return named, nil
}

// ownRows returns the places in the trash of the files whose own row, which was being deleted, exists.
func ownRows(db *gorm.DB, files []held) (map[string]bool, error) {
	own := map[string]bool{}
	for some := range slices.Chunk(files, askAtOnce) {
		ids := make([]uint, len(some))
		for i, file := range some {
			ids[i] = file.aside.row
		}
		var rows []Image
		if err := db.Where("id IN ?", ids).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("product: cannot look for the rows of image files: %w", err)
		}
		for _, file := range some {
			own[file.aside.path] = slices.ContainsFunc(rows, func(row Image) bool {
				return row.ID == file.aside.row && slices.Contains(row.files(), file.name)
			})
		}
	}
	return own, nil
}
