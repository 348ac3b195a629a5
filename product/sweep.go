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

// Swept tells what Sweep has done, by file name.
type Swept struct {
	PutBack []string // files that lay aside and whose row is there
	Purged  []string // files that lay aside and that nobody needs
	Strays  []string // files in the directory that no row named, now removed
}

// Sweep makes the image directory agree with the rows again after a crash, or after a commit of which nobody knows whether
// it succeeded (the ErrorHandler of the plugin gets [signals.ErrOutcomeUnknown]):
//
//   - a file that lies aside is put back when its row is there, and purged when no row names it;
//   - a file in the directory that no row names is removed.
//
// Call it when the program starts, and now and then. It is safe while the shop runs, here or in other processes, because it
// looks only at files that were written, or moved aside, at least olderThan ago: name a time that no transaction and no
// upload takes, such as an hour. Zero is for when nobody else works with the directory. db must be in no transaction,
// since the rows that count are the committed ones.
//
// A row that was deleted and created again with the same key and file name in one transaction gets its old file also when
// the crash came right after the COMMIT. A row with a new key, as AddImage makes it, is never mistaken.
//
// Every file of the directory counts as one of the shop: give it a directory of its own.
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

// sweepTrash settles what lies aside. The newest go first: of several files of one row, the one that it had before its
// transaction ends up in the place.
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

// sweepStrays removes files that no row names. They are listed before the rows are asked, so that a file of a row that is
// committed meanwhile is not among them.
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

// olderThan lists the files in their place that were written before a time. What cannot be a file of the shop is none.
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
