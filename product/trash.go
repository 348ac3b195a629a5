package product

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// trash is the folder of the image directory for files whose rows are being deleted. A file lies there from pre_delete to the end of the transaction.
// Its name holds all that Sweep needs after a crash:
//
//	.trash/<when it was moved>-<key of its row>-<random>-<its name>
const trash = ".trash"

// held is a file that waits for the end of a transaction.
type held struct {
	name  string      // as rows name it
	aside aside       // where it was moved; zero if it is in its place
	info  fs.FileInfo // identifies the file, because a new one may have taken the name since
}

// aside is a place in the trash.
type aside struct {
	path string    // inside the image directory
	name string    // name of the file in the rows
	row  uint      // key of the Image that was being deleted
	at   time.Time // when it was moved
}

func newAside(name string, row uint) aside {
	now := time.Now()
	base := fmt.Sprintf("%d-%d-%s-%s", now.UnixNano(), row, rand.Text()[:8], name)
	return aside{path: path.Join(trash, base), name: name, row: row, at: now}
}

// parseAside reads the name of a file in the trash.
func parseAside(base string) (a aside, ok bool) {
	parts := strings.SplitN(base, "-", 4)
	if len(parts) < 4 || checkName(parts[3]) != nil {
		return a, false
	}
	at, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return a, false
	}
	row, err := strconv.ParseUint(parts[1], 10, strconv.IntSize)
	if err != nil {
		return a, false
	}
	return aside{path: path.Join(trash, base), name: parts[3], row: uint(row), at: time.Unix(0, at)}, true
}

// asides lists the files in the trash, the newest first. It leaves out folders, and files that somebody else has put there.
func (s *ImageStore) asides() ([]aside, error) {
	entries, err := fs.ReadDir(s.root.FS(), trash)
	if err != nil {
		return nil, fmt.Errorf("product: cannot list the image files that lie aside: %w", err)
	}
	var found []aside
	for _, entry := range entries {
		if a, ok := parseAside(entry.Name()); ok && entry.Type().IsRegular() {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b aside) int { return b.at.Compare(a.at) })
	return found, nil
}

// find looks for a file in its place, and then in the trash: files of a savepoint that was rolled back are put back only when the transaction ends.
// It returns false if there is no such file.
func (s *ImageStore) find(name string) (h held, ok bool, err error) {
	info, err := s.stat(name)
	if info != nil || err != nil {
		return held{name: name, info: info}, info != nil, err
	}
	asides, err := s.asides()
	if err != nil {
		return held{}, false, err
	}
	for _, a := range asides {
		if a.name != name {
			continue
		}
		if info, err := s.root.Lstat(a.path); err == nil {
			return held{name: name, aside: a, info: info}, true, nil
		}
	}
	return held{}, false, nil
}

// moveAside moves a file into the trash for a row that is being deleted. It returns false if there is no such file.
func (s *ImageStore) moveAside(name string, row uint) (h held, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok, err = s.find(name)
	if err != nil || !ok || h.aside.path != "" {
		return h, ok, err
	}
	to := newAside(name, row)
	if err := s.root.Rename(name, to.path); err != nil {
		return held{}, false, fmt.Errorf("product: cannot move image file %q aside: %w", name, err)
	}
	h.aside = to
	return h, true, nil
}

// putBack moves a file from the trash to its place. If another file has the place, replace decides: that file gives way, or the one in the trash is
// removed. Nothing happens if the file has left the trash.
func (s *ImageStore) putBack(h held, replace bool) error {
	if h.aside.path == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	there, err := s.stat(h.name)
	switch {
	case err != nil:
		return err
	case there != nil && !replace:
		return s.remove(h.aside.path)
	}
	if err := s.root.Rename(h.aside.path, h.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("product: cannot put image file %q back: %w", h.name, err)
	}
	return nil
}

// drop removes a file, wherever it is now. It leaves another file with the same name alone.
func (s *ImageStore) drop(h held) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if h.aside.path != "" {
		errs = append(errs, s.remove(h.aside.path))
	}
	there, err := s.stat(h.name)
	errs = append(errs, err)
	if there != nil && h.is(there) {
		errs = append(errs, s.remove(h.name))
	}
	return errors.Join(errs...)
}

// is reports whether there is the same file, and not one that was written in its place.
func (h held) is(there fs.FileInfo) bool {
	return h.info != nil && os.SameFile(h.info, there) && h.info.ModTime().Equal(there.ModTime())
}
