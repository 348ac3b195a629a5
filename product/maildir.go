package product

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// DirMailer writes each mail to a file of its own, "0001-new-product-blue-mug.eml", which a mail program can open. It is for demos, development and
// tests. Send is safe for use by several goroutines.
type DirMailer struct {
	root *os.Root
	mu   sync.Mutex
	last int // number of the last file
}

// OpenDirMailer opens a directory for mails, and creates it if necessary. It keeps the mails in the directory, and continues their numbers.
func OpenDirMailer(dir string) (*DirMailer, error) {
	root, err := openRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("product: cannot use %q as mail directory: %w", dir, err)
	}
	m := &DirMailer{root: root}
	names, err := m.List()
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	m.last = len(names)
	return m, nil
}

// Send writes the mail to a new file.
func (d *DirMailer) Send(ctx context.Context, m Mail) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("product: the mail %q is not sent: %w", m.Subject, err)
	}
	message, err := m.Message()
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		d.last++
		err := writeNew(d.root, fmt.Sprintf("%04d-%s.eml", d.last, slug(m.Subject)), bytes.NewReader(message))
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, fs.ErrExist): // a number that is taken is no problem, the loop tries the next
			return fmt.Errorf("product: cannot write the mail %q: %w", m.Subject, err)
		}
	}
}

// List returns the names of the mail files, oldest first.
func (d *DirMailer) List() ([]string, error) {
	names, err := listFiles(d.root, ".eml")
	if err != nil {
		return nil, fmt.Errorf("product: cannot list the mails: %w", err)
	}
	return names, nil
}

// ReadFile returns the content of a mail file.
func (d *DirMailer) ReadFile(name string) ([]byte, error) { return d.root.ReadFile(name) }

// Close releases the directory.
func (d *DirMailer) Close() error { return d.root.Close() }

// slug returns a text in the form of a part of a file name: its ASCII letters and digits, joined by dashes.
func slug(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	s := strings.Join(words, "-")
	if len(s) > 60 {
		s = strings.TrimRight(s[:60], "-")
	}
	if s == "" {
		return "mail"
	}
	return s
}
