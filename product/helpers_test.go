package product_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-signals/signals"
	"github.com/gorm-signals/signals/product"
)

// outbox is a Mailer that keeps its mails.
type outbox struct {
	mu    sync.Mutex
	mails []product.Mail
	err   error // what Send answers
}

func (o *outbox) Send(_ context.Context, m product.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	o.mails = append(o.mails, m)
	return nil
}

// take returns the subjects so far and forgets them.
func (o *outbox) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	subjects := make([]string, len(o.mails))
	for i, m := range o.mails {
		subjects[i] = m.Subject
	}
	o.mails = nil
	return subjects
}

// testShop is a connected shop on a fresh database.
type testShop struct {
	t          *testing.T
	db         *gorm.DB
	dir        string // of the images
	store      *product.ImageStore
	outbox     *outbox
	handled    *handled
	disconnect func()
}

// handled keeps the errors that the plugin's ErrorHandler gets.
type handled struct {
	mu   sync.Mutex
	errs []error
}

func (h *handled) add(_ context.Context, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs = append(h.errs, err)
}

func (h *handled) take() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	errs := h.errs
	h.errs = nil
	return errors.Join(errs...)
}

func newShop(t *testing.T) *testShop {
	t.Helper()
	return connect(t, openDB(t))
}

// connect makes a shop on a database without the plugin.
func connect(t *testing.T, db *gorm.DB) *testShop {
	t.Helper()
	s := &testShop{t: t, db: db, dir: t.TempDir(), outbox: &outbox{}, handled: &handled{}}
	s.store = openStoreIn(t, s.dir)
	require.NoError(t, s.db.Use(signals.Plugin{ErrorHandler: s.handled.add}))
	disconnect, err := product.Connect(s.db, s.config())
	require.NoError(t, err)
	t.Cleanup(disconnect)
	s.disconnect = disconnect
	return s
}

func (s *testShop) config() product.Shop {
	return product.Shop{Images: s.store, Mailer: s.outbox, From: "shop@example.com", To: []string{"ann@example.com"}}
}

// inModes runs a test on shops whose databases treat transactions in different ways.
func inModes(t *testing.T, test func(s *testShop)) {
	t.Helper()
	for name, config := range map[string]*gorm.Config{
		"default": {}, "SkipDefaultTransaction": {SkipDefaultTransaction: true}, "PrepareStmt": {PrepareStmt: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(connect(t, openWith(t, config)))
		})
	}
	t.Run("one connection", func(t *testing.T) {
		t.Parallel()
		db := openDB(t)
		pool, err := db.DB()
		require.NoError(t, err)
		pool.SetMaxOpenConns(1)
		test(connect(t, db))
	})
}

// openDB returns a fresh database with the tables and without the plugin.
func openDB(t *testing.T) *gorm.DB {
	t.Helper()
	return openWith(t, &gorm.Config{})
}

func openWith(t *testing.T, config *gorm.Config) *gorm.DB {
	t.Helper()
	config.Logger = logger.Discard
	dsn := filepath.Join(t.TempDir(), "shop.db") + "?_foreign_keys=on&_busy_timeout=10000&_txlock=immediate"
	db, err := gorm.Open(sqlite.Open(dsn), config)
	require.NoError(t, err)
	t.Cleanup(func() {
		pool, err := db.DB()
		require.NoError(t, err)
		require.NoError(t, pool.Close())
	})
	require.NoError(t, db.AutoMigrate(product.Models()...))
	return db
}

func openStore(t *testing.T) *product.ImageStore {
	t.Helper()
	return openStoreIn(t, t.TempDir())
}

func openStoreIn(t *testing.T, dir string) *product.ImageStore {
	t.Helper()
	store, err := product.OpenImageStore(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// add creates a product with images, and forgets the mail about it.
func (s *testShop) add(name string, price int64, stock int, files ...string) *product.Product {
	s.t.Helper()
	p := &product.Product{Name: name, Price: price, Stock: stock}
	require.NoError(s.t, s.db.Create(p).Error)
	for _, file := range files {
		_, err := product.AddImage(s.db, s.store, p.ID, file, strings.NewReader("picture"))
		require.NoError(s.t, err)
	}
	s.outbox.take()
	return p
}

// files lists the image directory.
func (s *testShop) files() []string {
	s.t.Helper()
	names, err := s.store.List()
	require.NoError(s.t, err)
	return names
}

// rows counts the rows that a condition matches, archived ones too.
func (s *testShop) rows(model any, where ...any) int64 {
	s.t.Helper()
	tx := s.db.Unscoped().Model(model)
	if len(where) > 0 {
		tx = tx.Where(where[0], where[1:]...)
	}
	var n int64
	require.NoError(s.t, tx.Count(&n).Error)
	return n
}

func picture() *bytes.Reader { return bytes.NewReader([]byte("picture")) }

// aside lists the files that lie aside.
func (s *testShop) aside() []string {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, ".trash"))
	require.NoError(s.t, err)
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names
}

// content reads a file.
func (s *testShop) content(name string) string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.dir, name))
	require.NoError(s.t, err)
	return string(content)
}

// image reads the row of an image.
func (s *testShop) image(file string) *product.Image {
	s.t.Helper()
	var image product.Image
	require.NoError(s.t, s.db.Where("file = ?", file).Take(&image).Error)
	return &image
}

// agree checks that the image directory has exactly the files that rows name, and exactly the given ones. It also checks that no file lies aside and
// that the ErrorHandler got no error.
func (s *testShop) agree(files ...string) {
	s.t.Helper()
	require.NoError(s.t, s.handled.take())
	require.ElementsMatch(s.t, s.named(), s.files(), "rows and files")
	require.ElementsMatch(s.t, files, s.files(), "files")
	require.Empty(s.t, s.aside())
}

// named lists the files that rows name.
func (s *testShop) named() []string {
	s.t.Helper()
	var images []product.Image
	require.NoError(s.t, s.db.Find(&images).Error)
	var names []string
	for _, image := range images {
		names = append(names, image.File, image.Thumb)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// errBack is why a test rolls back.
var errBack = errors.New("changed my mind")

// rolledBack runs f in a transaction, or a savepoint, that is rolled back.
func rolledBack(t *testing.T, db *gorm.DB, f func(tx *gorm.DB)) {
	t.Helper()
	require.ErrorIs(t, db.Transaction(func(tx *gorm.DB) error {
		f(tx)
		return errBack
	}), errBack)
}

// committed runs f in a transaction that commits.
func committed(t *testing.T, db *gorm.DB, f func(tx *gorm.DB)) {
	t.Helper()
	require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
		f(tx)
		return nil
	}))
}
