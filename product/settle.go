package product

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// outcome is what became of the write that a file waited for.
type outcome int

const (
	done    outcome = iota // committed
	undone                 // rolled back, with its transaction or with a savepoint in it
	unknown                // nobody was there to see
)

// settle makes the directory agree with the rows as they are stored now. It runs when a transaction has ended, and asks
// the rows rather than what happened in it: a transaction may roll back a savepoint and write the same row again.
//
//   - A file that no row names goes.
//   - A file that lies aside and that a row names comes back, unless its place was taken by a new file.
//   - Unless the write is known to be committed, a file whose own row is there takes its place again even then: the file
//     in it was written by the transaction that never happened.
//
// One file that cannot be settled does not keep the others from it.
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
		if how == undone { // most likely the row is there, and Sweep finds out otherwise
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

// askAtOnce is the number of names or keys in one query: databases limit them.
const askAtOnce = 500

// namedFiles returns which of the files are named by a row that db's condition, if it has one, leaves in. Databases compare texts as
// their collation says, often without regard to case or trailing blanks: a query finds candidates, and Go compares the bytes. So the query
// must not say DISTINCT, which leaves one of two names that the collation holds for equal.
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

// ownRows returns the places in the trash of those files whose own row, the one that was being deleted, is there.
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
