package product

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrBadName is returned for a file name that is not a plain name inside the directory, such as "../x", "/x" or "".
var ErrBadName = errors.New("product: not a plain file name: use a name like \"mug-1.png\", without a folder")

// ImageStore keeps image files in one directory. It reaches them through an [os.Root], so that no stored name leaves the
// directory, not even through a symbolic link. All methods are safe from any goroutine.
type ImageStore struct {
	root *os.Root
}

// OpenImageStore opens a directory as an image store and makes it when it does not exist.
func OpenImageStore(dir string) (*ImageStore, error) {
	root, err := openRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("product: cannot use %q as image directory: %w", dir, err)
	}
	return &ImageStore{root: root}, nil
}

// Save writes a new file. A name that is taken is an error that wraps [fs.ErrExist], because another product may show that
// file: remove it first, or choose another name. A file that cannot be written whole is not kept.
func (s *ImageStore) Save(name string, picture io.Reader) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := writeNew(s.root, name, picture); err != nil {
		return fmt.Errorf("product: cannot save image file %q: %w", name, err)
	}
	return nil
}

// Remove deletes a file. A file that is not there is no error: it is gone, as was asked.
func (s *ImageStore) Remove(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("product: cannot remove image file %q: %w", name, err)
	}
	return nil
}

// Exists reports whether there is a file of that name.
func (s *ImageStore) Exists(name string) (bool, error) {
	if err := checkName(name); err != nil {
		return false, err
	}
	switch _, err := s.root.Lstat(name); {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	default:
		return false, fmt.Errorf("product: cannot look for image file %q: %w", name, err)
	}
}

// List returns the names of all files, sorted.
func (s *ImageStore) List() ([]string, error) {
	names, err := listFiles(s.root, "")
	if err != nil {
		return nil, fmt.Errorf("product: cannot list the image files: %w", err)
	}
	return names, nil
}

// Close releases the directory. The store cannot be used after it.
func (s *ImageStore) Close() error { return s.root.Close() }

// checkName refuses names that are no plain file name on any system.
func checkName(name string) error {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if name == "." || !filepath.IsLocal(name) || strings.ContainsAny(name, `/\:`) || strings.ContainsFunc(name, control) {
		return fmt.Errorf("%w: %q", ErrBadName, name)
	}
	return nil
}

// openRoot opens a directory, made when it does not exist, so that nothing outside it can be reached.
func openRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

// writeNew writes a file that does not exist yet, whole or not at all.
func writeNew(root *os.Root, name string, content io.Reader) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, root.Remove(name))
	}
	return nil
}

// listFiles returns the sorted names of the regular files with an ending.
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
