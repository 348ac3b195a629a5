package product

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"gorm.io/gorm"
)

// ErrBadName is the error for a file name that is not a plain name inside the directory, such as "../x", "/x" or "".
var ErrBadName = errors.New("product: not a plain file name: use a name like \"mug-1.png\", without a folder or a dot in " +
	"front, of at most 200 bytes")

// maxName leaves room for the prefix that a file gets when it is moved aside. File systems allow 255 bytes.
const maxName = 200

// ImageStore keeps image files in one directory, for the rows of one database. It uses an [os.Root], so that no stored name leads out of the
// directory, not even through a symbolic link. All methods are safe for use by several goroutines.
type ImageStore struct {
	root  *os.Root
	rows  atomic.Pointer[gorm.DB] // the database with the rows, outside any transaction; set by Connect
	folds bool                    // the file system ignores case in names

	mu sync.Mutex // held while a file takes or gives up a name
}

// OpenImageStore opens a directory as an image store, and creates it if necessary.
func OpenImageStore(dir string) (*ImageStore, error) {
	root, err := openRoot(dir)
	if err == nil {
		if err = root.MkdirAll(trash, 0o755); err != nil {
			err = errors.Join(err, root.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("product: cannot use %q as image directory: %w", dir, err)
	}
	_, err = root.Lstat(strings.ToUpper(trash))
	return &ImageStore{root: root, folds: err == nil}, nil
}

// connected returns the store with the database that Connect has given it.
func (s *ImageStore) connected() (imageFiles, error) {
	rows := s.rows.Load()
	if rows == nil {
		return imageFiles{}, errors.New("product: nobody keeps this image store in step with its rows: call Connect first")
	}
	return imageFiles{store: s, rows: rows}, nil
}

// Save writes a new file, whole or not at all. If the name is taken, it returns an error that wraps [fs.ErrExist], because another product may show
// that file: remove it first, or choose another name. A rollback does not remove the file; StoreFile ties a file to a transaction.
func (s *ImageStore) Save(name string, picture io.Reader) error {
	_, err := s.save(name, picture)
	return err
}

func (s *ImageStore) save(name string, picture io.Reader) (held, error) {
	if err := checkName(name); err != nil {
		return held{}, err
	}
	f, err := s.create(name)
	if err == nil {
		err = fill(s.root, f, name, picture)
	}
	var info fs.FileInfo
	if err == nil {
		info, err = s.root.Lstat(name)
	}
	if err != nil {
		return held{}, fmt.Errorf("product: cannot save image file %q: %w", name, err)
	}
	return held{name: name, info: info}, nil
}

// create makes an empty file. If the file system ignores case, a name is also taken if it differs only in case from the name of a file that lies
// aside: that file may come back.
func (s *ImageStore) create(name string) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.folds {
		asides, err := s.asides()
		if err != nil {
			return nil, err
		}
		for _, a := range asides {
			if a.name != name && strings.EqualFold(a.name, name) {
				return nil, fmt.Errorf("file %q lies aside: %w", a.name, fs.ErrExist)
			}
		}
	}
	return create(s.root, name)
}

// Remove deletes a file. A missing file is no error.
func (s *ImageStore) Remove(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if info, err := s.root.Lstat(name); err == nil && info.IsDir() {
		return fmt.Errorf("product: cannot remove image file %q: %w", name, errFolder)
	}
	return s.remove(name)
}

func (s *ImageStore) remove(path string) error {
	if err := s.root.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("product: cannot remove image file %q: %w", path, err)
	}
	return nil
}

// Exists reports whether there is a file with that name.
func (s *ImageStore) Exists(name string) (bool, error) {
	info, err := s.stat(name)
	return info != nil, err
}

// errFolder is the error for a name that belongs to something other than a file.
var errFolder = fmt.Errorf("a folder, a link or the like has that name: choose another: %w", fs.ErrInvalid)

// stat describes a file in its place. It returns nil if there is none, if the name is that of a folder, or if only a name in another case exists.
func (s *ImageStore) stat(name string) (fs.FileInfo, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	info, err := s.root.Lstat(name)
	if err == nil && s.folds {
		err = s.listed(name)
	}
	switch {
	case err == nil && !info.Mode().IsRegular():
		return nil, nil //nolint:nilnil // as below
	case err == nil:
		return info, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil //nolint:nilnil // no file is no error
	default:
		return nil, fmt.Errorf("product: cannot look for image file %q: %w", name, err)
	}
}

// occupied reports whether a name belongs to something other than a file.
func (s *ImageStore) occupied(name string) bool {
	info, err := s.root.Lstat(name)
	return err == nil && !info.Mode().IsRegular()
}

// listed returns an error unless the directory has exactly this name.
func (s *ImageStore) listed(name string) error {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err == nil && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name }) {
		err = fs.ErrNotExist
	}
	return err
}

// List returns the names of all files, sorted, without those that lie aside.
func (s *ImageStore) List() ([]string, error) {
	names, err := listFiles(s.root, "")
	if err != nil {
		return nil, fmt.Errorf("product: cannot list the image files: %w", err)
	}
	return names, nil
}

// Close releases the directory. The store cannot be used afterwards.
func (s *ImageStore) Close() error { return s.root.Close() }

// checkName refuses names that are not plain file names on every system.
func checkName(name string) error {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if !filepath.IsLocal(name) || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\:`) ||
		strings.ContainsFunc(name, control) || !utf8.ValidString(name) || len(name) > maxName {
		return fmt.Errorf("%w: %q", ErrBadName, name)
	}
	return nil
}

// openRoot opens a directory as a root that nothing outside it can be reached from, and creates it if necessary.
func openRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

// writeNew writes a new file, whole or not at all.
func writeNew(root *os.Root, name string, content io.Reader) error {
	f, err := create(root, name)
	if err != nil {
		return err
	}
	return fill(root, f, name, content)
}

func create(root *os.Root, name string) (*os.File, error) {
	return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

func fill(root *os.Root, f *os.File, name string, content io.Reader) error {
	_, err := io.Copy(f, content)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, root.Remove(name))
	}
	return nil
}

// listFiles returns the sorted names of the regular files with a suffix.
func listFiles(root *os.Root, ending string) ([]string, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		if entry.Type().IsRegular() && strings.HasSuffix(entry.Name(), ending) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}
