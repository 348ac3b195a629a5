package product

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-signals/signals"
)

// Swept says what Sweep has done, by file names.
type Swept struct {
	PutBack []string // files that lay aside and whose row exists
	Purged  []string // files that lay aside and that no row names
	Strays  []string // files in the directory that no row named, now removed
}

// Sweep makes the image directory agree with the rows again after a crash, or after a commit with an unknown outcome, for which the plugin's
// ErrorHandler gets [signals.ErrOutcomeUnknown]:
//
//   - It puts a file that lies aside back if its row exists, and removes it if no row names it.
//   - It removes a file in the directory that no row names.
//
// Call it when the program starts, and from time to time. It may run while the shop runs, in this process or in others, because it leaves files alone
// that were written or moved aside less than olderThan ago. Choose a time that no transaction and no upload takes, such as an hour; zero if nobody
// else works with the directory. db must not be a transaction, because Sweep goes by committed rows.
//
// A row may be deleted and created again with the same key and file name in one transaction. If a crash follows right after the COMMIT, the row gets
// its old file. This never happens to a row with a new key, as AddImage makes it.
//
// Sweep takes every file of the directory for one of the shop, so give the shop a directory of its own.
func Sweep(ctx context.Context, db *gorm.DB, store *ImageStore, olderThan time.Duration) (swept Swept, err error) {
	if _, inTransaction := signals.SQLTx(db); inTransaction {
		return swept, errors.New("product: Sweep goes by committed rows: call it with the database, not with a transaction")
	}
	files := imageFiles{store: store, rows: db.Session(&gorm.Session{NewDB: true, Context: ctx})}
	before := time.Now().Add(-olderThan)
	err = errors.Join(files.sweepTrash(ctx, before, &swept), files.sweepStrays(ctx, before, &swept))
	if err != nil {
		err = fmt.Errorf("product: Sweep is not done, call it again: %w", err)
	}
	return swept, err
}

// sweepTrash settles the files that lie aside, the newest first. So if one row has several, the place gets the file that the row had before its
// transaction.
func (f imageFiles) sweepTrash(ctx context.Context, before time.Time, swept *Swept) error {
	asides, err := f.store.asides()
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range asides {
		if a.at.After(before) {
			continue
		}
		info, err := f.store.root.Lstat(a.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = f.settle(ctx, []held{{name: a.name, aside: a, info: info}}, unknown)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if there, err := f.store.stat(a.name); err == nil && there != nil && (held{info: info}).is(there) {
			swept.PutBack = append(swept.PutBack, a.name)
		} else {
			swept.Purged = append(swept.Purged, a.name)
		}
	}
	return errors.Join(errs...)
}

// sweepStrays removes files that no row names. It lists the files before it asks the rows. So the file of a row that is committed meanwhile is not in
// the list.
func (f imageFiles) sweepStrays(ctx context.Context, before time.Time, swept *Swept) error {
	old, err := f.store.olderThan(before)
	if err != nil {
		return err
	}
	names := make([]string, len(old))
	for i, file := range old {
		names[i] = file.name
	}
	named, err := namedFiles(f.rows.WithContext(ctx), names)
	if err != nil {
		return err
	}
	var errs []error
	for _, file := range old {
		if named[file.name] {
			continue
		}
		if err := f.store.drop(file); err != nil {
			errs = append(errs, err)
			continue
		}
		swept.Strays = append(swept.Strays, file.name)
	}
	return errors.Join(errs...)
}

// olderThan lists the files in their place that were written before a time. It leaves out names that the shop cannot have written.
func (s *ImageStore) olderThan(before time.Time) ([]held, error) {
	names, err := s.List()
	if err != nil {
		return nil, err
	}
	var old []held
	for _, name := range names {
		if checkName(name) != nil {
			continue
		}
		switch info, err := s.stat(name); {
		case err != nil:
			return nil, err
		case info != nil && !info.ModTime().After(before):
			old = append(old, held{name: name, info: info})
		}
	}
	return old, nil
}
